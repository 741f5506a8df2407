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

export function checklistOf(entries: readonly ManifestEntry[]): Checklist {
  const open = new Map<string, ManifestEntry>(entries.map((entry) => [entry.path, entry]));
  const done = new Set<string>();
  return {
    take(header) {
      const entry = open.get(header.name);
      if (entry === undefined)
        throw new BadContent(
          `${quoted(header.name)} is ${done.has(header.name) ? 'in it twice' : 'not in the manifest'}`,
        );
      open.delete(entry.path);
      done.add(entry.path);
      checkHeader(header, entry);
      return entry;
    },
    finish() {
      const [missing] = open.keys();
      if (missing === undefined) return;
      const others = open.size === 1 ? '' : ` and ${open.size - 1} more of the manifest's entries`;
      throw new BadContent(`${quoted(missing)}${others} ${open.size === 1 ? 'is' : 'are'} missing`);
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
