import { createTwoFilesPatch, FILE_HEADERS_ONLY, formatPatch, structuredPatch } from 'diff';

/** The content of a file in two views; undefined where it is not in one of them. */
export interface TwoTexts {
  readonly path: string;
  readonly oldPath: string | null;
  readonly before: Uint8Array | undefined;
  readonly after: Uint8Array | undefined;
}

/** Texts that have little in common cost the square of what differs, and others are to be answered meanwhile. */
const MOST_COUNTED = 200;
const MOST_SHOWN = 300;

/** Lines that came and went; null of what is no text, or differs in too much to be compared. */
export function lineCounts({ before, after }: Pick<TwoTexts, 'before' | 'after'>) {
  const [old, now] = [textOf(before), textOf(after)];
  if (old === undefined || now === undefined) return null;
  if (old === '' || now === '') return { insertions: linesIn(now).length, deletions: linesIn(old).length };
  const limits = { context: 0, maxEditLength: MOST_COUNTED };
  const patch = structuredPatch('', '', old, now, undefined, undefined, limits);
  const lines = patch?.hunks.flatMap((hunk) => hunk.lines);
  const number = (sign: string) => lines?.filter((line) => line.startsWith(sign)).length ?? 0;
  return lines === undefined ? null : { insertions: number('+'), deletions: number('-') };
}

/**
 * A unified diff with three lines around each change; null of what is no text. What differs in too much to be compared is told
 * as if all of it had been written anew.
 */
export function textPatch({ path, oldPath, before, after }: TwoTexts): string | null {
  const [old, now] = [textOf(before), textOf(after)];
  if (old === undefined || now === undefined) return null;
  const names = [
    before === undefined ? '/dev/null' : `a/${oldPath ?? path}`,
    after === undefined ? '/dev/null' : `b/${path}`,
  ] as const;
  const limits = { context: 3, headerOptions: FILE_HEADERS_ONLY, maxEditLength: MOST_SHOWN };
  const patch =
    old === '' || now === '' ? undefined : createTwoFilesPatch(...names, old, now, undefined, undefined, limits);
  return patch ?? formatPatch(writtenAnew(names, old, now), FILE_HEADERS_ONLY);
}

function writtenAnew([oldFileName, newFileName]: readonly [string, string], old: string, now: string) {
  const [deleted, added] = [linesIn(old), linesIn(now)];
  const hunk = {
    oldStart: 1,
    oldLines: deleted.length,
    newStart: 1,
    newLines: added.length,
    lines: [...signed('-', deleted, old), ...signed('+', added, now)],
  };
  const hunks = deleted.length + added.length === 0 ? [] : [hunk];
  return { oldFileName, newFileName, oldHeader: undefined, newHeader: undefined, hunks };
}

function signed(sign: string, lines: readonly string[], text: string): string[] {
  return [
    ...lines.map((line) => sign + line),
    ...(text === '' || text.endsWith('\n') ? [] : ['\\ No newline at end of file']),
  ];
}

function linesIn(text: string): string[] {
  const lines = text.split('\n');
  return lines.at(-1) === '' ? lines.slice(0, -1) : lines;
}

/** Undefined for bytes that are no text. */
export function textOf(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return '';
  if (bytes.includes(0)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
