import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
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

export interface Publishing {
  /** What else it is called until it is whole: a run that holds the target's lock removes what is called as usual. */
  readonly temporary?: string;
  readonly mode?: number;
  /** Who it is to belong to; undefined: whoever runs this. */
  readonly owner?: { readonly uid: number; readonly gid: number } | undefined;
}

/** Writes a file by temporary name, sync and rename: whoever reads it, or a crash, finds the old content or the new. */
export function publish(path: string, content: Uint8Array | string, publishing: Publishing = {}): void {
  const { temporary = join(dirname(path), `${TEMPORARY}${basename(path)}`), mode = 0o644, owner } = publishing;
  rmSync(temporary, { force: true });
  try {
    const fd = createFile(temporary, mode);
    try {
      if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid);
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
