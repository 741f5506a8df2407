import type { ChangedFile, Comparison } from '../../protocol/api/changes.ts';
import type { Size } from '../../protocol/api/common.ts';
import type { ObjectId, TagName } from '../../protocol/names.ts';
import type { Difference, TreeComparison } from '../ports/repository.ts';
import { contentOf } from './assign.ts';
import type { Context } from './context.ts';

export interface ComparisonQuestion {
  readonly from: TagName | 'trunk';
  readonly to: TagName | 'trunk';
  /** Of this file the patch, too. */
  readonly path?: string | undefined;
}

export type Compared =
  | { readonly kind: 'compared'; readonly comparison: Comparison }
  | { readonly kind: 'unknown-tag'; readonly tag: string }
  /** The repository cannot be read, or it would take too long. */
  | { readonly kind: 'unavailable'; readonly sentence: string; readonly hint: string };

/** More of a patch is not shown. */
export const PATCH_BYTES = 512 * 1024;

/** In what two tags differ in the repository, whatever the nodes make of it. */
export async function compareTags(context: Context, { from, to, path }: ComparisonQuestion): Promise<Compared> {
  const sides = sidesOf(context, from, to);
  if ('missing' in sides) return { kind: 'unknown-tag', tag: sides.missing };
  const trees = { from: sides.from.tree, to: sides.to.tree };
  try {
    const compared = await context.repository.compare(trees.from, trees.to);
    const patch =
      path === undefined ? null : await context.repository.patch({ ...trees, path, limitBytes: PATCH_BYTES });
    const comparison = {
      ...shownComparison(sides, compared),
      patch: patch?.text ?? null,
      isPatchCut: patch?.isCut ?? false,
    };
    return { kind: 'compared', comparison };
  } catch (error) {
    return unavailable(context, `${from} and ${to} cannot be compared`, error);
  }
}

/** More is of no use to anybody, and has to be held in memory. */
const WHOLE_BYTES = 64 * 1024 * 1024;

/** The patches of all files, as git makes them; at the end a line that says so where there is more. Rejects where git fails. */
export async function* wholePatch(
  context: Context,
  { from, to }: Pick<ComparisonQuestion, 'from' | 'to'>,
): AsyncGenerator<string> {
  const sides = sidesOf(context, from, to);
  if ('missing' in sides) return;
  const question = { from: sides.from.tree, to: sides.to.tree, path: null, limitBytes: WHOLE_BYTES };
  const { text, isCut } = await context.repository.patch(question);
  if (text !== null) yield text;
  if (isCut) yield `There is more; --path shows one file, --stat all that differ.\n`;
}

export function unavailable(
  context: Context,
  what: string,
  error: unknown,
): Extract<Compared, { kind: 'unavailable' }> {
  const reason = error instanceof Error ? error.message : String(error);
  context.log.error(what, { reason });
  const sentence = `${what}: the repository cannot be read, or it takes too long`;
  return { kind: 'unavailable', sentence, hint: "the server's log says why" };
}

export interface Sides {
  readonly from: Side;
  readonly to: Side;
}

export interface Side {
  readonly name: TagName | 'trunk';
  readonly commit: ObjectId;
  readonly tree: ObjectId;
}

export function sidesOf(
  context: Context,
  from: TagName | 'trunk',
  to: TagName | 'trunk',
): Sides | { readonly missing: TagName | 'trunk' } {
  const [before, after] = [contentOf(context, from), contentOf(context, to)];
  if (before === undefined) return { missing: from };
  if (after === undefined) return { missing: to };
  return { from: { name: from, ...before }, to: { name: to, ...after } };
}

/** The part of a comparison that is in the list, with at most so many files. */
export function shownComparison({ from, to }: Sides, compared: TreeComparison, most = Number.POSITIVE_INFINITY) {
  const files: readonly ChangedFile[] = compared.files.slice(0, most);
  const total = filesIn(compared.counts);
  return {
    from: { name: from.name, commit: from.commit },
    to: { name: to.name, commit: to.commit },
    size: sizeOf(compared),
    files: [...files],
    more: total - files.length,
  };
}

export function sizeOf({ counts, lines }: Pick<TreeComparison, 'counts' | 'lines'>): Size {
  return { files: filesIn(counts), insertions: lines?.insertions ?? null, deletions: lines?.deletions ?? null };
}

function filesIn(counts: Readonly<Record<Difference, number>>): number {
  return Object.values(counts).reduce((sum, number) => sum + number, 0);
}
