import { createHash } from 'node:crypto';
import { closeSync, constants, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { comparePaths, type ManifestEntry } from '../../protocol/manifest.ts';
import { quoted } from '../core/checklist.ts';

const BUFFER = Buffer.allocUnsafe(256 * 1024);
/** So many entries are looked at before signals get a turn. */
const BATCH = 128;

/**
 * Compares a directory with a manifest completely: every hash, size, type and mode, nothing missing, nothing besides.
 * Answers what is wrong with it, or null.
 */
export async function flawOfRelease(
  directory: string,
  entries: readonly ManifestEntry[],
  signal: AbortSignal,
): Promise<string | null> {
  const found = filesBelow(directory).sort(comparePaths);
  for (let index = 0; index < Math.max(found.length, entries.length); index++) {
    const entry = entries[index];
    const path = found[index];
    if (entry === undefined) return `${quoted(path ?? '')} does not belong there`;
    if (path !== entry.path)
      return path !== undefined && comparePaths(path, entry.path) < 0
        ? `${quoted(path)} does not belong there`
        : `${quoted(entry.path)} is missing`;
    const flaw = flawOfEntry(join(directory, entry.path), entry);
    if (flaw !== null) return `${quoted(entry.path)} ${flaw}`;
    if (index % BATCH === 0) {
      await turn();
      signal.throwIfAborted();
    }
  }
  return null;
}

/** Everything but directories, relative to `root`; an empty directory counts, as it is nothing that a view can hold. */
function filesBelow(root: string): string[] {
  const files: string[] = [];
  const open = [''];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    const within = readdirSync(join(root, folder), { withFileTypes: true });
    if (within.length === 0 && folder !== '') files.push(folder);
    for (const dirent of within) {
      const path = folder === '' ? dirent.name : `${folder}/${dirent.name}`;
      if (dirent.isDirectory()) open.push(path);
      else files.push(path);
    }
  }
  return files;
}

function flawOfEntry(path: string, { mode, size, sha256 }: ManifestEntry): string | null {
  const stats = lstatSync(path);
  if (mode === '120000') {
    if (!stats.isSymbolicLink()) return 'is no symbolic link';
    return hashOf(readlinkSync(path, 'buffer')) === sha256 ? null : 'points elsewhere';
  }
  if (!stats.isFile()) return 'is no regular file';
  if ((stats.mode & 0o7777) !== (mode === '100755' ? 0o755 : 0o644)) return 'has another mode';
  if (stats.size !== size) return `has ${stats.size} bytes instead of ${size}`;
  return hashOfFile(path) === sha256 ? null : 'has other content';
}

export function hashOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

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
