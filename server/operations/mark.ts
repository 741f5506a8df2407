import { hourOf, type TagName } from '../../protocol/names.ts';
import type { MarkState } from '../core/marks.ts';
import { nearestTag } from '../core/tag.ts';
import { type EditedTagstate, editTagstate } from '../core/tagstate-edit.ts';
import type { Attempt } from '../ports/common.ts';
import type { ControlFileEditor } from '../ports/files.ts';
import type { Actor, Context } from './context.ts';
import { type Edit, noteEdit } from './note-edit.ts';

export interface MarkOrder {
  readonly tag: TagName;
  readonly state: MarkState | 'none';
  /** Undefined = for all. */
  readonly environments?: readonly string[];
  readonly reason?: string;
  /** Mark a tag that does not exist. */
  readonly force?: boolean;
  /** How long to wait for another editor, in milliseconds. */
  readonly waitMs?: number;
  /** By the server itself: only where nobody has written a line about the tag. */
  readonly automatic?: boolean;
  readonly actor: Actor;
}

export interface Marked {
  readonly changed: boolean;
  readonly before: string | null;
  readonly text: string;
  /** Something to tell the operator though it worked. */
  readonly warning?: string;
}

/** `refused`: the file stays as it is because the order itself cannot be carried out, however often it is tried. */
export type MarkOutcome =
  | Attempt<Marked>
  | { readonly ok: false; readonly sentence: string; readonly hint: string; readonly refused: true };

const WAIT_MS = 2_000;

/** Edits `tagstate`, unless there is no such tag. */
export async function mark(context: Context, order: MarkOrder): Promise<MarkOutcome> {
  const missing = missingTag(context, order);
  if (missing !== undefined) return missing;
  const marked = await editMarks(context.editor, knownEnvironments(context), order);
  if (marked.ok && marked.value.changed)
    noteEdit(context, { ...editOf(marked.value), actor: order.actor, why: order.reason ?? null });
  return marked;
}

export function editOf({ before, text }: Marked): Pick<Edit, 'file' | 'before' | 'text'> {
  return { file: 'tagstate', before, text };
}

/** The edit alone, reading nothing but the file. A mark that stops a tag never waits long for another editor. */
export async function editMarks(
  editor: ControlFileEditor,
  known: ReadonlySet<string>,
  order: MarkOrder,
): Promise<MarkOutcome> {
  let outcome: EditedTagstate | undefined;
  const insist = order.state === 'bad' || order.state === 'badfwd';
  const edited = await editor.edit(
    'tagstate',
    (text) => {
      outcome = editTagstate(text ?? '', { ...order, known });
      return 'refused' in outcome || !outcome.changed ? undefined : outcome.text;
    },
    { waitMs: order.waitMs ?? WAIT_MS, insist },
  );
  if (!edited.ok) return edited;
  if (outcome !== undefined && 'refused' in outcome)
    return { ok: false, sentence: outcome.refused, hint: outcome.hint, refused: true };
  const { before, after, warning } = edited.value;
  return {
    ok: true,
    value: { changed: before !== after, before, text: after ?? '', ...(warning === undefined ? {} : { warning }) },
  };
}

export function knownEnvironments(context: Context): ReadonlySet<string> {
  const state = context.desk.look();
  return state.kind === 'ready' ? state.controls.environments : new Set();
}

/** The refusal of a mark for a tag that does not exist, where nobody insists; undefined where it can be made. */
export function missingTag(
  context: Context,
  { tag, state, force }: Pick<MarkOrder, 'tag' | 'state' | 'force'>,
): Attempt<never> | undefined {
  const { byName, tags } = context.shelf.current();
  if (force === true || state === 'none' || byName.has(tag)) return undefined;
  const nearest = nearestTag(tags, hourOf(tag));
  return {
    ok: false,
    sentence: `there is no tag ${tag}`,
    hint: `${nearest === undefined ? '' : `the nearest is ${nearest.name}; `}"tagwave-server tags" lists them, and --force marks it all the same`,
  };
}
