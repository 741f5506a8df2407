import { closeSync, constants, copyFileSync, lstatSync, openSync, readlinkSync, readSync } from 'node:fs';
import type { ManifestEntry } from '../../protocol/manifest.ts';
import { BadContent, quoted } from '../core/checklist.ts';
import { checkHash, type EntryWriter } from './entry-writer.ts';
import { hashOfFile } from './verify.ts';

/** Thrown for a release that is not as its manifest says. The sentence says what is wrong with it. */
export class DamagedBase extends Error {
  override readonly name = 'DamagedBase';
}

/** From so many bytes on a file is cloned, which costs nothing where the file system can do it: it is read in any case. */
const LARGE = 256 * 1024;
const CLONE = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE;
/** Something else in a file's place must not be waited for. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Copies an entry out of a release that should have it just so. Every byte is compared with the manifest, as somebody may
 * have changed it. Throws `DamagedBase` when somebody did, and what the file system reports of the copy.
 */
export function copyEntry(from: { readonly directory: string }, entry: ManifestEntry, writer: EntryWriter): void {
  const source = `${from.directory}/${entry.path}`;
  try {
    if (entry.mode === '120000')
      writer.put(
        entry,
        read(entry, () => readlinkSync(source, 'buffer')),
      );
    else if (entry.size < LARGE)
      writer.put(
        entry,
        read(entry, () => readSmall(source, entry.size)),
      );
    else writer.adopt(entry, (path) => clone(source, path, entry));
  } catch (error) {
    if (error instanceof BadContent) throw new DamagedBase(error.message);
    throw error;
  }
}

function clone(source: string, path: string, entry: ManifestEntry): void {
  const stats = read(entry, () => lstatSync(source));
  if (!stats.isFile() || stats.size !== entry.size)
    throw new DamagedBase(`${quoted(entry.path)} is another file there`);
  copyFileSync(source, path, CLONE);
  checkHash(entry, hashOfFile(path));
}

const BUFFER = Buffer.allocUnsafeSlow(LARGE);

/** One byte more than there should be, if there is one: it shows by the hash. Valid until the next call. */
function readSmall(path: string, size: number): Buffer {
  const fd = openSync(path, READ);
  try {
    return BUFFER.subarray(0, readSync(fd, BUFFER, 0, size + 1, 0));
  } finally {
    closeSync(fd);
  }
}

/** Whatever keeps a file from being read, it is not there as it should be. */
function read<Value>({ path }: ManifestEntry, act: () => Value): Value {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error && 'code' in error)) throw error;
    throw new DamagedBase(`${quoted(path)} cannot be read there (${String(error.code)})`);
  }
}
