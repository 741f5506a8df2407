import { closeSync, constants, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Names that begin so are left-overs of a killed run once the lock is held. */
export const TEMPORARY = '.tmp-';

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** Creates a file that must not exist yet, without following a link, with exactly this mode whatever the umask. */
export function createFile(path: string, mode: number): number {
  const fd = openSync(path, CREATE, mode);
  fchmodSync(fd, mode);
  return fd;
}

export function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
}

/** Writes a file by temporary name, sync and rename: whoever reads it, or a crash, finds the old content or the new. */
export function publish(path: string, content: Uint8Array | string): void {
  const temporary = join(dirname(path), `${TEMPORARY}${basename(path)}`);
  rmSync(temporary, { force: true });
  try {
    const fd = createFile(temporary, 0o644);
    try {
      writeWhole(fd, typeof content === 'string' ? Buffer.from(content) : content);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
}

/** Makes a rename in a directory durable. */
export function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
