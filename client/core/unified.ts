import type { StructuredPatch } from 'diff';

/** What a path is, or is to be. */
export type Side =
  | { readonly kind: 'absent' }
  | { readonly kind: 'link'; readonly target: string }
  | {
      readonly kind: 'file';
      readonly size: number;
      /** Undefined where it is too large to be compared line by line. */
      readonly content: Uint8Array | undefined;
      /** Permission bits. */
      readonly mode: number;
    }
  /** What no view can have, as in `a directory`. */
  | { readonly kind: 'other'; readonly what: string };

export interface Change {
  readonly path: string;
  readonly before: Side;
  readonly after: Side;
  /** Not everybody may read it: only its name is shown. */
  readonly isSecret: boolean;
  /** As in `owner 1000:1000 → root:root`, for what sides don't say. */
  readonly notes: readonly string[];
}

export interface DiffLine {
  /** `note` is in words; the others are of a unified diff. */
  readonly kind: 'note' | 'head' | 'hunk' | 'added' | 'removed' | 'same';
  readonly text: string;
}

export interface DiffLimits {
  /** How many lines of one file are shown. */
  readonly lines: number;
}

/** More changed lines than this, or longer work than that, and a file counts as another one: it is told by its size. */
const MOST_EDITS = 20_000;
const MOST_MS = 2_000;

/** What a change is, in words and as a unified diff. Control characters are made visible. */
export async function describeChange(change: Change, limits: DiffLimits): Promise<DiffLine[]> {
  const { path, before, after, isSecret, notes } = change;
  const words = [...modeNotes(before, after), ...notes];
  if (isSecret) return [note(path, [secretNote(before, after), ...words])];
  if (before.kind === 'other' && after.kind === 'other') return [note(path, words)];
  if (before.kind === 'other' || after.kind === 'other' || before.kind === 'link' || after.kind === 'link')
    return [note(path, [`${inWords(before)} → ${inWords(after)}`, ...words])];
  const texts = textsOf(before, after);
  if (texts === undefined) return [note(path, [sizeNote(before, after), ...words])];
  if (texts.before === texts.after) {
    const isEmpty = before.kind !== after.kind;
    return isEmpty || words.length > 0 ? [note(path, [...(isEmpty ? [sizeNote(before, after)] : []), ...words])] : [];
  }
  const patch = await patchOf(path, before, texts, after);
  if (patch === undefined) return [note(path, [`too different to show, ${sizeNote(before, after)}`, ...words])];
  const said = [...words, ...texts.notes];
  return [...(said.length === 0 ? [] : [note(path, said)]), ...cut(linesOf(patch), limits)];
}

function note(path: string, words: readonly string[]): DiffLine {
  return { kind: 'note', text: visible(`${path}: ${words.join(', ')}`) };
}

function modeNotes(before: Side, after: Side): string[] {
  if (after.kind !== 'file') return [];
  if (before.kind !== 'file') return after.mode === 0o644 ? [] : [`mode ${octal(after.mode)}`];
  return before.mode === after.mode ? [] : [`mode ${octal(before.mode)} → ${octal(after.mode)}`];
}

export function octal(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

function secretNote(before: Side, after: Side): string {
  const verb = before.kind === 'absent' ? 'added' : after.kind === 'absent' ? 'removed' : 'changed';
  return `${verb}; not shown, as not everybody may read it`;
}

function sizeNote(before: Side, after: Side): string {
  return `${inWords(before)} → ${inWords(after)}`;
}

function inWords(side: Side): string {
  switch (side.kind) {
    case 'absent':
      return 'nothing';
    case 'link':
      return `a link to ${side.target}`;
    case 'file': {
      const kind = side.content !== undefined && isBinary(side.content) ? 'binary file' : 'file';
      return `a ${kind} of ${side.size} ${side.size === 1 ? 'byte' : 'bytes'}`;
    }
    case 'other':
      return side.what;
  }
}

interface Texts {
  readonly before: string;
  readonly after: string;
  readonly notes: readonly string[];
}

/** Both sides as text, read in the same way; undefined where one is binary or too large. */
function textsOf(before: Side, after: Side): Texts | undefined {
  const [old, fresh] = [contentOf(before), contentOf(after)];
  if (old === undefined || fresh === undefined || isBinary(old) || isBinary(fresh)) return undefined;
  const [left, right] = [utf8(old), utf8(fresh)];
  if (left !== undefined && right !== undefined) return { before: left, after: right, notes: [] };
  return { before: latin1(old), after: latin1(fresh), notes: ['no UTF-8, shown as Latin-1'] };
}

function contentOf(side: Side): Uint8Array | undefined {
  return side.kind === 'file' ? side.content : new Uint8Array();
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

const LOOKED_AT_BYTES = 8_000;

/** As git sees it: text has no NUL near its beginning. */
function isBinary(content: Uint8Array): boolean {
  return content.subarray(0, LOOKED_AT_BYTES).includes(0);
}

async function patchOf(path: string, before: Side, texts: Texts, after: Side): Promise<StructuredPatch | undefined> {
  // Only who wants to see a difference waits for what makes it.
  const { structuredPatch } = await import('diff');
  const [from, to] = [
    before.kind === 'absent' ? '/dev/null' : `a/${path}`,
    after.kind === 'absent' ? '/dev/null' : `b/${path}`,
  ];
  const options = { context: 3, maxEditLength: MOST_EDITS, timeout: MOST_MS };
  return structuredPatch(from, to, texts.before, texts.after, undefined, undefined, options);
}

const KINDS: Readonly<Record<string, DiffLine['kind']>> = { '+': 'added', '-': 'removed' };

function linesOf({ oldFileName, newFileName, hunks }: StructuredPatch): DiffLine[] {
  const lines: DiffLine[] = [
    { kind: 'head', text: visible(`--- ${oldFileName}`) },
    { kind: 'head', text: visible(`+++ ${newFileName}`) },
  ];
  for (const { oldStart, oldLines, newStart, newLines, lines: within } of hunks) {
    lines.push({ kind: 'hunk', text: `@@ -${range(oldStart, oldLines)} +${range(newStart, newLines)} @@` });
    for (const line of within) lines.push({ kind: KINDS[line.charAt(0)] ?? 'same', text: visible(line) });
  }
  return lines;
}

function range(start: number, count: number): string {
  return count === 1 ? String(start) : `${count === 0 ? Math.max(start - 1, 0) : start},${count}`;
}

function cut(lines: readonly DiffLine[], { lines: most }: DiffLimits): readonly DiffLine[] {
  const more = lines.length - most;
  if (more <= 1) return lines;
  return [...lines.slice(0, most), { kind: 'note', text: `… ${more} more lines; --verbose shows them` }];
}

/** Characters that a terminal would act on or not show, as something that can be seen: a carriage return is a difference too. */
function visible(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (character === '\t') return character;
    return code < 0x20
      ? `^${String.fromCharCode(code + 0x40)}`
      : `<U+${code.toString(16).toUpperCase().padStart(4, '0')}>`;
  });
}
