import { randomBytes } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { join, relative } from 'node:path';
import { type Failure, Refused } from '../core/failure.ts';
import type { Site } from './activation.ts';
import { apply } from './apply.ts';
import type { Attributes, Change, Original } from './found.ts';
import { contentHashOf } from './hash.ts';
import { keepCopy } from './kept.ts';
import { type Ledger, readLedger } from './storage.ts';
import { openTree, type Tree } from './tree.ts';
import { dropOtherTrees, keepWanted, readWanted } from './wanted.ts';

export interface ListedOriginal extends Attributes {
  readonly path: string;
  readonly kind: Original['kind'];
  /** RFC 3339. */
  readonly keptAt: string;
}

/** What stood in the tree before Tagwave and is kept, by path. */
export function originalsOf({ storage }: Pick<Site, 'storage'>): ListedOriginal[] {
  const { originals = {} } = readLedger(storage) ?? {};
  return Object.entries(originals)
    .map(([path, { kind, keptAt, mode, uid, gid }]) => ({ path, kind, keptAt, mode, uid, gid }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

export interface Restored {
  readonly path: string;
  readonly keptAt: string;
  /** The release in use has the path: the next run puts that back. */
  readonly isOfRelease: boolean;
  /** Where what stood there is kept, if it was not what the release has. */
  readonly kept: string | undefined;
}

/** The path of the tree that an operator means: absolute, or as a manifest has it. Undefined for one that is outside. */
export function pathInTree(root: string, text: string): string | undefined {
  const path = text.startsWith('/') ? relative(root, text) : relative(root, join(root, text));
  return path === '' || path.startsWith('..') ? undefined : path;
}

/**
 * Puts back by hand what stood at a path before Tagwave first replaced it. Where the release in use has the path, the original
 * is kept on as well. Throws `Refused`, and what the file system reports.
 */
export async function restore(site: Site, path: string): Promise<Restored> {
  const ledger = readLedger(site.storage);
  const original = ledger?.originals[path];
  if (ledger === undefined || original === undefined) throw new Refused(noOriginal(site, path));
  if (original.kind === 'directory') throw new Refused(wasDirectory(site, path));
  const tree = openTree(ledger.root);
  try {
    return await restoreOn(site, tree, { ledger, original, path });
  } finally {
    tree.close();
  }
}

interface Kept {
  readonly ledger: Ledger;
  readonly original: Exclude<Original, { readonly kind: 'directory' }>;
  readonly path: string;
}

async function restoreOn(site: Site, tree: Tree, { ledger, original, path }: Kept): Promise<Restored> {
  const { storage, layout } = site;
  const wanted = readWanted(storage, ledger.plan);
  const isOfRelease = wanted.has(path);
  const before = beforeAt(tree, path);
  const isRight = before === null || contentHashOf(tree.at(path)) === wanted.get(path)?.entry.sha256;
  const kept = isRight ? undefined : keepCopy(storage, path, tree.at(path)).place;
  const { store, mode, uid, gid, keptAt } = original;
  const after = { kind: 'original', store, isKept: isOfRelease, mode, uid, gid } as const;
  const id = randomBytes(6).toString('hex');
  const { [path]: _given, ...others } = ledger.originals;
  keepWanted(storage, id, wanted);
  await apply({
    storage,
    tree,
    journal: {
      version: 1,
      id,
      root: ledger.root,
      release: ledger.release,
      changes: [{ path, before, after, keepAs: null }],
    },
    release: join(layout.releases, ledger.release ?? ''),
    ledger: { ...ledger, plan: id, originals: isOfRelease ? ledger.originals : others },
  });
  dropOtherTrees(storage, id);
  return { path, keptAt, isOfRelease, kept };
}

function beforeAt(tree: Tree, path: string): Change['before'] {
  const stats = tree.look(path);
  if (stats === undefined) return null;
  const kind = stats.isSymbolicLink() ? 'link' : stats.isFile() ? 'file' : undefined;
  const { mode, uid, gid } = stats;
  if (kind !== undefined) return { kind, mode: mode & 0o7777, uid, gid };
  throw new Refused({
    sentence: `${join(tree.root, path)} is ${stats.isDirectory() ? 'a directory' : 'no file'} by now`,
    hint: 'Move it away first. Nothing was touched.',
  });
}

function noOriginal({ storage, root }: Site, path: string): Failure {
  const place = join(readLedger(storage)?.root ?? root, path);
  const isThere = lstatSync(storage.applied, { throwIfNoEntry: false }) !== undefined;
  return {
    sentence: isThere
      ? `there is no original of ${place}: nothing stood there before Tagwave, or it has been given back`
      : `Tagwave never put anything onto a tree from ${storage.target}`,
    hint: "'tagwave restore --list' shows what there is; --target names where it is kept.",
  };
}

function wasDirectory({ root }: Site, path: string): Failure {
  return {
    sentence: `${join(root, path)} was a directory before Tagwave put a file there`,
    hint: 'It comes back when the release no longer has that file. Nothing was touched.',
  };
}
