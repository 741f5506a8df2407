import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';

const BUFFER = Buffer.allocUnsafe(256 * 1024);

/** SHA-256 in lower-case hex. */
export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Of a file's content; a link is not followed. */
export function hashOfFile(path: string): string {
  const hash = createHash('sha256');
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    for (let read = readSync(fd, BUFFER); read > 0; read = readSync(fd, BUFFER)) hash.update(BUFFER.subarray(0, read));
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}
