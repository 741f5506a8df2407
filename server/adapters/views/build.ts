import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { checkPaths, digestHash, type ManifestEntry, manifestLine } from '../../../protocol/manifest.ts';
import type { ObjectId } from '../../../protocol/names.ts';
import { UnfitContent, type View } from '../../ports/content.ts';
import type { Objects, ViewEntry } from './contents.ts';
import type { Sum, Sums } from './sums.ts';

/** A view and what its manifest is written from. */
export interface Built {
  readonly view: View;
  /** The manifest's bytes, a thousand lines or so at a time. */
  readonly manifest: () => AsyncGenerator<Buffer>;
}

/** Longest target that Linux takes. */
const LONGEST_TARGET = 4095;
const LINES_AT_ONCE = 500;
/** A manifest no longer than this is not worked out once more in order to be written. */
const HELD_BYTES = 8 * 1024 * 1024;
const SUMS_AT_ONCE = 500;

/** Works out a view from its entries, whose contents in the repository have these sums. Reads nothing. */
export async function buildView(entries: readonly ViewEntry[], sums: ReadonlyMap<ObjectId, Sum>): Promise<Built> {
  checkPaths(entries.map(({ path }) => path));
  const hash = digestHash();
  const held: Buffer[] = [];
  let size = 0;
  for await (const lines of manifestOf(entries, sums)) {
    hash.update(lines);
    size += lines.length;
    if (size <= HELD_BYTES) held.push(lines);
  }
  const manifest = () => (size <= HELD_BYTES ? piecesOf(held) : manifestOf(entries, sums));
  const bytes = entries.reduce((total, entry) => total + sumOf(sums, entry).size, 0);
  return { view: { digest: hash.digest(), files: entries.length, bytes }, manifest };
}

async function* piecesOf(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces;
}

/** The entries of a layer are in the views of many nodes. */
const linesOfBlobs = new WeakMap<ViewEntry, string>();

function lineOf(entry: ViewEntry, sums: ReadonlyMap<ObjectId, Sum>): string {
  if (entry.content.kind !== 'blob') return manifestLine(manifestEntry(entry, sums));
  const line = linesOfBlobs.get(entry) ?? manifestLine(manifestEntry(entry, sums));
  linesOfBlobs.set(entry, line);
  return line;
}

async function* manifestOf(entries: readonly ViewEntry[], sums: ReadonlyMap<ObjectId, Sum>): AsyncGenerator<Buffer> {
  for (let start = 0; start < entries.length; start += LINES_AT_ONCE) {
    const lines = entries.slice(start, start + LINES_AT_ONCE).map((entry) => lineOf(entry, sums));
    yield Buffer.from(lines.join(''));
    // A large manifest is no reason to keep others waiting.
    await setImmediate();
  }
}

export function manifestEntry(entry: ViewEntry, sums: ReadonlyMap<ObjectId, Sum>): ManifestEntry {
  const { path, mode, perm, owner, group } = entry;
  const attributes = {
    ...(perm === undefined ? {} : { perm }),
    ...(owner === undefined ? {} : { owner }),
    ...(group === undefined ? {} : { group }),
  };
  return { path, mode, ...sumOf(sums, entry), ...attributes };
}

function sumOf(sums: ReadonlyMap<ObjectId, Sum>, { path, content }: ViewEntry): Sum {
  if (content.kind === 'bytes') return sumOfBytes(content.bytes);
  const sum = sums.get(content.blob);
  if (!sum) throw new Error(`the repository gave no content for ${JSON.stringify(path)} (${content.blob})`);
  return sum;
}

const sumsOfBytes = new WeakMap<Buffer, Sum>();

/** A template that was rendered for one node is in the views of many. */
function sumOfBytes(bytes: Buffer): Sum {
  const known = sumsOfBytes.get(bytes);
  if (known !== undefined) return known;
  const sum = { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  sumsOfBytes.set(bytes, sum);
  return sum;
}

/** The sums of all contents that are in the repository. Reads what is not known yet, and every link. */
export async function sumsOf(
  objects: Pick<Objects, 'blobs'>,
  entries: readonly Pick<ViewEntry, 'path' | 'mode' | 'content'>[],
  sums: Sums,
): Promise<Map<ObjectId, Sum>> {
  // Links are always read: a sum does not tell whether the target is one that a host can make.
  const links = new Map<ObjectId, string>();
  const wanted = new Set<ObjectId>();
  for (const { path, mode, content } of entries) {
    if (content.kind !== 'blob') continue;
    wanted.add(content.blob);
    if (mode === '120000') links.set(content.blob, path);
  }
  const found = await sums.find(wanted);
  const missing = [...wanted].filter((blob) => links.has(blob) || !found.has(blob));
  if (missing.length === 0) return found;
  let fresh: [ObjectId, Sum][] = [];
  for await (const { blob, size, content } of objects.blobs(missing)) {
    const link = links.get(blob);
    const sum = link === undefined ? await sumOfContent(blob, size, content) : await sumOfTarget(link, size, content);
    found.set(blob, sum);
    if (link === undefined && fresh.push([blob, sum]) === SUMS_AT_ONCE) {
      sums.add(fresh);
      fresh = [];
    }
  }
  sums.add(fresh);
  return found;
}

/** Reads a content once for both names: git's, which shows damage that decompression lets pass, and ours. */
async function sumOfContent(blob: ObjectId, size: number, content: Readable): Promise<Sum> {
  const named = createHash(blob.length === 40 ? 'sha1' : 'sha256').update(`blob ${size}\0`);
  const sha256 = createHash('sha256');
  for await (const chunk of content) {
    named.update(chunk);
    sha256.update(chunk);
  }
  if (named.digest('hex') !== blob)
    throw new Error(`the object ${blob} in the repository is damaged. Look at the repository with 'git fsck'.`);
  return { size, sha256: sha256.digest('hex') };
}

async function sumOfTarget(path: string, size: number, content: Readable): Promise<Sum> {
  if (size > LONGEST_TARGET)
    throw new UnfitContent(
      `the link ${JSON.stringify(path)} has a target of ${size} bytes, longer than any host takes`,
    );
  const target = Buffer.concat(await content.toArray());
  targetText(path, target);
  return { size, sha256: createHash('sha256').update(target).digest('hex') };
}

/** A link's target as text. Throws for one that no host can make: empty, with NUL, or not UTF-8, which archives are in. */
export function targetText(path: string, target: Buffer): string {
  const text = target.toString('utf8');
  const flaw =
    text === ''
      ? 'is empty'
      : text.includes('\0')
        ? 'has a NUL byte'
        : Buffer.from(text).equals(target)
          ? null
          : 'is not UTF-8';
  if (flaw !== null) throw new UnfitContent(`the target of the link ${JSON.stringify(path)} ${flaw}`);
  return text;
}
