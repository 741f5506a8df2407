import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

export interface Publication {
  readonly mode?: number;
  /** Called with the temporary file's descriptor before it is published, to set its owner and mode. */
  readonly prepare?: (fd: number) => void;
  /** Asked at the last moment: false leaves everything as it is. */
  readonly confirm?: () => boolean;
}

/**
 * Writes a file so that a reader, or a crash, finds the old content or the new, never a part: a temporary name beginning
 * with a dot beside it, sync, rename, sync of the directory. On failure nothing but the old content is left. Answers false
 * where it was not confirmed.
 */
export function publish(path: string, text: string | Uint8Array, publication: Publication = {}): boolean {
  const { mode = 0o644, prepare, confirm } = publication;
  // Numbers of processes come again, in containers at every start: what a killed one left must not be in the way.
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`);
  try {
    const fd = openSync(temporary, 'wx', mode);
    try {
      writeWhole(fd, typeof text === 'string' ? Buffer.from(text) : text);
      prepare?.(fd);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (confirm?.() === false) {
      rmSync(temporary, { force: true });
      return false;
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  syncDirectory(dirname(path));
  return true;
}

/** Makes a rename or a removal in a directory durable. */
export function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let written = 0; written < bytes.length; ) written += writeSync(fd, bytes, written);
}
