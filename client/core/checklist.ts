import type { ManifestEntry } from '../../protocol/manifest.ts';

/** Thrown while unpacking for content that is not what the manifest says. The sentence names the entry. */
export class BadContent extends Error {
  override readonly name = 'BadContent';
}

/** What an archive says of an entry before its content. */
export interface ArchiveHeader {
  readonly name: string;
  readonly type: string | null | undefined;
  /** Bytes. */
  readonly size: number | undefined;
}

export interface Checklist {
  /** The listed entry that a header announces. Throws `BadContent` for one that is not listed, doubled, or of another type or size. */
  take(header: ArchiveHeader): ManifestEntry;
  /** Throws `BadContent` unless every listed entry was taken. */
  finish(): void;
}

/** Archives have their entries in the manifest's order: then each is found at once. */
export function checklistOf(entries: readonly ManifestEntry[]): Checklist {
  let next = 0;
  /** Once one came out of order: what is still to come. */
  let open: Map<string, ManifestEntry> | undefined;
  const take = ({ name }: ArchiveHeader): ManifestEntry => {
    const expected = entries[next];
    if (open === undefined && expected?.path === name) {
      next++;
      return expected;
    }
    open ??= new Map(entries.slice(next).map((entry) => [entry.path, entry]));
    const entry = open.get(name);
    if (entry === undefined) {
      const isListed = entries.some(({ path }) => path === name);
      throw new BadContent(`${quoted(name)} is ${isListed ? 'in it twice' : 'not in the manifest'}`);
    }
    open.delete(name);
    return entry;
  };
  return {
    take(header) {
      const entry = take(header);
      checkHeader(header, entry);
      return entry;
    },
    finish() {
      const missing = open === undefined ? entries.slice(next) : [...open.values()];
      const [first] = missing;
      if (first === undefined) return;
      const others = missing.length === 1 ? '' : ` and ${missing.length - 1} more of the manifest's entries`;
      throw new BadContent(`${quoted(first.path)}${others} ${missing.length === 1 ? 'is' : 'are'} missing`);
    },
  };
}

function checkHeader({ name, type, size }: ArchiveHeader, entry: ManifestEntry): void {
  const expected = entry.mode === '120000' ? 'symlink' : 'file';
  if (type !== expected)
    throw new BadContent(`${quoted(name)} is a ${type ?? 'thing of unknown type'}, expected a ${expected}`);
  if (type === 'file' && size !== entry.size)
    throw new BadContent(`${quoted(name)} has ${size ?? 'an unknown number of'} bytes, expected ${entry.size}`);
}

export function quoted(path: string): string {
  return JSON.stringify(path);
}

const BLOCK = 512;

/**
 * The most bytes that a tar of these entries can have: per entry a header, an extended header that repeats path and link
 * target, and the padded content. Whatever unpacks to more is not what was announced.
 */
export function tarLimit(entries: readonly ManifestEntry[]): number {
  const padded = (bytes: number): number => Math.ceil(bytes / BLOCK) * BLOCK;
  return entries.reduce(
    (sum, { path, size, mode }) =>
      sum + 6 * BLOCK + padded(size) + 2 * padded(Buffer.byteLength(path)) + (mode === '120000' ? 2 * padded(size) : 0),
    128 * BLOCK,
  );
}
