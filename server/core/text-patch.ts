import { createTwoFilesPatch, FILE_HEADERS_ONLY, structuredPatch } from 'diff';

/** The content of a file in two views; undefined where it is not in one of them. */
export interface TwoTexts {
  readonly path: string;
  readonly oldPath: string | null;
  readonly before: Uint8Array | undefined;
  readonly after: Uint8Array | undefined;
}

/** Texts that have little in common cost the square of their length. */
const MOST_EDITS = 5_000;
const TIMEOUT_MS = 200;

/** Lines that came and went; null of what is no text, or differs in too much to be compared. */
export function lineCounts({ before, after }: Pick<TwoTexts, 'before' | 'after'>) {
  const [old, now] = [textOf(before), textOf(after)];
  if (old === undefined || now === undefined) return null;
  const limits = { context: 0, maxEditLength: MOST_EDITS, timeout: TIMEOUT_MS };
  const patch = structuredPatch('', '', old, now, undefined, undefined, limits);
  if (patch === undefined) return null;
  let [insertions, deletions] = [0, 0];
  for (const line of patch.hunks.flatMap((hunk) => hunk.lines)) {
    if (line.startsWith('+')) insertions += 1;
    if (line.startsWith('-')) deletions += 1;
  }
  return { insertions, deletions };
}

/** A unified diff with three lines around each change; null of what is no text, or differs in too much to be compared. */
export function textPatch({ path, oldPath, before, after }: TwoTexts): string | null {
  const [old, now] = [textOf(before), textOf(after)];
  if (old === undefined || now === undefined) return null;
  const names = [
    before === undefined ? '/dev/null' : `a/${oldPath ?? path}`,
    after === undefined ? '/dev/null' : `b/${path}`,
  ] as const;
  const limits = { context: 3, headerOptions: FILE_HEADERS_ONLY, maxEditLength: MOST_EDITS, timeout: TIMEOUT_MS };
  return createTwoFilesPatch(...names, old, now, undefined, undefined, limits) ?? null;
}

/** Undefined for bytes that are no text. */
export function textOf(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return '';
  const text = new TextDecoder().decode(bytes);
  return text.includes('\0') || !sameBytes(new TextEncoder().encode(text), bytes) ? undefined : text;
}

function sameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}
