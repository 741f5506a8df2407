import { closeSync, constants, lstatSync, openSync, readSync } from 'node:fs';

const LIMIT_BYTES = 64 * 1024;

/**
 * Why nothing is to be done on this host, or undefined. Whatever is there counts, readable or not, a link that leads nowhere
 * included; so does a place that cannot be looked at.
 */
export function readStopFile(path: string): string | undefined {
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOTDIR' ? undefined : `(it cannot be looked at: ${code})`;
  }
  try {
    return contentOf(path);
  } catch (error) {
    return `(it cannot be read: ${(error as NodeJS.ErrnoException).code})`;
  }
}

/** A pipe without a writer must not keep us waiting. */
function contentOf(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const buffer = Buffer.alloc(LIMIT_BYTES);
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, null));
  } finally {
    closeSync(fd);
  }
}
