import { createHash } from 'node:crypto';
import { chmodSync, closeSync, mkdirSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract } from 'tar-stream';
import type { ManifestEntry } from '../../protocol/manifest.ts';
import { BadContent, checklistOf, quoted, tarLimit } from '../core/checklist.ts';
import { asLoss, ConnectionLost } from './http.ts';
import { createFile, writeWhole } from './publish.ts';

type Entry = ReturnType<typeof extract> extends AsyncIterable<infer Item> ? Item : never;

export interface Unpacking {
  /** Empty, and nobody else's. */
  readonly directory: string;
  readonly entries: readonly ManifestEntry[];
  /** Called after each entry. */
  readonly done: (count: number) => void;
}

/**
 * Unpacks a tar.gz into a directory: exactly the entries of the manifest, each verified while it is written. Throws
 * `BadContent` for anything else, `ConnectionLost` when the download ends early, and what the file system reports.
 */
export async function unpack(archive: Readable, unpacking: Unpacking): Promise<void> {
  const limit = tarLimit(unpacking.entries);
  const unpacker = extract();
  const [written, flowed] = await Promise.allSettled([
    writeEntries(unpacker, unpacking),
    pipeline(archive, atMost(limit + limit / 1000 + 65_536), createGunzip(), atMost(limit), unpacker),
  ]);
  const errors = [written, flowed].flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  if (errors.length > 0) throw worstOf(errors);
}

/** One failure takes the other side down with it: what tells most is what we or the system found, then the network, then the format. */
function worstOf(errors: readonly unknown[]): unknown {
  const known = errors.map(asLoss);
  const isSystem = (error: unknown): boolean =>
    error instanceof Error && 'syscall' in error && !(error instanceof ConnectionLost);
  const first =
    known.find((error) => error instanceof BadContent) ??
    known.find(isSystem) ??
    known.find((error) => error instanceof ConnectionLost);
  if (first !== undefined) return first;
  const [error] = known;
  if (!(error instanceof Error) || error instanceof TypeError || error instanceof RangeError) return error;
  return new BadContent(`it is not a sound tar.gz: ${error.message}`);
}

function atMost(limit: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, next) {
      bytes += chunk.length;
      if (bytes > limit) next(new BadContent(`it is larger than its manifest allows (${Math.ceil(limit)} bytes)`));
      else next(null, chunk);
    },
  });
}

async function writeEntries(unpacker: AsyncIterable<Entry>, { directory, entries, done }: Unpacking): Promise<void> {
  const checklist = checklistOf(entries);
  const folders = foldersBelow(directory);
  let count = 0;
  for await (const archived of unpacker) {
    const { name, type, size, linkname } = archived.header;
    const entry = checklist.take({ name, type, size });
    folders.make(dirname(entry.path));
    if (entry.mode === '120000') writeLink(join(directory, entry.path), entry, linkname ?? '');
    else await writeFile(join(directory, entry.path), entry, archived as AsyncIterable<Buffer>);
    archived.resume();
    done(++count);
  }
  checklist.finish();
}

async function writeFile(path: string, entry: ManifestEntry, content: AsyncIterable<Buffer>): Promise<void> {
  const hash = createHash('sha256');
  const fd = once(entry.path, () => createFile(path, entry.mode === '100755' ? 0o755 : 0o644));
  try {
    for await (const chunk of content) {
      hash.update(chunk);
      writeWhole(fd, chunk);
    }
  } finally {
    closeSync(fd);
  }
  checkHash(entry, hash.digest('hex'));
}

function writeLink(path: string, entry: ManifestEntry, target: string): void {
  checkHash(entry, createHash('sha256').update(target).digest('hex'));
  once(entry.path, () => symlinkSync(target, path));
}

function checkHash({ path, sha256 }: ManifestEntry, found: string): void {
  if (found !== sha256) throw new BadContent(`${quoted(path)} has other content than the manifest says`);
}

/** Creates something that cannot be there yet, unless the file system takes two of the manifest's names for one. */
function once<Value>(path: string, create: () => Value): Value {
  try {
    return create();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new BadContent(`${quoted(path)} and another of its names are the same to this file system`);
  }
}

/** Makes folders that we have not made yet; one that is there all the same is another name's. */
function foldersBelow(root: string): { make(path: string): void } {
  const made = new Set(['.']);
  const make = (path: string): void => {
    if (made.has(path)) return;
    make(dirname(path));
    once(path, () => mkdirSync(join(root, path)));
    chmodSync(join(root, path), 0o755);
    made.add(path);
  };
  return { make };
}
