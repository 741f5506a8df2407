import type { Difference } from '../../ports/repository.ts';

/** A path in which two trees differ, as git names it. */
export interface RawDifference {
  readonly status: Difference;
  /** From the root, as git stores it. */
  readonly path: Buffer;
  readonly oldPath: Buffer | null;
}

/** Null of a binary file. */
export interface LineCount {
  readonly path: Buffer;
  readonly insertions: number | null;
  readonly deletions: number | null;
}

export interface RawOutput {
  readonly differences: readonly RawDifference[];
  readonly lines: readonly LineCount[];
}

const STATUS: Readonly<Record<string, Difference>> = {
  A: 'added',
  M: 'modified',
  D: 'deleted',
  R: 'renamed',
  T: 'type',
};
const COLON = 58;
const TAB = 9;

/**
 * Reads what `git diff-tree -z --raw [--numstat]` says. Every part ends with NUL, which no path can hold, so that any other
 * byte may stand in one: `:MODE MODE ID ID STATUS`, path, of a renamed one the new path; then `INSERTIONS TAB DELETIONS TAB PATH`, of a
 * renamed one with the two paths after it. Throws for anything else, also for what was cut off.
 */
export function parseDifferences(output: Buffer): RawOutput {
  const differences: RawDifference[] = [];
  const lines: LineCount[] = [];
  const parts = partsOf(output);
  for (let part = parts.next(); part !== undefined; part = parts.next()) {
    if (part[0] === COLON) differences.push(differenceIn(part, parts.path));
    else lines.push(lineCountIn(part, parts.path));
  }
  return { differences, lines };
}

function partsOf(output: Buffer) {
  let at = 0;
  const next = (): Buffer | undefined => {
    if (at >= output.length) return undefined;
    const end = output.indexOf(0, at);
    if (end === -1) throw new Error('the list of differences is cut off');
    const part = output.subarray(at, end);
    at = end + 1;
    return part;
  };
  const path = (): Buffer => {
    const part = next();
    if (part === undefined) throw new Error('the list of differences is cut off');
    return part;
  };
  return { next, path };
}

function differenceIn(part: Buffer, path: () => Buffer): RawDifference {
  const letter = String.fromCharCode(part[part.lastIndexOf(32) + 1] ?? 0);
  const status = STATUS[letter];
  if (status === undefined) throw new Error(`git names a difference that is not known: ${letter}`);
  const first = path();
  return status === 'renamed' ? { status, path: path(), oldPath: first } : { status, path: first, oldPath: null };
}

function lineCountIn(part: Buffer, path: () => Buffer): LineCount {
  const first = part.indexOf(TAB);
  const second = part.indexOf(TAB, first + 1);
  if (first === -1 || second === -1) throw new Error('a count of lines cannot be read');
  const [insertions, deletions] = [part.subarray(0, first), part.subarray(first + 1, second)].map(numberIn);
  const rest = part.subarray(second + 1);
  if (rest.length > 0) return { path: rest, insertions: insertions ?? null, deletions: deletions ?? null };
  path();
  return { path: path(), insertions: insertions ?? null, deletions: deletions ?? null };
}

/** `-` = not counted, because it is binary. */
function numberIn(digits: Buffer): number | null {
  const text = digits.toString('latin1');
  return /^\d+$/.test(text) ? Number(text) : null;
}

/** As text; what is not UTF-8 as latin1, so that no two bytes become the same character. */
export function pathText(path: Buffer): string {
  const text = path.toString('utf8');
  return Buffer.from(text).equals(path) ? text : path.toString('latin1');
}
