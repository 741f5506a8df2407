import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  futimesSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  openSync,
  readlinkSync,
  readSync,
  rmSync,
  type Stats,
  symlinkSync,
} from 'node:fs';
import { createFile, writeWhole } from '../adapters/publish.ts';
import type { Attributes } from './found.ts';

const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const BUFFER = Buffer.allocUnsafe(256 * 1024);
/** Why a second name cannot be had although the file is there: another file system, one without them, or not for this user. */
const NO_LINK = new Set(['EXDEV', 'EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'EMLINK', 'ENOSYS', 'EINVAL']);

/**
 * Gives a file or a symbolic link a second name, which costs nothing and is the very same, or where that cannot be a copy with
 * its mode, owner and times. Answers how. A killed run may have left something under the new name: it goes first.
 */
export function keepAs(from: string, to: string): 'linked' | 'copied' {
  rmSync(to, { force: true });
  try {
    linkSync(from, to);
    return 'linked';
  } catch (error) {
    if (!NO_LINK.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  copyAs(from, to);
  return 'copied';
}

/** Copies a file or a symbolic link with its mode, owner and times, synced. On failure nothing is left of it. */
export function copyAs(from: string, to: string): void {
  const stats = lstatSync(from);
  try {
    if (stats.isSymbolicLink()) copyLink(from, to, stats);
    else copyFile(from, to, stats);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') rmSync(to, { force: true });
    throw error;
  }
}

function copyLink(from: string, to: string, stats: Stats): void {
  symlinkSync(readlinkSync(from, 'buffer'), to);
  lchownSync(to, stats.uid, stats.gid);
  lutimesSync(to, stats.atimeMs / 1000, stats.mtimeMs / 1000);
}

function copyFile(from: string, to: string, stats: Stats): void {
  const source = openSync(from, READ);
  try {
    const fd = createFile(to, 0o600);
    try {
      for (const piece of piecesOf(source)) writeWhole(fd, piece);
      seal(fd, { mode: stats.mode & 0o7777, uid: stats.uid, gid: stats.gid });
      futimesSync(fd, stats.atimeMs / 1000, stats.mtimeMs / 1000);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } finally {
    closeSync(source);
  }
}

/** The content of an open file from its beginning. Each piece is valid until the next. */
export function* piecesOf(fd: number): Generator<Buffer> {
  for (let at = 0; ; ) {
    const read = readSync(fd, BUFFER, 0, BUFFER.length, at);
    if (read === 0) return;
    at += read;
    yield BUFFER.subarray(0, read);
  }
}

/** Gives a file to its owner, then its mode: changing the owner takes away what lets others run it as its owner. */
export function seal(fd: number, { mode, uid, gid }: Attributes): void {
  fchownSync(fd, uid, gid);
  fchmodSync(fd, mode);
}
