import { createHash } from 'node:crypto';
import { closeSync, constants, lstatSync, openSync, readlinkSync } from 'node:fs';
import { piecesOf } from './copies.ts';

const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** SHA-256 of a file's content or of a link's target; undefined for anything else, and for nothing. */
export function contentHashOf(path: string): string | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isSymbolicLink()) return hashOf(readlinkSync(path, 'buffer'));
  return stats?.isFile() ? hashOfFile(path) : undefined;
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function hashOfFile(path: string): string {
  const hash = createHash('sha256');
  const fd = openSync(path, READ);
  try {
    for (const piece of piecesOf(fd)) hash.update(piece);
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}
