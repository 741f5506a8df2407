import { type Assignment, readAssignments } from './ruby-hours.ts';

/** Hosts in one of these groups lag so many hours. */
export interface Rung {
  readonly groups: readonly string[];
  readonly hours: number;
}

/** What a nodetagger of the well-known shape does with a host. */
export interface EtchHours {
  /** The first that has a group of the host wins. */
  readonly rungs: readonly Rung[];
  /** Of hosts in none of these groups, and of those that nobody knows. */
  readonly otherwise: number;
  readonly lookbackHours: number;
  readonly require: 'not-bad' | 'good';
}

export type ReadHours =
  | { readonly kind: 'read'; readonly hours: EtchHours }
  /** It prints nothing: etch then serves its directory as it is to everyone. */
  | { readonly kind: 'says-nothing' }
  | { readonly kind: 'unreadable'; readonly why: string };

/** What every nodetagger of that shape has, whatever a site made of its hours. */
const LANDMARKS: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/strftime\(\s*(["'])etchautotag-%Y%m%d-%H00\1\s*\)/, 'no name of a tag made from the time'],
  [/\bbadfwd\b/, 'no word of badfwd'],
  [/\bdownto\(\s*0\s*\)/, 'no looking forward for badfwd'],
];
const CALL = /(?<!def\s+)\bfindautotag\(\s*hours\s*(?:,\s*(\w+)\s*)?\)/g;
const LOOKBACK = /\bupto\(\s*(\d{1,6})\s*(?:\*\s*(\d{1,6})\s*)?\)/g;

/**
 * Reads which hours a nodetagger gives to which groups, where it has the shape of the one that came with etch: Ruby, a
 * variable `hours`, a ladder of `include?('group')`, `findautotag(hours)`. Anything it does with the hours besides makes it
 * unreadable: better the script itself than half of what it says.
 */
export function readHours(text: string): ReadHours {
  if (saysNothing(text)) return { kind: 'says-nothing' };
  if (!/^#!.*\bruby\b/.test(text)) return unreadable('it is not the Ruby script that came with etch');
  const lines = codeLines(text);
  const code = lines.map((line) => line.code).join('\n');
  for (const [pattern, what] of LANDMARKS) if (!pattern.test(code)) return unreadable(`there is ${what} in it`);
  const [call, another] = [...code.matchAll(CALL)];
  if (call === undefined || another !== undefined) return unreadable('findautotag(hours) is not called exactly once');
  if (call[1] !== undefined && call[1] !== 'true' && call[1] !== 'false')
    return unreadable(`whether a tag must be good depends on ${call[1]}`);
  const [lookback, second] = [...code.matchAll(LOOKBACK)];
  if (lookback === undefined || second !== undefined) return unreadable('it is not clear how far it looks back');
  const read = readAssignments(lines);
  if (!read.ok) return unreadable(read.why);
  const ladder = ladderOf(read.assignments);
  if (typeof ladder === 'string') return unreadable(ladder);
  return {
    kind: 'read',
    hours: {
      ...ladder,
      lookbackHours: Number(lookback[1]) * Number(lookback[2] ?? 1),
      require: call[1] === 'true' ? 'good' : 'not-bad',
    },
  };
}

function unreadable(why: string): ReadHours {
  return { kind: 'unreadable', why };
}

/** The sample that comes with etch is a script without a command. */
function saysNothing(text: string): boolean {
  return text.split('\n').every((line) => /^\s*(#.*)?$/.test(line));
}

/** Lines that are not all comment, less comments, with where they stand. */
function codeLines(text: string): { readonly code: string; readonly line: number }[] {
  return text
    .split(/\r?\n/)
    .map((written, index) => ({ code: withoutComment(written).trim(), line: index + 1 }))
    .filter(({ code }) => code !== '');
}

/** A `#` within quotes is none, nor is `#{`. */
function withoutComment(line: string): string {
  let quote = '';
  for (const [index, character] of [...line].entries()) {
    if (quote !== '') {
      if (character === quote && line[index - 1] !== '\\') quote = '';
    } else if (character === '"' || character === "'") quote = character;
    else if (character === '#' && (index === 0 || /\s/.test(line[index - 1] ?? ''))) return line.slice(0, index);
  }
  return line;
}

/** In Ruby the last assignment wins, on a ladder the first rung: blocks one after the other are put the other way round. */
function ladderOf(assignments: readonly Assignment[]): Pick<EtchHours, 'rungs' | 'otherwise'> | string {
  const defaults = assignments.filter((assignment) => assignment.groups === null);
  const [first] = assignments;
  if (first === undefined || first.groups !== null) return 'the hours of hosts in no group are not set first';
  if (defaults.some(({ hours }) => hours !== first.hours)) return 'hosts in no group get more than one number of hours';
  const otherwise = first.hours;
  let rungs: Rung[] = [];
  let block: { readonly of: number; readonly rungs: Rung[] } | undefined;
  for (const { groups, hours, block: of, onlyDefault } of assignments) {
    if (groups === null) continue;
    if (block?.of !== of) {
      if (onlyDefault && rungs.some((rung) => rung.hours === otherwise))
        return 'a group with the usual hours may get others further down';
      block = { of, rungs: [] };
    }
    const rung: Rung = { groups, hours };
    if (onlyDefault) rungs.push(rung);
    else {
      const before = rungs.filter((each) => !block?.rungs.includes(each));
      block.rungs.push(rung);
      rungs = [...block.rungs, ...before];
    }
  }
  return { rungs, otherwise };
}
