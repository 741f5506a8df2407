import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { canBeDelta, DELTA_PATH, deltaBytes, stepBetween } from '../../../protocol/delta.ts';
import type { ManifestEntry } from '../../../protocol/manifest.ts';
import type { Digest, RelativePath } from '../../../protocol/names.ts';
import { linesOf, type Member, writeMembers } from './archive.ts';
import { type Objects, readContents, type ViewEntry } from './contents.ts';

interface Side {
  readonly digest: Digest;
  /** Path of the view's manifest, already verified. */
  readonly manifest: string;
}

export interface DeltaSource {
  readonly from: Side;
  /** `contents` answers the entries whose view it is. */
  readonly to: Side & { contents(): Promise<readonly ViewEntry[]> };
  readonly objects: Pick<Objects, 'blobs'>;
  /** Gives it up. */
  readonly closing: AbortSignal;
}

/** Writes the members of a delta to an open file; answers its size and SHA-256. */
export type DeltaWriter = (handle: FileHandle) => Promise<{ size: number; sha256: string }>;

/**
 * What leads from one view to another as `tar.gz`, the same bytes whenever and wherever: what it is, then every entry that
 * the old view does not have just so. Undefined where the new view could not be told from a delta.
 */
export async function planDelta({ from, to, objects, closing }: DeltaSource): Promise<DeltaWriter | undefined> {
  const [before, after] = [await entriesIn(from.manifest), await entriesIn(to.manifest)];
  if (!canBeDelta(after)) return undefined;
  const { written, deleted } = stepBetween(before, after);
  const first = deltaBytes({ from: from.digest, to: to.digest, delete: [...deleted] });
  const paths = new Set<string>(written.map(({ path }) => path));
  const contents = (await to.contents()).filter(({ path }) => paths.has(path));
  return (handle) => writeMembers(handle, members(first, written, readContents(objects, contents)), closing);
}

async function* members(
  first: Buffer,
  written: readonly ManifestEntry[],
  contents: AsyncIterable<{ readonly entry: ViewEntry; readonly content: Readable }>,
): AsyncGenerator<Member> {
  yield { entry: entryOfFirst(first), content: Readable.from([first], { objectMode: false }) };
  let index = 0;
  for await (const { entry, content } of contents) {
    const wanted = written[index++];
    if (wanted?.path !== entry.path || wanted.mode !== entry.mode) throw new Error(DIFFERENT_TREE);
    yield { entry: wanted, content };
  }
  if (index !== written.length) throw new Error(DIFFERENT_TREE);
}

const DIFFERENT_TREE = 'the tree in the repository is not the one that the manifest was made from';

function entryOfFirst(bytes: Buffer): ManifestEntry {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { path: DELTA_PATH as RelativePath, mode: '100644', size: bytes.length, sha256 };
}

/** Piece by piece: a large manifest is no reason to keep others waiting. It was verified, so it has nothing else in it. */
async function entriesIn(manifest: string): Promise<ManifestEntry[]> {
  const entries: ManifestEntry[] = [];
  for await (const line of linesOf(manifest)) entries.push(JSON.parse(line) as ManifestEntry);
  return entries;
}
