import { killswitchText } from '../core/killswitch.ts';
import type { Attempt } from '../ports/common.ts';
import type { Actor, Context } from './context.ts';
import { knownEnvironments } from './mark.ts';
import { noteEdit } from './note-edit.ts';

export interface KillOrder {
  /** Null = everything. */
  readonly environment: string | null;
  readonly message: string;
  readonly actor: Actor;
}

/** Creates the killswitch file before anything else is read. A wrong environment stops everything, which is said. */
export async function kill(
  context: Context,
  { environment, message, actor }: KillOrder,
): Promise<Attempt<{ readonly path: string; readonly warning?: string }>> {
  const raised = await context.editor.raise(environment, message);
  if (raised.ok) noteKillswitch(context, { actor, why: message === '' ? null : message });
  return raised;
}

/** Records who changed the killswitch, before the look at it does it with no more than the file's owner. */
export function noteKillswitch(context: Context, who: { readonly actor: Actor; readonly why: string | null }): void {
  noteEdit(context, { file: 'killswitch', text: killswitchText(context.files.killswitch()), ...who });
}

export interface ResumeOrder {
  readonly environment: string | null;
  /** The version of the file that was shown to whoever resumes. */
  readonly shown: string;
  readonly reason?: string;
  readonly actor: Actor;
}

export async function resume(
  context: Context,
  { environment, shown, actor, reason }: ResumeOrder,
): Promise<Attempt<{ readonly path: string }>> {
  const released = await context.editor.release(environment, shown);
  if (released.ok) noteKillswitch(context, { actor, why: reason ?? null });
  return released;
}

export interface KillswitchShown {
  readonly environment: string | null;
  readonly message: string;
  readonly version: string;
}

/** The killswitch files that exist, the global one first. */
export function killswitches(context: Context): KillswitchShown[] {
  const look = context.files.killswitch();
  const names: (string | null)[] = [null, ...look.environments.keys()];
  return names.flatMap((environment) => {
    const file = context.editor.raised(environment);
    return file === null ? [] : [{ environment, ...file }];
  });
}

export function isKnownEnvironment(context: Context, environment: string): boolean {
  return knownEnvironments(context).has(environment);
}
