import { lstatSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Kept } from '../core/place.ts';
import { describeChange, type Side } from '../core/unified.ts';
import type { Wanted } from './found.ts';
import { keepCopy } from './kept.ts';
import type { Overwritten, Plan } from './plan.ts';
import type { Storage } from './storage.ts';
import type { Tree } from './tree.ts';

export interface Telling {
  readonly storage: Storage;
  readonly tree: Tree;
  readonly old: ReadonlyMap<string, Wanted>;
  readonly next: ReadonlyMap<string, Wanted>;
  /** The release in use, whose files are as they were written; it may be gone. */
  readonly oldRelease: string | undefined;
}

const DIFF_LINES = 40;
const DIFF_BYTES = 256 * 1024;
const READABLE_BY_ALL = 0o004;

/** Keeps a copy of what somebody changed by hand and is about to be overwritten. Tells each with its difference. */
export async function keepChangesByHand(telling: Telling, { overwritten }: Plan): Promise<Kept[]> {
  const kept: Kept[] = [];
  for (const one of overwritten) kept.push({ path: one.path, sentence: await sentenceOn(telling, one) });
  return kept;
}

async function sentenceOn(telling: Telling, { path, how, isToKeep }: Overwritten): Promise<string> {
  const { storage, tree, next } = telling;
  const place = join(tree.root, path);
  if (how.includes('missing')) return `${place} was removed by somebody: it is written again`;
  const becomes = next.has(path) ? 'the release takes its place' : 'it is no longer part of the release';
  if (!isToKeep) return `${place} was changed by somebody (${how.join(', ')}): ${becomes}`;
  const lines = await differenceOn(telling, path);
  const copy = keepCopy(storage, path, tree.at(path));
  const told = `${place} was changed by somebody (${how.join(', ')}): ${becomes}, and a copy is kept as ${copy.place}`;
  return [told, ...lines].join('\n');
}

async function differenceOn({ tree, old, oldRelease }: Telling, path: string): Promise<string[]> {
  const written = old.get(path);
  const before = oldRelease === undefined ? undefined : sideAt(join(oldRelease, path));
  const after = sideAt(tree.at(path));
  if (written === undefined || before === undefined || after === undefined) return [];
  const isSecret = [before, after].some((side) => side.kind === 'file' && (side.mode & READABLE_BY_ALL) === 0);
  const isWithout = written.entry.mode !== '120000' && (written.mode & READABLE_BY_ALL) === 0;
  const lines = await describeChange(
    { path, before: asWritten(before, written), after, isSecret: isSecret || isWithout, notes: [] },
    { lines: DIFF_LINES },
  );
  return lines.map(({ text }) => text);
}

/** The release below the target need not have the mode that the tree has. */
function asWritten(side: Side, { mode }: Wanted): Side {
  return side.kind === 'file' ? { ...side, mode } : side;
}

function sideAt(path: string): Side | undefined {
  try {
    const stats = lstatSync(path);
    if (stats.isSymbolicLink()) return { kind: 'link', target: readlinkSync(path) };
    if (!stats.isFile()) return { kind: 'other', what: 'something else' };
    const content = stats.size > DIFF_BYTES ? undefined : readFileSync(path);
    return { kind: 'file', size: stats.size, content, mode: stats.mode & 0o7777 };
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) return undefined;
    throw error;
  }
}

const NAMED = 5;

/** Tells of what stood in the tree before and is replaced for the first time. */
export function tellOriginals({ storage, tree }: Pick<Telling, 'storage' | 'tree'>, { changes }: Plan): Kept[] {
  const paths = changes.filter(({ keepAs }) => keepAs !== null).map(({ path }) => path);
  const [first] = paths;
  if (first === undefined) return [];
  const named = paths.slice(0, NAMED).map((path) => join(tree.root, path));
  const more = paths.length - named.length;
  const list = `${named.join(', ')}${more === 0 ? '' : ` and ${more} more`}`;
  const [is, comes] = paths.length === 1 ? ['is', 'it comes'] : ['are', 'they come'];
  const sentence = `${list} ${is} replaced; what was there before is kept in ${storage.originals}, and ${comes} back when the release no longer has ${paths.length === 1 ? 'it' : 'them'} ('tagwave restore --list')`;
  return [{ path: first, sentence }];
}
