import { comparePaths, type ManifestEntry } from '../../protocol/manifest.ts';
import type { Look } from './sightings.ts';

/** In what respect something is not as its manifest says: `type` is a link or directory where a file should be, or the like. */
export const DRIFT_KINDS = ['content', 'mode', 'owner', 'type', 'missing', 'extra'] as const;
export type DriftKind = (typeof DRIFT_KINDS)[number];

/** Something on the disk that is not as the manifest says. */
export interface Drifted {
  readonly path: string;
  readonly how: readonly DriftKind[];
}

/** Who something is to belong to; undefined where it does not matter. */
export interface Owners {
  readonly uid: number | undefined;
  readonly gid: number | undefined;
}

const TYPE_BITS = 0o170000;
const FILE_TYPE = 0o100000;
const LINK_TYPE = 0o120000;
const DIRECTORY_TYPE = 0o040000;
/** A directory takes the set-group-id bit from the one that it was made in. */
const DIRECTORY_BITS = 0o5777;

export function permissionsOf({ mode, perm }: Pick<ManifestEntry, 'mode' | 'perm'>): number {
  return perm === undefined ? (mode === '100755' ? 0o755 : 0o644) : Number.parseInt(perm, 8);
}

/** What can be told without reading. Where that is no `content`, `type` or `missing`, the content may still be another. */
export function driftOfLook(entry: ManifestEntry, look: Look | undefined, owners: Owners): DriftKind[] {
  if (look === undefined) return ['missing'];
  const isLink = entry.mode === '120000';
  if ((look.mode & TYPE_BITS) !== (isLink ? LINK_TYPE : FILE_TYPE)) return ['type'];
  const how: DriftKind[] = [];
  if (look.size !== entry.size) how.push('content');
  if (!isLink && (look.mode & 0o7777) !== permissionsOf(entry)) how.push('mode');
  if (isOthers(look, owners)) how.push('owner');
  return how;
}

/** Of a directory that has an entry somewhere below it. */
export function driftOfFolder(look: Look, owners: Owners): DriftKind[] {
  if ((look.mode & TYPE_BITS) !== DIRECTORY_TYPE) return ['type'];
  const how: DriftKind[] = [];
  if ((look.mode & DIRECTORY_BITS) !== 0o755) how.push('mode');
  if (isOthers(look, owners)) how.push('owner');
  return how;
}

function isOthers({ uid, gid }: Look, owners: Owners): boolean {
  return (owners.uid !== undefined && owners.uid !== uid) || (owners.gid !== undefined && owners.gid !== gid);
}

/** Every directory that has an entry below it, outer ones first, with the names that belong into it. `''` is the root. */
export function foldersOf(paths: readonly string[]): Map<string, Set<string>> {
  const folders = new Map<string, Set<string>>([['', new Set()]]);
  const namesIn = (folder: string): Set<string> => {
    const known = folders.get(folder);
    if (known !== undefined) return known;
    const cut = folder.lastIndexOf('/');
    namesIn(folder.slice(0, Math.max(cut, 0))).add(folder.slice(cut + 1));
    const names = new Set<string>();
    folders.set(folder, names);
    return names;
  };
  for (const path of paths) {
    const cut = path.lastIndexOf('/');
    namesIn(path.slice(0, Math.max(cut, 0))).add(path.slice(cut + 1));
  }
  return folders;
}

const SHOWN = 5;

export function pathsOf(count: number): string {
  return count === 1 ? '1 path' : `${count} paths`;
}

/** As in `etc/motd (content), etc/hosts (mode, owner) and 3 more`. `count`: of all, where these are only the first. */
export function describeDrift(
  drifted: readonly Drifted[],
  { most = SHOWN, count = drifted.length }: { readonly most?: number; readonly count?: number } = {},
): string {
  const shown = drifted.slice(0, most).map(({ path, how }) => `${path} (${how.join(', ')})`);
  const more = count - shown.length;
  return `${shown.join(', ')}${more === 0 ? '' : ` and ${more} more`}`;
}

/** What a host remembers of drift. */
export interface KnownDrift {
  readonly count: number;
  /** The first of it. */
  readonly paths: readonly Drifted[];
  readonly isRepaired: boolean;
}

/** Whether drift is other than what was found last: that is told although the trouble that keeps it from being repaired was. */
export function isNewDrift(drifted: readonly Drifted[], known: KnownDrift | null): boolean {
  if (drifted.length === 0) return false;
  if (known === null || known.isRepaired || known.count !== drifted.length) return true;
  return known.paths.some(({ path, how }, index) => {
    const now = drifted[index];
    return now?.path !== path || now.how.join() !== how.join();
  });
}

const REPORTED = 50;
const PATH_LIMIT = 4096;

/** What a report says of drift; undefined where there was none. */
export function reportedDrift(drifted: readonly Drifted[]): { count: number; paths: string[] } | undefined {
  if (drifted.length === 0) return undefined;
  return { count: drifted.length, paths: drifted.slice(0, REPORTED).map(({ path }) => path.slice(0, PATH_LIMIT)) };
}

export function inOrder(drifted: readonly Drifted[]): Drifted[] {
  return [...drifted].sort((a, b) => comparePaths(a.path, b.path));
}
