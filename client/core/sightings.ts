import { createHash } from 'node:crypto';
import { type Digest, parseDigest } from '../../protocol/names.ts';

/** What lstat(2) says of a file and what a change of it cannot leave as it was; times in milliseconds since 1970. */
export interface Look {
  readonly size: number;
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly ino: number;
  /** Type and permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** How files looked when their content was last found right, so that only those that look different need to be read again. */
export interface Sightings {
  /** Of the manifest that they were compared with. */
  readonly digest: Digest;
  /** By the file system's own clock, before the first was looked at. */
  readonly takenAtMs: number;
  /** Relative to the directory that was looked at; directories of which the content matters are among them. */
  readonly paths: readonly string[];
  /** WIDTH numbers for each path. */
  readonly numbers: Float64Array;
}

export const WIDTH = 7;

/** Writes one look where `sameAs` reads it. */
export function noteLook(numbers: Float64Array, index: number, look: Look): void {
  const at = index * WIDTH;
  numbers[at] = look.ctimeMs;
  numbers[at + 1] = look.ino;
  numbers[at + 2] = look.size;
  numbers[at + 3] = look.mtimeMs;
  numbers[at + 4] = look.mode;
  numbers[at + 5] = look.uid;
  numbers[at + 6] = look.gid;
}

/**
 * A file that is written again within the same tick of the file system's clock, 10 ms at most, looks as before: so long after
 * a change it counts as moved.
 */
const TICK_MS = 20;
/** Of file systems that keep whole seconds, or even seconds. */
const COARSE_TICK_MS = 2_000;

/**
 * Whether a file looks as it did, so that its content need not be read. The time of the last change of the inode is set by
 * the kernel alone: it also moves when somebody puts size and modification time back.
 */
export function sameAs({ numbers, takenAtMs }: Sightings, index: number, look: Look): boolean {
  const at = index * WIDTH;
  const { ctimeMs } = look;
  return (
    numbers[at] === ctimeMs &&
    numbers[at + 1] === look.ino &&
    numbers[at + 2] === look.size &&
    numbers[at + 3] === look.mtimeMs &&
    numbers[at + 4] === look.mode &&
    numbers[at + 5] === look.uid &&
    numbers[at + 6] === look.gid &&
    ctimeMs < takenAtMs - (ctimeMs % 1000 === 0 ? COARSE_TICK_MS : TICK_MS)
  );
}

/** The owner and group that a path had. */
export function ownersOf({ numbers }: Sightings, index: number): { readonly uid: number; readonly gid: number } {
  return { uid: numbers[index * WIDTH + 5] ?? -1, gid: numbers[index * WIDTH + 6] ?? -1 };
}

const FORMAT = 'tagwave-seen-1';
const SEPARATOR = '\0';

/** A checked line, then the numbers as they are in memory, then the paths: 10,000 files are read in some milliseconds. */
export function encodeSightings({ digest, takenAtMs, paths, numbers }: Sightings): Buffer {
  const head = JSON.stringify({ format: FORMAT, digest, takenAtMs, count: paths.length });
  const rest = Buffer.concat([
    Buffer.from(`${head}\n`),
    Buffer.from(numbers.buffer, numbers.byteOffset, numbers.byteLength),
    Buffer.from(paths.join(SEPARATOR)),
  ]);
  return Buffer.concat([Buffer.from(`${sha256(rest)}\n`), rest]);
}

/** Undefined for bytes that are damaged, or that no version like this one wrote. */
export function decodeSightings(bytes: Buffer): Sightings | undefined {
  const start = bytes.indexOf(10) + 1;
  const end = bytes.indexOf(10, start) + 1;
  if (start !== 65 || end === 0 || bytes.toString('latin1', 0, 64) !== sha256(bytes.subarray(start))) return undefined;
  const head = headOf(bytes.toString('utf8', start, end));
  if (head === undefined) return undefined;
  const { digest, takenAtMs, count } = head;
  const after = end + count * WIDTH * Float64Array.BYTES_PER_ELEMENT;
  // Numbers are read where they lie in memory only at a multiple of eight.
  const numbers = new Float64Array(Uint8Array.from(bytes.subarray(end, after)).buffer);
  const paths = count === 0 ? [] : bytes.toString('utf8', after).split(SEPARATOR);
  return paths.length === count && numbers.length === count * WIDTH ? { digest, takenAtMs, paths, numbers } : undefined;
}

function headOf(line: string): { digest: Digest; takenAtMs: number; count: number } | undefined {
  try {
    const { format, digest, takenAtMs, count } = JSON.parse(line) as Record<string, unknown>;
    const parsed = typeof digest === 'string' ? parseDigest(digest) : undefined;
    if (format !== FORMAT || parsed === undefined || typeof takenAtMs !== 'number') return undefined;
    return Number.isSafeInteger(count) ? { digest: parsed, takenAtMs, count: count as number } : undefined;
  } catch {
    return undefined;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
