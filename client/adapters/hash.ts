import * as crypto from 'node:crypto';
import { closeSync, constants, openSync, readSync } from 'node:fs';

const BUFFER = Buffer.allocUnsafe(256 * 1024);

/** SHA-256 in lower-case hex. Newer Nodes take it without making an object for each of many small contents. */
export function hashOf(bytes: Uint8Array): string {
  return typeof crypto.hash === 'function'
    ? crypto.hash('sha256', bytes, 'hex')
    : crypto.createHash('sha256').update(bytes).digest('hex');
}

/** Of a file's content; a link is not followed. */
export function hashOfFile(path: string): string {
  const hash = crypto.createHash('sha256');
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    for (let read = readSync(fd, BUFFER); read > 0; read = readSync(fd, BUFFER)) hash.update(BUFFER.subarray(0, read));
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}
