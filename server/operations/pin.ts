import { parseTagName } from '../../protocol/names.ts';
import { editPins, type NewPin } from '../core/pins.ts';
import type { Attempt } from '../ports/common.ts';
import type { Actor, Context } from './context.ts';
import { noteEdit } from './note-edit.ts';

export interface PinOrder {
  /** A hostname or glob. */
  readonly host: string;
  /** Null = unpin. */
  readonly pin: NewPin | null;
  /** Kept in the history; the reason of a pin stands in the file too. */
  readonly why: string | null;
  readonly actor: Actor;
}

const WAIT_MS = 5_000;

/** Edits `pins`. Takes effect once the file is settled. */
export async function pin(context: Context, order: PinOrder): Promise<Attempt<{ readonly changed: boolean }>> {
  const refusal = unfitPin(context, order.pin);
  if (refusal !== undefined) return refusal;
  const edited = await context.editor.edit('pins', (text) => editPins(text ?? '', order), {
    waitMs: WAIT_MS,
    insist: false,
  });
  if (!edited.ok) return edited;
  const { before, after } = edited.value;
  if (before !== after) noteEdit(context, { file: 'pins', before, text: after, actor: order.actor, why: order.why });
  return { ok: true, value: { changed: before !== after } };
}

/** Why nothing is pinned so; undefined where it can be. */
export function unfitPin({ shelf }: Pick<Context, 'shelf'>, change: NewPin | null): Attempt<never> | undefined {
  const tag = change === null ? undefined : parseTagName(change.tag);
  if (tag === undefined) return undefined;
  const record = shelf.current().byName.get(tag);
  if (record === undefined)
    return { ok: false, sentence: `there is no tag ${tag}`, hint: '"tagwave-server tags" lists those that exist' };
  if (record.broken === null) return undefined;
  return { ok: false, sentence: `${tag} is broken: ${record.broken}`, hint: 'pin to a tag that can be served' };
}
