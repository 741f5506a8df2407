import type { Actor, Context } from './context.ts';

/**
 * Records who made an edit, before the look at the file does it with no more than the file's owner. The edit counts from the
 * next decision, as far as it counts before it is settled.
 */
export function noteEdit(
  context: Context,
  {
    file,
    text,
    actor,
    why,
  }: { readonly file: string; readonly text: string | null; readonly actor: Actor; readonly why: string | null },
): void {
  const at = context.time.now();
  context.journal.write((store) => store.recordControl({ file, text, at, ...actor, why }));
  context.desk.lookAgain();
}
