import type { Actor, Context } from './context.ts';
import { ownerOf } from './note-change.ts';

export interface Edit {
  readonly file: string;
  readonly text: string | null;
  /** What the file held right before; undefined where that was not read. */
  readonly before?: string | null;
  readonly actor: Actor;
  readonly why: string | null;
}

/**
 * Records who made an edit, before the look at the file does it with no more than the file's owner. The edit counts from the
 * next decision, as far as it counts before it is settled.
 */
export function noteEdit(context: Context, { file, text, before, actor, why }: Edit): void {
  const at = context.time.now();
  const found = before === undefined ? {} : { before: { text: before, by: ownerOf(context.files, file) } };
  context.journal.write((store) => store.recordControl({ file, text, at, ...actor, why, ...found }));
  context.desk.lookAgain();
  context.standing.lookAgain();
}
