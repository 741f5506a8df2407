import Table from 'cli-table3';

/** Where a command prints. The result goes to stdout, everything about it that is not the result to stderr. */
export interface Terminal {
  out(text: string): void;
  err(text: string): void;
  /** A file's content, as it is. */
  bytes(content: Uint8Array): void;
  /** Text as it is, of which more may come than fits into memory. Settles when more can be taken. */
  written(text: string): Promise<void>;
}

export const terminal: Terminal = {
  out: (text) => process.stdout.write(`${text}\n`),
  err: (text) => process.stderr.write(`${text}\n`),
  bytes: (content) => process.stdout.write(content),
  written: (text) => new Promise((resolve) => process.stdout.write(text, () => resolve())),
};

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** Columns under upper-case headings, without lines. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const drawn = new Table({
    head: head.map((name) => name.toUpperCase()),
    chars: NO_BORDERS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  for (const row of rows) drawn.push(row.map(printable));
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
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
  const shown = names.slice(0, most).join(', ');
  return count > most ? `${shown} and ${count - most} more` : shown;
}
