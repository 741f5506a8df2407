import { setImmediate as turn } from 'node:timers/promises';
import type { ChangedFile, Comparison } from '../../protocol/api/changes.ts';
import type { NodeFiles } from '../../protocol/api/nodes.ts';
import { digestOf, manifestLine } from '../../protocol/manifest.ts';
import type { Hostname, ObjectId, TagName } from '../../protocol/names.ts';
import type { Decision } from '../core/decide.ts';
import type { NodeInputs } from '../core/node-inputs.ts';
import { lineCounts, textPatch } from '../core/text-patch.ts';
import { attributes, type ViewDifference, viewDifferences } from '../core/view-difference.ts';
import { type PreviewedView, UnfitContent } from '../ports/content.ts';
import { contentOf } from './assign.ts';
import { type Compared, PATCH_BYTES, unavailable } from './compare.ts';
import type { Context } from './context.ts';
import { explain } from './explain.ts';

type Named = TagName | 'trunk';

/** Why a node's files cannot be shown. */
export type NoFiles =
  | Exclude<Compared, { kind: 'compared' }>
  | { readonly kind: 'not-ready'; readonly sentence: string; readonly hint: string }
  /** It is given nothing now, or nobody knows what belongs to it. */
  | { readonly kind: 'stopped'; readonly decision: Exclude<Decision, { outcome: 'serve' }> }
  | { readonly kind: 'broken-tag'; readonly sentence: string };

export interface FilesQuestion {
  readonly hostname: Hostname;
  /** Undefined: what it is due. */
  readonly tag?: Named | undefined;
}

/** The files of a tag as one node should have them. Changes nothing. */
export async function nodeFiles(
  context: Context,
  { hostname, tag }: FilesQuestion,
): Promise<{ readonly kind: 'files'; readonly files: NodeFiles } | NoFiles> {
  const node = await lookUp(context, hostname);
  if (node.kind !== 'node') return node;
  if (tag === undefined && node.decision.outcome !== 'serve') return { kind: 'stopped', decision: node.decision };
  const name = tag ?? (node.decision.outcome === 'serve' ? node.decision.tag : 'trunk');
  const seen = await viewOf(context, name, node.inputs);
  if (seen.kind !== 'view') return seen;
  const { entries } = seen.view;
  const digest = digestOf(entries.map(manifestLine).join(''));
  const files = entries.map(({ from: _, ...entry }) => entry);
  return { kind: 'files', files: { hostname, tag: name, digest, files } };
}

export interface NodeDiffQuestion {
  readonly hostname: Hostname;
  readonly from: Named;
  readonly to: Named;
  readonly path?: string | undefined;
}

/** So many files are named, and of so many the lines are counted, as far as they are not larger than this. */
const SHOWN = 1000;
const COUNTED = 200;
const COUNTED_BYTES = 256 * 1024;
/** Larger files are not compared line by line. */
const TEXT_BYTES = 1024 * 1024;

/** A node's views of two tags, to be compared as far as somebody wants to know. */
export interface TwoViews {
  readonly kind: 'views';
  comparison(path: string | undefined): Promise<Compared>;
  /** Of every file that differs, in the order of the comparison; of what is no text a line that says so. */
  patches(): AsyncIterable<string>;
}

/** In what a node's view of one tag differs from its view of another: rendered and layered, as the node would have them. */
export async function nodeDiff(context: Context, question: NodeDiffQuestion): Promise<Compared | NoFiles> {
  const views = await twoViews(context, question);
  return views.kind === 'views' ? views.comparison(question.path) : views;
}

export async function twoViews(
  context: Context,
  question: Omit<NodeDiffQuestion, 'path'>,
): Promise<TwoViews | NoFiles> {
  const { hostname } = question;
  const node = await lookUp(context, hostname);
  if (node.kind !== 'node') return node;
  const from = await viewOf(context, question.from, node.inputs);
  if (from.kind !== 'view') return from;
  const to = await viewOf(context, question.to, node.inputs);
  if (to.kind !== 'view') return to;
  const sides = { from: from.view, to: to.view };
  const differences = viewDifferences(from.view.entries, to.view.entries);
  const comparison = async (path: string | undefined): Promise<Compared> => {
    try {
      const files = await changedFiles(sides, differences);
      const patch =
        path === undefined
          ? NO_PATCH
          : await patchOf(
              sides,
              differences.find((one) => one.path === path),
            );
      const compared: Comparison = {
        from: { name: question.from, commit: from.commit },
        to: { name: question.to, commit: to.commit },
        size: sizeOf(files, differences.length),
        files,
        more: differences.length - files.length,
        ...patch,
      };
      return { kind: 'compared', comparison: compared };
    } catch (error) {
      return unavailable(context, `the views of ${hostname} cannot be compared`, error);
    }
  };
  return { kind: 'views', comparison, patches: () => patchesOf(sides, differences) };
}

async function* patchesOf(sides: Sides, differences: readonly ViewDifference[]): AsyncGenerator<string> {
  for (const difference of differences) {
    const { path, oldPath, status } = difference;
    const { patch } = await patchOf(sides, difference);
    const names = `a/${oldPath ?? path} b/${path}`;
    yield `diff ${names}\n${patch ?? (status === 'renamed' ? '' : `Binary or large files differ\n`)}`;
  }
}

type LookedUp =
  | { readonly kind: 'node'; readonly decision: Decision; readonly inputs: NodeInputs }
  | Extract<NoFiles, { kind: 'not-ready' | 'stopped' }>;

async function lookUp(context: Context, hostname: Hostname): Promise<LookedUp> {
  const explained = await explain(context, hostname);
  if (!explained.ok) return { kind: 'not-ready', sentence: explained.sentence, hint: explained.hint };
  const { decision, environment, groups } = explained.value;
  if (environment === '' && decision.outcome !== 'serve') return { kind: 'stopped', decision };
  return { kind: 'node', decision, inputs: { hostname, environment, groups, facts: context.fleet.facts(hostname) } };
}

type Seen =
  | { readonly kind: 'view'; readonly view: PreviewedView; readonly commit: ObjectId }
  | Extract<NoFiles, { kind: 'unknown-tag' | 'broken-tag' | 'unavailable' }>;

async function viewOf(context: Context, tag: Named, inputs: NodeInputs): Promise<Seen> {
  const content = contentOf(context, tag);
  if (content === undefined) return { kind: 'unknown-tag', tag };
  try {
    return { kind: 'view', view: await context.views.preview(content.tree, inputs), commit: content.commit };
  } catch (error) {
    if (!(error instanceof UnfitContent))
      return unavailable(context, `the view of ${tag} for ${inputs.hostname} cannot be made`, error);
    return { kind: 'broken-tag', sentence: `${tag} has no view for ${inputs.hostname}: ${error.message}` };
  }
}

interface Sides {
  readonly from: PreviewedView;
  readonly to: PreviewedView;
}

async function changedFiles(sides: Sides, differences: readonly ViewDifference[]): Promise<ChangedFile[]> {
  const files: ChangedFile[] = [];
  for (const [index, difference] of differences.slice(0, SHOWN).entries()) {
    const { path, oldPath, status } = difference;
    const isCounted = index < COUNTED && isAtMost(difference, COUNTED_BYTES);
    const lines = isCounted ? await countOf(sides, difference) : null;
    files.push({ path, oldPath, status, insertions: lines?.insertions ?? null, deletions: lines?.deletions ?? null });
  }
  return files;
}

async function countOf(sides: Sides, difference: ViewDifference) {
  if (difference.before?.sha256 === difference.after?.sha256) return { insertions: 0, deletions: 0 };
  // Others are to be answered meanwhile.
  await turn();
  return lineCounts(await contentsOf(sides, difference));
}

async function contentsOf({ from, to }: Sides, { path, oldPath, before, after }: ViewDifference) {
  return {
    before: before && (await from.content(oldPath ?? path)),
    after: after && (await to.content(path)),
  };
}

function isAtMost({ before, after }: ViewDifference, bytes: number): boolean {
  return (before?.size ?? 0) <= bytes && (after?.size ?? 0) <= bytes;
}

const NO_PATCH = { patch: null, isPatchCut: false } as const;

async function patchOf(sides: Sides, difference: ViewDifference | undefined) {
  if (difference === undefined) return NO_PATCH;
  const { path, oldPath, before, after } = difference;
  const head = before && after ? headOf(attributes(before), attributes(after)) : '';
  if (before?.sha256 === after?.sha256 || !isAtMost(difference, TEXT_BYTES))
    return { ...NO_PATCH, patch: head || null };
  const text = textPatch({ path, oldPath, ...(await contentsOf(sides, difference)) });
  const whole = `${head}${text ?? ''}`;
  if (whole === '') return NO_PATCH;
  const isCut = whole.length > PATCH_BYTES;
  const end = isCut ? whole.lastIndexOf('\n', PATCH_BYTES) + 1 : whole.length;
  return { patch: whole.slice(0, end), isPatchCut: isCut };
}

/** What `patch` skips: permissions are no part of the text. */
function headOf(before: string, after: string): string {
  return before === after ? '' : `old mode ${before}\nnew mode ${after}\n`;
}

/** Where not all of them were looked at, the sum would say too little. */
function sizeOf(files: readonly ChangedFile[], total: number): Comparison['size'] {
  const isAll = total <= COUNTED;
  const sum = (key: 'insertions' | 'deletions') => files.reduce((all, file) => all + (file[key] ?? 0), 0);
  return { files: total, insertions: isAll ? sum('insertions') : null, deletions: isAll ? sum('deletions') : null };
}
