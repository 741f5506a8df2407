import { setTimeout as delay } from 'node:timers/promises';
import { type App, processProblems } from '../compose.ts';
import { composeCheck } from '../compose-commands.ts';
import { sentenceOf } from '../core/problem.ts';
import { check } from '../operations/check.ts';
import type { SettingsSource } from '../settings/read.ts';
import { baseOf, type CommonOptions, type ExitCode, failWith } from './command.ts';

export interface ServeOptions extends CommonOptions {
  readonly listen?: string;
  /** Which part of a server this process is; absent: whoever was called by hand. */
  readonly as?: string;
}

/** Where the settings of a server come from. */
export function sourceOf(options: ServeOptions): Omit<SettingsSource, 'lastValid'> {
  const { listen } = options;
  return { base: baseOf(options), env: process.env, flags: listen === undefined ? {} : { listen } };
}

/** All errors at once: also those of files that were not looked at when the first one was found. */
export async function refuse(options: ServeOptions, sentences: readonly string[]): Promise<ExitCode> {
  const found = check(await composeCheck(sourceOf(options))).filter(({ severity }) => severity === 'error');
  const all = new Set([...sentences, ...found.map(({ sentence }) => sentence)]);
  return failWith(options, {
    sentences: [...all],
    hint: 'correct them and start again; "tagwave-server check" shows what is wrong with the control files',
  });
}

/** The control files are settled, or invalid without anything to fall back on. */
export async function settled({
  context,
}: App): Promise<{ readonly kind: 'ready' } | { readonly kind: 'refused'; readonly sentences: string[] }> {
  for (;;) {
    const state = context.desk.look();
    if (state.kind === 'ready') return { kind: 'ready' };
    if (state.kind === 'refused') return { kind: 'refused', sentences: state.errors.map(sentenceOf) };
    await delay(20);
  }
}

/** Says in status and log what is wrong with how this process was started. */
export function tellOfProcess({ context, settings }: App): void {
  const problems = processProblems(settings);
  context.problems.set('process', problems);
  for (const { sentence, hint } of problems) context.log.warn(sentence, { hint });
}
