import { type Hostname, parseTagName, type TagName } from '../../protocol/names.ts';
import { type Glob, type HostPattern, matchesGlob, parseHostPattern, patternText } from './globs.ts';
import { entriesOf, type NodeEntry, type NodesFile } from './nodes.ts';
import { PIN_TAG, type PinTag, parseInstant, parsePinTag } from './pin-tag.ts';
import { type FileError, type Problem, sentenceOf } from './problem.ts';
import { oneLine } from './wording.ts';

interface AnyPinLine {
  /** The host or glob, lower-case. */
  readonly host: string;
  /** Milliseconds since 1970 until which (exclusive) the line counts; null = for ever. */
  readonly until: number | null;
  /** 1-based. */
  readonly line: number;
}

/** One line of `pins`. What cannot be understood holds the hosts that it names. */
export type PinLine = AnyPinLine &
  (
    | { readonly kind: 'pin'; readonly tag: PinTag; readonly reason: string }
    | { readonly kind: 'bad'; readonly why: string }
  );

export interface Pins {
  /** Per host its lines in file order. */
  readonly exact: ReadonlyMap<Hostname, readonly PinLine[]>;
  /** In file order. */
  readonly globs: readonly (PinLine & { readonly glob: Glob })[];
}

export const NO_PINS: Pins = { exact: new Map(), globs: [] };

export interface ParsedPins {
  readonly pins: Pins;
  readonly problems: readonly Problem[];
  /** The same, but for warnings. */
  readonly errors: readonly FileError[];
  /** Some line does not even say which host it is about: the last valid pins must stay. */
  readonly hostsUnreadable: boolean;
}

export type PinFound =
  | {
      readonly kind: 'pin';
      readonly tag: PinTag;
      readonly reason: string;
      readonly where: string;
      /** The host or glob that the line is about. */
      readonly host: string;
      readonly until: number | null;
      readonly file: 'pins' | 'nodes.yml';
      readonly line: number;
    }
  | { readonly kind: 'bad'; readonly where: string; readonly why: string };

/**
 * Parses `pins`: a line for each pin, blank lines and lines beginning with `#` skipped, white space of any kind between
 * the words. Never fails as a whole: see `hostsUnreadable` for what the caller must not use.
 */
export function parsePins(text: string): ParsedPins {
  const exact = new Map<Hostname, PinLine[]>();
  const globs: (PinLine & { glob: Glob })[] = [];
  const troubles: Trouble[] = [];
  for (const [index, words] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map(wordsOf)
    .entries()) {
    if (words.length === 0 || words[0]?.startsWith('#')) continue;
    const { pattern, pin, trouble } = understand(words, index + 1);
    if (trouble) troubles.push(trouble);
    // Not begun as a copy: each would have a shape of its own, and all hosts are held against all globs.
    if (pattern?.kind === 'glob') globs.push({ glob: pattern.glob, ...pin });
    else if (pattern) append(exact, pattern.hostname, pin);
  }
  return {
    pins: { exact, globs },
    problems: troubles.map(problemFrom),
    errors: troubles.filter(({ kind }) => kind !== 'late-until').map(({ error }) => error),
    hostsUnreadable: troubles.some(({ kind }) => kind === 'unreadable-host'),
  };
}

function append(exact: Map<Hostname, PinLine[]>, hostname: Hostname, pin: PinLine): void {
  const lines = exact.get(hostname);
  if (lines === undefined) exact.set(hostname, [pin]);
  else lines.push(pin);
}

/**
 * What a host is pinned to at `now` (milliseconds since 1970): by the last line of `pins` that names it, else by the last
 * glob there that matches, else in the same order by a `tag:` in `nodes.yml`. Lines that have expired do not count.
 */
export function pinOf(
  { pins, nodes, now }: { readonly pins: Pins; readonly nodes: NodesFile; readonly now: number },
  hostname: Hostname,
): PinFound | undefined {
  const line =
    pins.exact.get(hostname)?.findLast((line) => counts(line, now)) ??
    pins.globs.findLast((line) => counts(line, now) && matchesGlob(line.glob, hostname));
  if (line) return foundIn(line);
  const entry = nodes.exact.get(hostname);
  const tagged = hasTag(entry) ? entry : entriesOf(nodes, hostname).findLast(hasTag);
  return tagged && foundInNodes(tagged);
}

function foundInNodes({ tag, host, line }: NodeEntry & { tag: PinTag }): PinFound {
  return { kind: 'pin', tag, reason: '', where: `nodes.yml line ${line}`, host, until: null, file: 'nodes.yml', line };
}

/** The autotags that unexpired pins name: retention keeps them. */
export function pinnedTags(pins: Pins, nodes: NodesFile, now: number): TagName[] {
  const lines = [...pins.exact.values(), pins.globs].flat().filter((line) => counts(line, now));
  const pinned = lines.flatMap((line) => (line.kind === 'pin' ? [line.tag] : []));
  const tagged = [...nodes.exact.values(), ...nodes.globs].filter(hasTag).map((entry) => entry.tag);
  return [...new Set([...pinned, ...tagged].flatMap((tag) => parseTagName(tag) ?? []))];
}

function counts(line: PinLine, now: number): boolean {
  return line.until === null || now < line.until;
}

function foundIn(line: PinLine): PinFound {
  const where = `pins line ${line.line}`;
  if (line.kind === 'bad') return { kind: 'bad', where, why: line.why };
  const { tag, reason, host, until } = line;
  return { kind: 'pin', tag, reason, where, host, until, file: 'pins', line: line.line };
}

function hasTag(entry: NodeEntry | undefined): entry is NodeEntry & { tag: PinTag } {
  return entry !== undefined && entry.tag !== null;
}

interface Trouble {
  /** `late-until` is a warning: the pin counts, but for longer than its writer thinks. */
  readonly kind: 'unreadable-host' | 'bad-pin' | 'late-until';
  readonly error: FileError;
}

interface Understood {
  readonly pattern: HostPattern | undefined;
  readonly pin: PinLine;
  readonly trouble?: Trouble;
}

const UNTIL = /^until=/i;
const HOST = 'a host name, or a pattern of host names with * (within a label) or ** (across)';
const TIME = 'a time with its offset, such as until=2026-11-21T08:00Z';

function understand(words: readonly string[], line: number): Understood {
  const [host = '', tagWord = '', third = ''] = words;
  const pattern = parseHostPattern(host);
  const limited = UNTIL.test(third);
  const until = limited ? parseInstant(third.slice('until='.length)) : null;
  const rest = words.slice(limited ? 3 : 2);
  const base = { host: pattern ? patternText(pattern) : host, until: until ?? null, line };
  const trouble = (kind: Trouble['kind'], expected: string, word: string): Trouble => ({
    kind,
    error: { file: 'pins', line, key: base.host, expected, found: word === '' ? 'nothing' : JSON.stringify(word) },
  });
  const bad = (wrong: Trouble): Understood => {
    const why = `expected ${wrong.error.expected}, found ${wrong.error.found}`;
    return { pattern, pin: { ...base, kind: 'bad', why }, trouble: wrong };
  };
  if (!pattern) return bad(trouble('unreadable-host', HOST, host));
  const tag = parsePinTag(tagWord);
  if (tag === undefined) return bad(trouble('bad-pin', PIN_TAG, tagWord));
  if (until === undefined) return bad(trouble('bad-pin', TIME, third));
  const pin: PinLine = { ...base, kind: 'pin', tag, reason: rest.join(' ').replace(/^#\s*/, '') };
  const late = rest.find((word) => UNTIL.test(word));
  if (late === undefined) return { pattern, pin };
  return {
    pattern,
    pin,
    trouble: trouble('late-until', 'until= right after the tag (elsewhere it is part of the reason)', late),
  };
}

function problemFrom({ kind, error }: Trouble): Problem {
  const { file, line, key } = error;
  const hints: Readonly<Record<Trouble['kind'], string>> = {
    'unreadable-host': 'correct or remove the line; until then the pins of the last valid file stay in effect',
    'bad-pin': `correct or remove the line; until then ${key} is held`,
    'late-until': 'move until= to the third place, or write the reason differently',
  };
  return {
    id: `pins:${kind}:${line}`,
    severity: kind === 'late-until' ? 'warning' : 'error',
    sentence: sentenceOf(error),
    hint: hints[kind],
    file,
    line,
  };
}

function wordsOf(line: string): string[] {
  return line.split(/\s+/).filter((word) => word !== '');
}

export interface NewPin {
  readonly tag: PinTag;
  /** Milliseconds since 1970. */
  readonly until?: number;
  readonly reason?: string;
}

/** Left where the last pin goes: an empty file would be taken for a damaged one, whose pins stay. */
const NONE_LEFT = '# no pins';

/**
 * The text of `pins` with one host's (or glob's) pin set, or with `null` removed. Its lines are replaced at the place of
 * the last one, a new line goes to the end; every other line stays byte for byte. Throws for a host that no line can name.
 */
export function editPins(text: string, edit: { readonly host: string; readonly pin: NewPin | null }): string {
  const host = hostOf(edit.host);
  if (host === undefined) throw new RangeError(`${JSON.stringify(edit.host)} is neither a host name nor a pattern`);
  // The mark is three characters where the bytes were decoded one by one.
  const mark = /^(\uFEFF|\u00EF\u00BB\u00BF)?/.exec(text)?.[0] ?? '';
  const lines = text.slice(mark.length).match(/[^\n]*\n|[^\n]+$/g) ?? [];
  const end = lines[0]?.endsWith('\r\n') ? '\r\n' : '\n';
  const own = lines.map((line) => hostOf(line.trim().split(/\s/, 1)[0] ?? '') === host);
  const place = own.lastIndexOf(true);
  if (place === -1 && edit.pin === null) return text;
  const edited = edit.pin === null ? [] : [lineFor(host, edit.pin) + end];
  const kept = lines.flatMap((line, index) => (index === place ? edited : own[index] ? [] : [line]));
  if (place === -1) kept.push(...(kept.length > 0 ? finishLast(kept, end) : []), ...edited);
  const body = kept.join('');
  return mark + (body.trim() === '' ? `${body}${NONE_LEFT}${end}` : body);
}

/** Takes the last line and gives it back with a line end, so that nothing is appended to its reason. */
function finishLast(lines: string[], end: string): string[] {
  const last = lines.pop() ?? '';
  return [last.endsWith('\n') ? last : last + end];
}

function lineFor(host: string, { tag, until, reason }: NewPin): string {
  const words = oneLine(reason ?? '');
  // A reason that would be read as something else is set off by the sign that readers drop.
  const shown = /^(#|until=)/i.test(words) ? `# ${words}` : words;
  return [host, tag, until === undefined ? '' : `until=${instant(until)}`, shown]
    .filter((word) => word !== '')
    .join(' ');
}

function instant(at: number): string {
  return new Date(at).toISOString().replace(/(:00)?\.000Z$/, 'Z');
}

function hostOf(word: string): string | undefined {
  const pattern = parseHostPattern(word);
  return pattern && patternText(pattern);
}
