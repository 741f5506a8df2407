import { openSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** As much as the kernel takes as the address of a socket. */
const LONGEST_BYTES = 107;

/**
 * A name by which the socket can be bound or reached, also where its path is longer than the kernel takes: then through its
 * open directory, which stays open as long as the process lives.
 */
export function addressOf(path: string): string {
  if (Buffer.byteLength(path) <= LONGEST_BYTES) return path;
  return `/proc/self/fd/${directoryOf(dirname(path))}/${basename(path)}`;
}

const directories = new Map<string, number>();

function directoryOf(directory: string): number {
  const known = directories.get(directory);
  if (known !== undefined) return known;
  const fd = openSync(directory, 'r');
  directories.set(directory, fd);
  return fd;
}
