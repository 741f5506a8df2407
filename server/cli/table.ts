import { stripVTControlCharacters } from 'node:util';
import stringWidth from 'string-width';
import { type Ink, ink, type Style } from './ink.ts';
import { terminalWidth } from './terminal.ts';

/** A column: its heading, or how it gives way where the terminal is too narrow for all. */
export type Column =
  | string
  | {
      readonly name: string;
      /** May be shortened, to so many characters at least. */
      readonly least?: number;
      /** May be left out; what has the highest number goes first. */
      readonly drop?: number;
      /** What it becomes before anything else gives way. */
      readonly brief?: (text: string) => string;
      /** Numbers are set to the right. */
      readonly isNumber?: true;
    };
/** A cell: text, or text in a style. */
export type Cell = string | readonly [text: string, style: Style];

interface Fitted {
  readonly index: number;
  readonly width: number;
  readonly isNumber: boolean;
}

const GAP = 2;

/**
 * Columns under upper-case headings, without lines. On a terminal they fit its width: what may be shortened is, then what may be
 * left out is; elsewhere nothing is cut.
 */
export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[], width = terminalWidth()): Ink {
  const head = columns.map((column) => nameOf(column).toUpperCase());
  const whole = rows.map((row) => columns.map((_, index) => ink(textOf(row[index] ?? '')).ink));
  const isWhole = total(widthsOf(head, whole)) <= width;
  const plain = isWhole ? whole : whole.map((row) => row.map((text, index) => briefOf(columns[index], text)));
  const widths = widthsOf(head, plain);
  const fitted = layout(columns, widths, width);
  const lines = [
    joined(
      fitted,
      (index) => ink(head[index] ?? '', 'strong'),
      (index) => head[index] ?? '',
    ),
    ...rows.map((row, at) =>
      joined(
        fitted,
        (index, text) => ink(text, styleOf(row[index] ?? '')),
        (index) => plain[at]?.[index] ?? '',
      ),
    ),
  ];
  return { ink: lines.join('\n') };
}

function widthsOf(head: readonly string[], rows: readonly (readonly string[])[]): number[] {
  return head.map((name, index) =>
    rows.reduce((most, row) => Math.max(most, stringWidth(row[index] ?? '')), stringWidth(name)),
  );
}

function total(widths: readonly number[]): number {
  return widths.reduce((sum, one) => sum + one, GAP * (widths.length - 1));
}

function briefOf(column: Column | undefined, text: string): string {
  return (column === undefined ? undefined : optionsOf(column).brief?.(text)) ?? text;
}

/** Tags by their day and hour alone. */
export function briefTags(text: string): string {
  return text.replace(/etchautotag-(?=\d{8}-)/g, '…');
}

/** Words on lines no wider than so many columns; a longer word has a line of its own. */
export function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1) ?? ''} ${word}`;
    if (lines.length > 0 && stringWidth(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** As `table`, whole and without styles. */
export function textTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  return stripVTControlCharacters(table(columns, rows, Number.POSITIVE_INFINITY).ink);
}

/** Which columns are shown, and how wide. */
export function layout(columns: readonly Column[], widths: readonly number[], width: number): Fitted[] {
  let shownOnes = columns.map((column, index) => ({ ...optionsOf(column), index, natural: widths[index] ?? 0 }));
  for (;;) {
    const least = shownOnes.reduce((sum, one) => sum + Math.min(one.natural, one.least ?? one.natural), 0);
    const going = shownOnes.filter(({ drop }) => drop !== undefined).sort((a, b) => (b.drop ?? 0) - (a.drop ?? 0))[0];
    if (least + GAP * (shownOnes.length - 1) <= width || going === undefined) break;
    shownOnes = shownOnes.filter((one) => one !== going);
  }
  let excess = shownOnes.reduce((sum, { natural }) => sum + natural, GAP * (shownOnes.length - 1)) - width;
  // The last ones tell the least of which row it is.
  const fitted = [...shownOnes].reverse().map(({ index, natural, least = natural, isNumber = false }) => {
    const cut = Math.max(0, Math.min(excess, natural - Math.min(least, natural)));
    excess -= cut;
    return { index, width: natural - cut, isNumber };
  });
  return fitted.reverse();
}

function joined(
  fitted: readonly Fitted[],
  painted: (index: number, text: string) => Ink,
  plain: (index: number) => string,
): string {
  const cells = fitted.map(({ index, width, isNumber }, place) => {
    const text = shortened(plain(index), width);
    const space = ' '.repeat(Math.max(0, width - stringWidth(text)));
    const { ink: cell } = painted(index, text);
    if (isNumber) return space + cell;
    return place === fitted.length - 1 ? cell : cell + space;
  });
  return cells.join(' '.repeat(GAP)).trimEnd();
}

const SEGMENTS = new Intl.Segmenter();

/** No wider than so many columns; what is left out is told by an ellipsis. */
export function shortened(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let kept = '';
  let left = width - 1;
  for (const { segment } of SEGMENTS.segment(text)) {
    left -= stringWidth(segment);
    if (left < 0) break;
    kept += segment;
  }
  return width < 1 ? '' : `${kept}…`;
}

function optionsOf(column: Column): Exclude<Column, string> {
  return typeof column === 'string' ? { name: column } : column;
}

function nameOf(column: Column): string {
  return optionsOf(column).name;
}

function textOf(cell: Cell): string {
  return typeof cell === 'string' ? cell : cell[0];
}

function styleOf(cell: Cell): Style | undefined {
  return typeof cell === 'string' ? undefined : cell[1];
}
