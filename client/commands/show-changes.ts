import type { Stats } from 'node:fs';
import { join } from 'node:path';
import type { Assignment } from '../../protocol/assignment.ts';
import { comparePaths, type ManifestEntry } from '../../protocol/manifest.ts';
import type { Accounts } from '../adapters/accounts.ts';
import type { Fetched } from '../adapters/fetch-manifest.ts';
import { type Contents, peek } from '../adapters/peek.ts';
import type { Servers } from '../adapters/servers.ts';
import { type FoundSide, sideOnDisk } from '../adapters/sides.ts';
import type { Base } from '../adapters/unpack.ts';
import { differenceOf } from '../core/difference.ts';
import { type Drifted, permissionsOf } from '../core/drift.ts';
import { type Change, type DiffLine, describeChange, type Side } from '../core/unified.ts';

export interface Changes {
  readonly servers: Servers;
  readonly assignment: Assignment;
  /** Where things are now; undefined where nothing is in use. */
  readonly directory: string | undefined;
  /** Of what is in use, and of what is assigned. */
  readonly old: readonly ManifestEntry[];
  readonly entries: readonly ManifestEntry[];
  readonly drifted: readonly Drifted[];
  readonly accounts: Accounts;
  /** Releases that are there, the one in use first. */
  readonly here: readonly Base[];
  /** Nothing is cut. */
  readonly isWhole: boolean;
}

/** One path that is not to stay as it is. */
interface Affected {
  readonly path: string;
  readonly old: ManifestEntry | undefined;
  readonly fresh: ManifestEntry | undefined;
  readonly drift: Drifted | undefined;
  readonly found: FoundSide;
  readonly isSecret: boolean;
}

const LINES_OF_FILE = 100;
const LINES_OF_ALL = 2000;

/** What would change, path by path. The content of a secret is neither read nor fetched. */
export async function showChanges(changes: Changes): Promise<Fetched<readonly DiffLine[]>> {
  const { servers, assignment, entries, here, isWhole } = changes;
  const affected = affectedBy(changes);
  const wanted = affected.flatMap(({ fresh, isSecret }) => (fresh === undefined || isSecret ? [] : [fresh]));
  const contents = await peek({ servers, assignment, entries, wanted, here });
  if (contents.kind !== 'fetched') return contents;
  const limits = { lines: isWhole ? Number.POSITIVE_INFINITY : LINES_OF_FILE };
  const lines: DiffLine[] = [];
  for (const [index, one] of affected.entries()) {
    const left = affected.length - index;
    if (!isWhole && lines.length >= LINES_OF_ALL) {
      lines.push({ kind: 'note', text: `… ${left} more ${left === 1 ? 'path' : 'paths'}; --verbose shows them` });
      break;
    }
    for (const line of await describeChange(changeOf(one, changes, contents.value), limits)) lines.push(line);
  }
  return { kind: 'fetched', value: lines };
}

function affectedBy({ directory, old, entries, drifted }: Changes): Affected[] {
  const { added, changed, removed } = differenceOf(old, entries);
  const [before, after] = [byPath(old), byPath(entries)];
  const drift = byPath(drifted);
  const paths = new Set([...added, ...changed, ...removed, ...drift.keys()]);
  return [...paths].sort(comparePaths).map((path) => {
    const [was, fresh] = [before.get(path), after.get(path)];
    const isPrivate = [was, fresh].some((entry) => entry !== undefined && !isForEverybody(permissionsOf(entry)));
    const isRead = ({ mode }: Stats): boolean => !isPrivate && isForEverybody(mode);
    const found: FoundSide = directory === undefined ? NOTHING : sideOnDisk(join(directory, path), { isRead });
    const isSecret = isPrivate || (found.side.kind === 'file' && !isForEverybody(found.side.mode));
    return { path, old: was, fresh, drift: drift.get(path), found, isSecret };
  });
}

const NOTHING: FoundSide = { side: { kind: 'absent' }, stats: undefined };
const READABLE_BY_OTHERS = 0o004;

function isForEverybody(mode: number): boolean {
  return (mode & READABLE_BY_OTHERS) !== 0;
}

function byPath<Item extends { readonly path: string }>(items: readonly Item[]): Map<string, Item> {
  return new Map(items.map((item) => [item.path, item]));
}

function changeOf(
  { path, old, fresh, drift, found, isSecret }: Affected,
  { accounts }: Changes,
  contents: Contents,
): Change {
  const notes = [...ownerNotes(found.stats, fresh, accounts), ...driftNotes(drift)];
  // What drifted, is no entry, and belongs there is a directory with entries below it.
  const isFolder = old === undefined && fresh === undefined && drift?.how.includes('extra') === false;
  const after: Side = isFolder ? { kind: 'other', what: 'a directory' } : sideOf(fresh, contents);
  return { path, before: found.side, after, isSecret, notes };
}

function sideOf(entry: ManifestEntry | undefined, contents: Contents): Side {
  if (entry === undefined) return { kind: 'absent' };
  const content = contents.get(entry.path);
  if (entry.mode === '120000') return { kind: 'link', target: Buffer.from(content ?? '').toString() };
  return { kind: 'file', size: entry.size, content, mode: permissionsOf(entry) };
}

function ownerNotes(stats: Stats | undefined, fresh: ManifestEntry | undefined, accounts: Accounts): string[] {
  if (fresh === undefined || (fresh.owner === undefined && fresh.group === undefined)) return [];
  const { uid, gid } = accounts(fresh);
  const named = `${fresh.owner ?? ''}:${fresh.group ?? ''}`;
  if (stats === undefined) return [`owner ${named}`];
  const isSame = (uid === undefined || uid === stats.uid) && (gid === undefined || gid === stats.gid);
  return isSame ? [] : [`owner ${stats.uid}:${stats.gid} → ${named}`];
}

function driftNotes(drift: Drifted | undefined): string[] {
  return drift === undefined ? [] : [`drifted (${drift.how.join(', ')})`];
}
