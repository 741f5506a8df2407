import type { Line } from './ink.ts';

/** Where a command prints. The result goes to stdout, everything about it that is not the result to stderr. */
export interface Terminal {
  out(text: Line): void;
  err(text: string): void;
  /** A file's content, as it is. */
  bytes(content: Uint8Array): void;
  /** Text as it is, of which more may come than fits into memory. Settles when more can be taken. */
  written(text: string): Promise<void>;
  /** Overwrites one line while something takes long, and an empty one clears it; silent unless a person is watching. */
  progress(text: string): void;
}

let isProgressShown = false;

function clearProgress(): void {
  if (isProgressShown) process.stderr.write('\r\u001b[K');
  isProgressShown = false;
}

export const terminal: Terminal = {
  out(text) {
    clearProgress();
    process.stdout.write(`${typeof text === 'string' ? text : text.ink}\n`);
  },
  err(text) {
    clearProgress();
    process.stderr.write(`${text}\n`);
  },
  bytes: (content) => process.stdout.write(content),
  written: (text) => new Promise((resolve) => process.stdout.write(text, () => resolve())),
  progress(text) {
    clearProgress();
    if (process.stderr.isTTY !== true || text === '') return;
    isProgressShown = true;
    process.stderr.write(printable(text).slice(0, widthOf(process.stderr, process.env) - 1));
  },
};

interface Stream {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

const USUAL_WIDTH = 80;

/** How many characters fit on a line: without bounds but on a terminal. `COLUMNS` counts before what the terminal says. */
export function widthOf({ isTTY, columns = 0 }: Stream, env: NodeJS.ProcessEnv): number {
  if (isTTY !== true) return Number.POSITIVE_INFINITY;
  const said = /^[1-9]\d{0,4}$/.exec(env['COLUMNS'] ?? '')?.[0];
  return said === undefined ? columns || USUAL_WIDTH : Number(said);
}

export function terminalWidth(): number {
  return widthOf(process.stdout, process.env);
}

/** Text from elsewhere (commit subjects, killswitch messages) without control characters, so that it cannot steer the terminal. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) =>
    character === '\n' || character === '\t' ? ' ' : '',
  );
}

/** Lines of ours that may hold such text: only what would steer the terminal goes. */
export function cleared(lines: string): string {
  return lines.split('\n').map(printable).join('\n');
}

/** `3 nodes`, `1 node`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** At most so many names, and how many more there are. */
export function someOf(names: readonly string[], most = 10, count = names.length): string {
  const named = names.slice(0, most).join(', ');
  return count > most ? `${named} and ${count - most} more` : named;
}
