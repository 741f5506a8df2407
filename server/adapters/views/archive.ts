import { createHash, type Hash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { type FileHandle, writeFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { type Pack, pack } from 'tar-stream';
import type { ManifestEntry } from '../../../protocol/manifest.ts';
import { targetText } from './build.ts';
import { type Objects, readContents, type ViewEntry } from './contents.ts';
import type { Sum } from './sums.ts';

export interface Member {
  readonly entry: ManifestEntry;
  readonly content: Readable;
}

/** Where an archive's members come from: what they must be, and where their contents are. */
export interface Contents {
  /** Path of the view's manifest, already verified. */
  readonly manifest: string;
  /** The entries whose view this is. */
  readonly entries: readonly ViewEntry[];
  readonly objects: Pick<Objects, 'blobs'>;
  /** Gives it up. */
  readonly closing: AbortSignal;
}

const PERMISSIONS = { '100644': 0o644, '100755': 0o755, '120000': 0o777 } as const;
/** A stream of its own costs more than the memory of a small file. */
const SMALL = 256 * 1024;
const BLOCK = 64 * 1024;

/**
 * Writes a view as `tar.gz`, the same bytes whenever and wherever: order as in the manifest, owner 0, time 0, no directories.
 * Answers size and SHA-256 of what was written. Throws where a content is not what the manifest says.
 */
export async function writeArchive(handle: FileHandle, contents: Contents): Promise<Sum> {
  return writeMembers(handle, members(contents), contents.closing);
}

/** Writes members as they come, each compared with what the manifest says of it. */
export async function writeMembers(handle: FileHandle, all: AsyncIterable<Member>, closing: AbortSignal): Promise<Sum> {
  const tar = pack();
  let packed: Promise<unknown> | undefined;
  const begin = (): void => {
    packed = packAll(tar, all, closing).catch((error: Error) => tar.destroy(error));
  };
  try {
    return await writePieces(handle, blocksOf(tar as AsyncIterable<Uint8Array>, begin));
  } finally {
    // Git must have ended before anybody tries again.
    tar.destroy();
    await packed;
  }
}

/** Writes a file as gzip. */
export async function writePacked(handle: FileHandle, path: string): Promise<Sum> {
  return writePieces(handle, createReadStream(path, { highWaterMark: BLOCK }));
}

async function writePieces(handle: FileHandle, pieces: AsyncIterable<Uint8Array>): Promise<Sum> {
  const blocks = Readable.from(pieces, { objectMode: false, highWaterMark: BLOCK });
  const gzip = createGzip({ level: 6, chunkSize: BLOCK });
  blocks.on('error', (error) => gzip.destroy(error));
  const hash = createHash('sha256');
  let size = 0;
  const counted = async function* () {
    for await (const chunk of blocks.pipe(gzip)) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  };
  try {
    await writeFile(handle, counted());
  } finally {
    blocks.destroy();
  }
  return { size, sha256: hash.digest('hex') };
}

/** Blocks of one size: compressing each header and padding by itself takes ten times as long. */
async function* blocksOf(tar: AsyncIterable<Uint8Array>, begin: () => void): AsyncGenerator<Buffer> {
  let block = Buffer.allocUnsafe(BLOCK);
  let used = 0;
  // Heard from the start: what fails with the first member would else be nobody's error.
  const pieces = tar[Symbol.asyncIterator]();
  begin();
  for await (const chunk of { [Symbol.asyncIterator]: () => pieces }) {
    for (let start = 0; start < chunk.length; ) {
      const piece = chunk.subarray(start, start + BLOCK - used);
      block.set(piece, used);
      start += piece.length;
      used += piece.length;
      if (used < BLOCK) continue;
      yield block;
      block = Buffer.allocUnsafe(BLOCK);
      used = 0;
    }
  }
  yield block.subarray(0, used);
}

async function packAll(tar: Pack, all: AsyncIterable<Member>, closing: AbortSignal): Promise<void> {
  for await (const { entry, content } of all) {
    closing.throwIfAborted();
    if (entry.mode === '120000') await addLink(tar, entry, content);
    else await addFile(tar, entry, content);
  }
  tar.finalize();
}

/** Manifest, entries and contents have the same order: they are walked side by side, one member in memory at a time. */
async function* members({ manifest, entries, objects }: Contents): AsyncGenerator<Member> {
  const lines = linesOf(manifest);
  let index = 0;
  try {
    for await (const { entry, content } of readContents(objects, entries)) {
      const line = await lines.next();
      index++;
      const wanted: ManifestEntry | undefined = line.done ? undefined : JSON.parse(line.value);
      if (!wanted || wanted.path !== entry.path || wanted.mode !== entry.mode) throw new Error(DIFFERENT_TREE);
      yield { entry: wanted, content };
    }
    if (index !== entries.length || !(await lines.next()).done) throw new Error(DIFFERENT_TREE);
  } finally {
    await lines.return(undefined);
  }
}

const DIFFERENT_TREE = 'the tree in the repository is not the one that the manifest was made from';

/** Lines ended by LF and nothing else: JSON leaves other line separators as they are. */
export async function* linesOf(path: string): AsyncGenerator<string, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of createReadStream(path)) {
    rest = Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = rest.indexOf(10); end !== -1; end = rest.indexOf(10, start)) {
      yield rest.toString('utf8', start, end);
      start = end + 1;
    }
    rest = rest.subarray(start);
  }
  return undefined;
}

async function addLink(tar: Pack, entry: ManifestEntry, content: Readable): Promise<void> {
  const target = Buffer.concat(await content.toArray());
  verify(entry, createHash('sha256').update(target), target.length);
  const header = { ...headerOf(entry), type: 'symlink', linkname: targetText(entry.path, target) } as const;
  await new Promise<void>((resolve, reject) => {
    tar.entry(header, (error) => (error ? reject(error) : resolve()));
  });
}

async function addFile(tar: Pack, entry: ManifestEntry, content: Readable): Promise<void> {
  const header = { ...headerOf(entry), type: 'file', size: entry.size } as const;
  if (entry.size > SMALL) return pour(tar, header, verified(entry, content));
  const pieces: Buffer[] = [];
  for await (const piece of verified(entry, content)) pieces.push(piece);
  await new Promise<void>((resolve, reject) => {
    tar.entry(header, Buffer.concat(pieces), (error) => (error ? reject(error) : resolve()));
  });
}

/** Waits for the archive's writer after each piece; either side's failure ends both. */
async function pour(tar: Pack, header: Parameters<Pack['entry']>[0], source: AsyncIterable<Buffer>): Promise<void> {
  let settle: (error?: Error | null) => void = () => undefined;
  const done = new Promise<void>((resolve, reject) => {
    settle = (error) => (error ? reject(error) : resolve());
  });
  const sink = tar.entry(header, (error) => settle(error));
  // The callback says it as well.
  sink.on('error', () => undefined);
  const feed = async () => {
    for await (const piece of source) if (!sink.write(piece)) await Promise.race([once(sink, 'drain'), done]);
    sink.end(null);
  };
  await Promise.all([done, feed().catch((error: Error) => sink.destroy(error))]);
}

function headerOf({ path, mode, perm }: ManifestEntry) {
  const permissions = perm === undefined ? PERMISSIONS[mode] : Number.parseInt(perm, 8);
  return { name: path, mode: permissions, uid: 0, gid: 0, uname: '', gname: '', mtime: new Date(0) };
}

async function* verified(entry: ManifestEntry, content: Readable): AsyncGenerator<Buffer> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of content) {
    hash.update(chunk);
    size += chunk.length;
    yield chunk;
  }
  verify(entry, hash, size);
}

function verify(entry: ManifestEntry, hash: Hash, size: number): void {
  if (size === entry.size && hash.digest('hex') === entry.sha256) return;
  throw new Error(
    `the repository's content of ${JSON.stringify(entry.path)} is not what the manifest says: the repository is damaged`,
  );
}
