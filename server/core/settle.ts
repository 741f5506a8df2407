import type { FileError, Problem } from './problem.ts';
import { sentenceOf } from './problem.ts';
import type { Parsed } from './yaml-file.ts';

/** What a look at a control file found. */
export type Look =
  | { readonly kind: 'absent' }
  /** Cannot be read, is no file, is over the size limit, or holds NUL bytes. */
  | { readonly kind: 'unreadable'; readonly why: string }
  | { readonly kind: 'text'; readonly text: string };

/** A look, and whether the file has been unchanged long enough that no writer can be in the middle of it. */
export interface Sighting {
  readonly look: Look;
  readonly settled: boolean;
}

/** The text that a control file's meaning in effect came from; null = the file does not exist and never did. */
export interface Held<Meaning> {
  readonly text: string | null;
  readonly meaning: Meaning;
}

/** What a text means, with what is wrong in it that does not keep the rest from counting. */
export type Reading<Meaning> = Parsed<Meaning> & { readonly problems?: readonly Problem[] };

export interface FileRules<Meaning> {
  readonly file: string;
  /** What counts where the file does not exist and none was ever valid. */
  readonly absent: Meaning;
  readonly parse: (text: string) => Reading<Meaning>;
  /** True for a text that says nothing, which is more likely an accident than an intention. */
  readonly isEmpty: (text: string) => boolean;
  /** An empty file says "none" where none was ever valid: there is nothing that it could have lost. */
  readonly emptyIsNone?: boolean;
  /** How to say "none" on purpose. */
  readonly howToClear: string;
}

export interface Settled<Meaning> {
  /** Undefined while there is nothing to go by: nodes are told to come back. */
  readonly held: Held<Meaning> | undefined;
  /** Nothing in effect yet, but waiting for the file to settle will help. */
  readonly waiting: boolean;
  readonly problems: readonly Problem[];
  /** Why the file as it is cannot take effect. */
  readonly errors: readonly FileError[];
}

/**
 * What a control file means now. It takes effect once it is settled and valid; an invalid, vanished or emptied file keeps
 * its last meaning, because editors truncate before they write and disks fill up.
 */
export function settle<Meaning>(
  rules: FileRules<Meaning>,
  sighting: Sighting,
  held: Held<Meaning> | undefined,
): Settled<Meaning> {
  const { look, settled } = sighting;
  if (look.kind === 'absent' && held === undefined && !settled)
    return { held, waiting: true, problems: [], errors: [] };
  if (look.kind === 'absent') return absent(rules, held);
  if (look.kind === 'unreadable') return kept(rules, held, [unreadable(rules.file, look.why)]);
  if (held?.text === look.text) return adopt(rules, look.text, held);
  if (!settled) return { held, waiting: held === undefined, problems: [], errors: [] };
  const isNothingLost = rules.emptyIsNone === true && (held === undefined || held.text === null);
  if (rules.isEmpty(look.text) && !isNothingLost) return kept(rules, held, [emptied(rules)]);
  if (isCutOff(look.text, held)) return kept(rules, held, [cutOff(rules.file, look.text)]);
  return adopt(rules, look.text, held);
}

/**
 * For a file that is not there while its last valid text, which there is, cannot be used: what it said is unknown, and
 * the defaults count only where there never was a file.
 */
export function lost<Meaning>(rules: FileRules<Meaning>, why: string): Settled<Meaning> {
  const expected = `the file, because its last valid text cannot be used either (${why})`;
  return kept(rules, undefined, [{ file: rules.file, line: 1, key: '', expected, found: 'no file' }]);
}

function adopt<Meaning>(rules: FileRules<Meaning>, text: string, held: Held<Meaning> | undefined): Settled<Meaning> {
  const parsed = rules.parse(text);
  if (!parsed.ok) return kept(rules, held, parsed.errors);
  const meaning = held?.text === text ? held.meaning : parsed.value;
  return { held: { text, meaning }, waiting: false, problems: parsed.problems ?? [], errors: [] };
}

function absent<Meaning>(rules: FileRules<Meaning>, held: Held<Meaning> | undefined): Settled<Meaning> {
  if (held === undefined || held.text === null)
    return { held: { text: null, meaning: rules.absent }, waiting: false, problems: [], errors: [] };
  const gone: Problem = {
    id: `${rules.file}:gone`,
    severity: 'error',
    sentence: `${rules.file} is gone; what it last said stays in effect`,
    hint: `put it back; ${rules.howToClear}`,
    file: rules.file,
  };
  return { held, waiting: false, problems: [gone], errors: [] };
}

function kept<Meaning>(
  rules: FileRules<Meaning>,
  held: Held<Meaning> | undefined,
  errors: readonly FileError[],
): Settled<Meaning> {
  const stays = held === undefined ? 'nothing is in effect, so every node holds' : 'what it last said stays in effect';
  const problems = errors.map(
    (error): Problem => ({
      id: `${rules.file}:invalid:${error.line}:${error.key}`,
      severity: 'error',
      sentence: `${sentenceOf(error)}; ${stays}`,
      hint: `correct ${rules.file} and run "tagwave-server check"`,
      file: rules.file,
      line: error.line,
    }),
  );
  return { held, waiting: false, problems, errors };
}

function unreadable(file: string, why: string): FileError {
  return { file, line: 1, key: '', expected: 'a readable text file', found: why };
}

/** Within a line of what it said before: a disk that was full leaves such a file, and what is left of it may well be valid. */
function isCutOff(text: string, held: Held<unknown> | undefined): boolean {
  const before = held?.text ?? '';
  return before.endsWith('\n') && !text.endsWith('\n') && before.startsWith(text);
}

function cutOff(file: string, text: string): FileError {
  const expected = 'the whole file (to mean it so, end its last line)';
  return {
    file,
    line: text.split('\n').length,
    key: '',
    expected,
    found: 'the beginning of what it said before, cut off within a line',
  };
}

function emptied<Meaning>(rules: FileRules<Meaning>): FileError {
  return { file: rules.file, line: 1, key: '', expected: `some content (${rules.howToClear})`, found: 'an empty file' };
}
