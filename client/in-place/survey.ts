import { readdirSync, readlinkSync, type Stats } from 'node:fs';
import { type Sightings, sameAs } from '../core/sightings.ts';
import { ancestorsOf, type Found, type Original, type Wanted } from './found.ts';
import { hashOf, hashOfFile } from './hash.ts';
import type { Tree } from './tree.ts';

export interface Inquiry {
  readonly tree: Tree;
  readonly old: ReadonlyMap<string, Wanted>;
  readonly next: ReadonlyMap<string, Wanted>;
  readonly directories: ReadonlySet<string>;
  readonly originals: ReadonlyMap<string, Original>;
  /** How the old release's files looked when they were last found right: those that still do are not read. */
  readonly sightings: Sightings | undefined;
  /** Paths that are read in any case. */
  readonly suspects: ReadonlySet<string>;
}

export interface Survey {
  readonly found: ReadonlyMap<string, Found>;
  readonly looks: ReadonlyMap<string, Stats>;
}

/** Looks at everything that a plan has to know of. */
export function survey(inquiry: Inquiry): Survey {
  const { tree } = inquiry;
  const found = new Map<string, Found>();
  const looks = new Map<string, Stats>();
  const isSeen = seenBy(inquiry);
  for (const path of pathsOf(inquiry)) {
    const slash = path.lastIndexOf('/');
    // Outer paths come first.
    if (slash !== -1 && found.get(path.slice(0, slash))?.kind !== 'directory') continue;
    const stats = tree.look(path);
    if (stats === undefined) continue;
    looks.set(path, stats);
    found.set(path, foundAt(inquiry, { path, stats, isSeen }));
  }
  for (const path of foldersThatMayGo(inquiry)) if (found.get(path)?.kind === 'directory') list(inquiry, found, path);
  return { found, looks };
}

function pathsOf({ old, next, directories, originals }: Inquiry): string[] {
  const paths = new Set<string>();
  for (const some of [old.keys(), next.keys(), directories, originals.keys()])
    for (const path of some) {
      paths.add(path);
      for (const ancestor of ancestorsOf(path)) paths.add(ancestor);
    }
  return [...paths].sort();
}

function seenBy({ sightings, suspects }: Inquiry): (path: string, stats: Stats) => boolean {
  if (sightings === undefined) return () => false;
  const numbers = new Map(sightings.paths.map((path, index) => [path, index]));
  return (path, stats) => {
    const index = numbers.get(path);
    return index !== undefined && !suspects.has(path) && sameAs(sightings, index, stats);
  };
}

interface Look {
  readonly path: string;
  readonly stats: Stats;
  readonly isSeen: (path: string, stats: Stats) => boolean;
}

const OTHER_CONTENT = 'other';

function foundAt({ tree, old, next }: Inquiry, { path, stats, isSeen }: Look): Found {
  const attributes = { mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid };
  if (stats.isDirectory()) return { kind: 'directory', names: null, ...attributes };
  if (stats.isSymbolicLink()) {
    const place = tree.at(path);
    const target = tree.within(() => readlinkSync(place, 'buffer'));
    return { kind: 'link', target: target.toString(), sha256: hashOf(target), ...attributes };
  }
  if (!stats.isFile()) return { kind: 'other', what: kindOf(stats) };
  const { size } = stats;
  const written = old.get(path)?.entry;
  if (written === undefined) return { kind: 'file', size, sha256: null, ...attributes };
  if (isSeen(path, stats)) return { kind: 'file', size, sha256: written.sha256, ...attributes };
  if (size !== written.size && size !== next.get(path)?.entry.size)
    return { kind: 'file', size, sha256: OTHER_CONTENT, ...attributes };
  const place = tree.at(path);
  return { kind: 'file', size, sha256: tree.within(() => hashOfFile(place)), ...attributes };
}

function kindOf(stats: Stats): string {
  if (stats.isSocket()) return 'socket';
  return stats.isFIFO() ? 'named pipe' : 'device';
}

/** Directories where a file is to be, where one was, or that nobody may need any more. */
function* foldersThatMayGo({ old, next, directories, originals }: Inquiry): Generator<string> {
  yield* next.keys();
  yield* old.keys();
  yield* directories;
  yield* originals.keys();
}

/** Notes what is in a directory and in those in it, until there is a file that is none of Tagwave's. */
function list(inquiry: Inquiry, found: Map<string, Found>, path: string): void {
  const { tree, old } = inquiry;
  const known = found.get(path);
  if (known?.kind !== 'directory' || known.names !== null) return;
  const folder = tree.folder(path);
  const names = tree.within(() => readdirSync(folder));
  found.set(path, { ...known, names });
  const within: string[] = [];
  for (const name of names) {
    const child = `${path}/${name}`;
    const stats = found.get(child) === undefined ? tree.look(child) : undefined;
    if (stats?.isDirectory())
      found.set(child, { kind: 'directory', names: null, mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid });
    if (found.get(child)?.kind === 'directory') within.push(child);
    else if (!old.has(child)) return;
  }
  for (const child of within) list(inquiry, found, child);
}
