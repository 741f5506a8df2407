import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fsyncSync,
  lchownSync,
  mkdirSync,
  openSync,
  readlinkSync,
  rmdirSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { createFile, writeWhole } from '../adapters/publish.ts';
import { quoted } from '../core/checklist.ts';
import { Refused } from '../core/failure.ts';
import { copyAs, keepAs, piecesOf, seal } from './copies.ts';
import type { After, Attributes } from './found.ts';
import type { Tree } from './tree.ts';

export interface Sources {
  /** Directories: the release, and what stood in the tree before Tagwave. */
  readonly release: string;
  readonly originals: string;
  /** Files are synced one by one. */
  readonly isSynced: boolean;
}

type NewContent = Exclude<After, { readonly kind: 'directory' }>;

/** The system names no path where a file was open already. */
export function naming<Value>(path: string, act: () => Value): Value {
  try {
    return act();
  } catch (error) {
    if (error instanceof Error && 'syscall' in error && !('path' in error)) Object.assign(error, { path });
    throw error;
  }
}

/** Writes a file or link, whole, with its owner and mode, under a name that nothing has. Every byte is compared with its hash. */
export function writeContent(to: string, after: NewContent, { release, originals, isSynced }: Sources): void {
  naming(to, () => {
    if (after.kind === 'original') (after.isKept ? copyAs : keepAs)(join(originals, after.store), to);
    else if (after.entry.mode === '120000') writeLink(join(release, after.entry.path), to, after);
    else writeFile(join(release, after.entry.path), to, { after, isSynced });
  });
}

type Entry = Extract<After, { readonly kind: 'entry' }>;

function writeLink(from: string, to: string, { entry, uid, gid }: Entry): void {
  const target = fromRelease(from, () => readlinkSync(from, 'buffer'));
  if (createHash('sha256').update(target).digest('hex') !== entry.sha256) throw damaged(from);
  symlinkSync(target, to);
  lchownSync(to, uid, gid);
}

const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

function writeFile(from: string, to: string, { after, isSynced }: { after: Entry; isSynced: boolean }): void {
  const hash = createHash('sha256');
  const source = fromRelease(from, () => openSync(from, READ));
  try {
    const fd = createFile(to, 0o600);
    try {
      for (const piece of piecesOf(source)) {
        hash.update(piece);
        writeWhole(fd, piece);
      }
      if (hash.digest('hex') !== after.entry.sha256) throw damaged(from);
      seal(fd, after);
      if (isSynced) fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } finally {
    closeSync(source);
  }
}

/** Thrown for a release that is not as its manifest says. */
export class DamagedRelease extends Refused {}

function damaged(path: string): DamagedRelease {
  return new DamagedRelease({
    sentence: `${quoted(path)} is not as its manifest says: somebody changed the staged release`,
    hint: 'The tree is as it was before. The next run fetches another copy.',
  });
}

/** Whatever keeps a file of the release from being read, it is not there as it should be. */
function fromRelease<Value>(path: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw damaged(path);
    throw error;
  }
}

/** Makes a directory with exactly these attributes whatever the umask. */
export function makeDirectory(tree: Tree, path: string, attributes: Attributes): void {
  const directory = tree.at(path);
  tree.within(() => mkdirSync(directory, 0o700));
  setAttributes(tree, path, attributes);
}

export function setAttributes(tree: Tree, path: string, { mode, uid, gid }: Attributes): void {
  const directory = tree.folder(path);
  tree.within(() => chownSync(directory, uid, gid));
  tree.within(() => chmodSync(directory, mode));
}

/** Removes a file, a link or an empty directory. */
export function remove(tree: Tree, path: string, isDirectory: boolean): void {
  const place = tree.at(path);
  if (isDirectory) tree.forget(path);
  tree.within(() => (isDirectory ? rmdirSync(place) : unlinkSync(place)));
}
