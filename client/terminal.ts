import { stripVTControlCharacters } from 'node:util';
import type { DiffLine } from './core/unified.ts';

/** The only place that prints. Everything that comes from a server, a file or a name passes through `clean` here. */
export interface Terminal {
  /** A line for whoever reads the result. */
  out(line: string): void;
  /** Errors and warnings. */
  err(line: string): void;
  /** What is done step by step; silent unless it was asked for. */
  detail(line: string): void;
  /** A line of a difference; in colour where a person is watching. */
  diff(line: DiffLine): void;
  /** One object as JSON. */
  json(value: unknown): void;
  /** Overwrites one line while something takes long, and an empty one clears it; silent unless a person is watching. */
  progress(line: string): void;
}

export interface Voice {
  readonly verbose: boolean;
  /** stdout belongs to one JSON object, which also has the errors. */
  readonly json: boolean;
  /** What is shown is shown without colours, also on a terminal. */
  readonly isPlain?: boolean;
}

/** Where a terminal prints: the process's own streams, but for tests. */
export interface Streams {
  readonly stdout: Printable;
  readonly stderr: Printable;
}

interface Printable {
  write(text: string): unknown;
  on(event: 'error', listener: () => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

const PROGRESS_EVERY_MS = 100;
/** As git has them. */
const COLOURS: Partial<Record<DiffLine['kind'], number>> = { head: 1, hunk: 36, added: 32, removed: 31, note: 33 };

export function openTerminal({ verbose, json, isPlain = false }: Voice, { stdout, stderr }: Streams): Terminal {
  const isWatched = stderr.isTTY === true && !json;
  let shownAt: number | undefined;
  // Whoever reads may leave early, as in `| head`: that is no reason to stop a run.
  for (const stream of [stdout, stderr]) stream.on('error', () => undefined);
  const clear = (): void => {
    if (shownAt !== undefined) stderr.write('\r\u001b[K');
    shownAt = undefined;
  };
  const print = (stream: Printable, line: string, colour?: number): void => {
    clear();
    stream.write(colour === undefined ? `${clean(line)}\n` : `${ESCAPE}[${colour}m${clean(line)}${ESCAPE}[0m\n`);
  };
  return {
    out: (line) => print(stdout, line),
    err: (line) => print(stderr, line),
    detail: (line) => {
      if (verbose) print(stderr, line);
    },
    diff: ({ kind, text }) => print(stdout, text, isPlain || stdout.isTTY !== true ? undefined : COLOURS[kind]),
    json: (value) => print(stdout, JSON.stringify(value, cleanFields)),
    progress: (line) => {
      if (line === '') clear();
      if (!isWatched || line === '' || (shownAt !== undefined && performance.now() - shownAt < PROGRESS_EVERY_MS))
        return;
      shownAt = performance.now();
      stderr.write(`\r\u001b[K${clean(line).slice(0, (stderr.columns || 80) - 1)}`);
    },
  };
}

/** Each line begins with the time, to the second: for what goes on for days. */
export function withTimes(terminal: Terminal, now: () => Date): Terminal {
  const stamped = (line: string): string => `${now().toISOString().slice(0, 19)}Z ${line}`;
  return {
    ...terminal,
    out: (line) => terminal.out(stamped(line)),
    err: (line) => terminal.err(stamped(line)),
    detail: (line) => terminal.detail(stamped(line)),
  };
}

function cleanFields(_key: string, field: unknown): unknown {
  return typeof field === 'string' ? clean(field) : field;
}

const [ESCAPE, BELL] = ['\u001b', '\u0007'];
/** Title, hyperlink and device strings, up to what ends them; both their 7-bit and their 8-bit form. */
const STRINGS = new RegExp(
  `(?:${ESCAPE}[PX\\]^_]|[\\x90\\x98\\x9d-\\x9f])[^${BELL}${ESCAPE}\\x9c]*(?:${BELL}|${ESCAPE}\\\\|\\x9c)`,
  'g',
);

/**
 * Removes terminal escapes, control characters, and the invisible marks that turn text around, so that whoever can write
 * a message cannot paint on the reader's screen. Line ends and tabs stay.
 */
export function clean(text: string): string {
  return stripVTControlCharacters(text.replace(STRINGS, ''))
    .replace(/\r\n?/g, '\n')
    .replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) =>
      character === '\n' || character === '\t' ? character : '',
    );
}

/** Lines after the first are set in, so that a long message stays recognisable as one. */
export function indented(text: string): string {
  return text.trimEnd().split('\n').join('\n    ');
}
