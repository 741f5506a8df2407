import type { Elsewhere, MapTag, MapWave, Stop, TrainMap } from '../../protocol/api/train.ts';
import type { Style } from './ink.ts';
import { type Column, cellSpans, columnsOf, isFirstOfDay, type Row, rowOf, spaceOf, textOf } from './map-columns.ts';
import { answerLabel, brief, clockLabel, dayLabel, type Symbols } from './map-symbols.ts';
import { type Cell as Span, shortened } from './table.ts';
import { plural, someOf } from './terminal.ts';

/** Pieces of a line, in their styles. */
export type Drawn = readonly Span[];

export interface Sheet {
  /** Characters that fit into a line. */
  readonly width: number;
  readonly symbols: Symbols;
}

/** The train map for a person at a terminal: banner, map, what needs looking at, what the signs mean. */
export function drawMap(map: TrainMap, sheet: Sheet): Drawn[] {
  const rows = map.waves.map(rowOf);
  const gutter = gutterOf(map, sheet);
  const columns = columnsOf(map, rows, { ...sheet, width: sheet.width - gutter.width });
  const shown = new Set(columns.flatMap(({ tag }) => (tag === null ? [] : [tag.name])));
  const blank: Drawn = [];
  return [
    ...titleLines(map, sheet),
    ...map.killswitch.flatMap((stop) => stopLines(stop, map, sheet)),
    blank,
    daysLine(columns, gutter),
    hoursLine(columns, gutter),
    tagsLine(columns, gutter, sheet),
    ...rows.flatMap((row) => [
      waveLine(row, { columns, gutter, sheet }),
      ...wantingLines(row.wave, { map, shown, gutter, sheet }),
    ]),
    ...map.elsewhere.flatMap((one) => elsewhereLine(one, map)),
    blank,
    ...legendOf(columns, rows, { map, sheet }),
  ];
}

interface Gutter {
  readonly name: number;
  readonly count: number;
  readonly width: number;
}

const LEAST_FOR_COLUMNS = 40;

function gutterOf({ waves }: TrainMap, { width }: Sheet): Gutter {
  const longest = Math.max(4, ...waves.map(({ wave }) => wave.length));
  const count = Math.max(1, ...waves.map(({ nodes }) => brief(nodes).length));
  const name = Math.min(longest, Math.max(8, width - LEAST_FOR_COLUMNS - count - 3), 28);
  return { name, count, width: name + count + 3 };
}

function titleLines({ at, tense, waves, elsewhere, problems }: TrainMap, { width }: Sheet): Drawn[] {
  const instant = Date.parse(at);
  const nodes = [...waves, ...elsewhere].reduce((sum, one) => sum + one.nodes, 0);
  const when = `${dayLabel(instant)} ${clockLabel(instant)} UTC`;
  const trouble: Span =
    problems === 0 ? ['no problems', 'quiet'] : [`${plural(problems, 'problem')} ("tagwave-server status")`, 'warn'];
  const title: Span = [tense === 'past' ? `As it was on ${when}` : when, 'strong'];
  // Those of then are not known.
  const parts = tense === 'past' ? [title, plural(nodes, 'node')] : [title, plural(nodes, 'node'), trouble];
  return wrapped(parts, { indent: 0, width, gap: '  ' });
}

function stopLines(stop: Stop, { at }: TrainMap, { width, symbols }: Sheet): Drawn[] {
  const { environment, stopsAll, message, by, since, nodes, told, slowestSeconds, silent } = stop;
  const named = environment === null ? 'EVERYTHING' : environment;
  const what = stopsAll && environment !== null ? `EVERYTHING (${environment} is no environment)` : named;
  const words = message.trim() === '' ? '' : `: ${message.trim().split('\n')[0]}`;
  const slowest = slowestSeconds === null ? '' : `, the slowest after ${Math.round(slowestSeconds)} s`;
  const parts: Span[] = [[`${told} of ${nodes} told${slowest}`, told < nodes ? 'warn' : 'strong']];
  if (since !== null) parts.push(`since ${sinceLabel(since, at)}`);
  if (by !== null) parts.push(`by ${by}`);
  const waiting = nodes - told;
  if (waiting > 0 && silent.length > 0) parts.push([`not yet: ${someOf(silent, 3, waiting)}`, 'warn']);
  return [[[`KILLSWITCH stops ${what}${words}`, 'bad']], ...wrapped(parts, { indent: 2, width, gap: symbols.between })];
}

function sinceLabel(since: string, at: string): string {
  const [then, now] = [Date.parse(since), Date.parse(at)];
  return dayLabel(then) === dayLabel(now) ? clockLabel(then) : `${dayLabel(then)} ${clockLabel(then)}`;
}

/** Goes through the columns from left to right; `of` answers what is in one, `between` what stands before a new day or the future. */
function across(
  columns: readonly Column[],
  of: (column: Column) => readonly Span[],
  between: (column: Column) => Span,
): Span[] {
  return columns.flatMap((column, index) => {
    const isFirstFuture = column.isFuture && columns[index - 1]?.isFuture === false;
    const spans = of(column);
    const space = ' '.repeat(Math.max(0, spaceOf(column) - textOf(spans).length));
    return [...(isFirstOfDay(column) || isFirstFuture ? [between(column)] : []), ...spans, space];
  });
}

function daysLine(columns: readonly Column[], gutter: Gutter): Drawn {
  let text = ' '.repeat(gutter.width);
  let x = gutter.width;
  for (const [index, column] of columns.entries()) {
    const isFirstFuture = column.isFuture && columns[index - 1]?.isFuture === false;
    const label = dayLabel(column.hour * 3_600_000);
    const isLabelled = index === 0 || isFirstOfDay(column);
    const next = columns.slice(index + 1).findIndex(isFirstOfDay);
    const room = columns
      .slice(index, next === -1 ? undefined : index + 1 + next)
      .reduce((sum, one) => sum + spaceOf(one), 0);
    if (isFirstOfDay(column) || isFirstFuture) x += 1;
    if (isLabelled && (room > label.length || next === -1)) text = `${text.padEnd(x)}${label}`;
    x += spaceOf(column);
  }
  return [[text, 'quiet']];
}

function hoursLine(columns: readonly Column[], { width }: Gutter): Drawn {
  const hour = (column: Column): Span => [String(column.hour % 24).padStart(2, '0'), 'quiet'];
  return [
    ' '.repeat(width),
    ...across(
      columns,
      (column) => (column.isQuiet ? [] : [hour(column)]),
      () => ' ',
    ),
  ];
}

function tagsLine(columns: readonly Column[], gutter: Gutter, { symbols }: Sheet): Drawn {
  const sign = ({ tag, isFuture }: Column): Span[] => {
    if (tag === null) return isFuture ? [] : [' '];
    if (tag.broken !== null) return [[symbols.broken, 'bad']];
    return [tag.isNew ? symbols.fresh : [symbols.same, 'quiet']];
  };
  return [[gutterText('', '', gutter), 'quiet'], ...across(columns, sign, (column) => dividerOf(column, symbols))];
}

function dividerOf(column: Column, symbols: Symbols): Span {
  return [column.isFuture && !isFirstOfDay(column) ? symbols.future : symbols.day, 'quiet'];
}

function gutterText(name: string, count: string, gutter: Gutter): string {
  return `${shortened(name, gutter.name).padEnd(gutter.name)} ${count.padStart(gutter.count)}  `;
}

interface Around {
  readonly columns: readonly Column[];
  readonly gutter: Gutter;
  readonly sheet: Sheet;
}

function waveLine(row: Row, { columns, gutter, sheet: { symbols } }: Around): Drawn {
  const { wave, nodes } = row.wave;
  const cells = across(
    columns,
    (column) => cellSpans(row, column, symbols),
    (column) => dividerOf(column, symbols),
  );
  return [gutterText(wave, brief(nodes), gutter), ...cells];
}

/** What the map itself does not show of a wave, worst first. */
function wantingLines(
  wave: MapWave,
  { map, shown, gutter, sheet }: { map: TrainMap; shown: ReadonlySet<string>; gutter: Gutter; sheet: Sheet },
): Drawn[] {
  const now = Date.parse(map.at);
  const parts: Span[] = [];
  const say = (count: number, text: string, style: Style) => {
    if (count > 0) parts.push([`${count} ${text}`, style]);
  };
  if (!shown.has(wave.answer)) parts.push([answerText(wave.answer, now), 'bad']);
  say(wave.failing, `failing${failingAt(wave, now)}`, 'bad');
  for (const { at, told } of wave.cells) if (at.startsWith('hold ')) say(told, at, 'warn');
  const stopped = told(wave, 'killswitch');
  const until = `stopped until ${stopped === 1 ? 'it asks' : 'they ask'} again`;
  say(stopped, wave.answer === 'killswitch' ? 'told of it' : until, 'bad');
  say(wave.silent, 'silent', 'warn');
  say(wave.drifted, 'drifted', 'warn');
  for (const { at, running, told: count } of wave.cells)
    if (at === 'trunk' || (at.startsWith('etchautotag-') && !shown.has(at)))
      say(Math.max(running, count), `on ${answerLabel(at, now)}`, 'note');
  const unknown = wave.cells.find(({ at }) => at === 'unknown')?.running ?? 0;
  if (unknown < wave.nodes) say(unknown, 'run something unknown', 'warn');
  return wrapped(parts, { indent: gutter.width, width: sheet.width, gap: sheet.symbols.between });
}

function answerText(answer: string, now: number): string {
  if (answer === 'killswitch') return 'stopped by the killswitch';
  return answer.startsWith('hold ') ? `keeps what it has: ${answer.slice(5)}` : `gets ${answerLabel(answer, now)}`;
}

function told({ cells }: MapWave, answer: string): number {
  return cells.find(({ at }) => at === answer)?.told ?? 0;
}

/** On which tags, where they are few. */
function failingAt({ cells }: MapWave, now: number): string {
  const where = cells.filter(({ failing }) => failing > 0);
  if (where.length === 0 || where.length > 3) return '';
  return ` (${where.map(({ at, failing }) => `${where.length > 1 ? `${failing} ` : ''}on ${answerLabel(at, now)}`).join(', ')})`;
}

interface Wrapping {
  readonly indent: number;
  readonly width: number;
  readonly gap: string;
}

/** As many lines as it takes, each indented. */
function wrapped(parts: readonly Span[], { indent, width, gap }: Wrapping): Drawn[] {
  const lines: Span[][] = [];
  const space = ' '.repeat(indent);
  let length = 0;
  for (const part of parts) {
    const text = textOf([part]);
    if (lines.length === 0 || length + gap.length + text.length > width) {
      lines.push(indent === 0 ? [part] : [space, part]);
      length = indent + text.length;
    } else {
      lines.at(-1)?.push(gap, part);
      length += gap.length + text.length;
    }
  }
  return lines;
}

function elsewhereLine({ wave, nodes, cells }: Elsewhere, { at }: TrainMap): Drawn[] {
  const where = wave === '' ? 'in no wave' : `in ${wave}, which is no wave of the schedule now`;
  const counts = cells
    .filter((cell) => cell.told > 0)
    .map((cell) => `${cell.told} ${answerLabel(cell.at, Date.parse(at))}`);
  return [[[`${plural(nodes, 'node')} ${where}: ${counts.join(', ')}`, 'warn']]];
}

/** Of the signs, those that were used. */
function legendOf(
  columns: readonly Column[],
  rows: readonly Row[],
  { map, sheet: { symbols, width } }: { map: TrainMap; sheet: Sheet },
): Drawn[] {
  const tags = columns.flatMap(({ tag }) => (tag === null ? [] : [tag]));
  const marks = new Set(tags.flatMap((tag) => Object.values(tag.marks).map(({ state }) => state)));
  const cells = rows.flatMap((row) => columns.map((column) => textOf(cellSpans(row, column, symbols))));
  const has = (is: (tag: MapTag) => boolean) => tags.some(is);
  const shows = (sign: RegExp) => cells.some((text) => sign.test(text));
  const entries: (string | false)[] = [
    has(({ isNew }) => isNew) && `${symbols.fresh} new commit`,
    has(({ isNew }) => !isNew) && `${symbols.same} same commit`,
    has(({ broken }) => broken !== null) && `${symbols.broken} broken`,
    ...(['bad', 'badfwd', 'good'] as const).map((state) => marks.has(state) && `${symbols[state]} ${state}`),
    shows(/\[/) && `[n] ${map.tense === 'past' ? 'got it then' : 'gets it now'}`,
    cells.some((text) => text.includes(symbols.path)) && `${symbols.path} in the next ${rows[0]?.wave.path.length} h`,
    shows(/\//) && 'n/m n of m run it',
    shows(/\(/) && '(n) run it still',
    shows(/\?/) && 'n? told, runs unknown',
    shows(/[\dk]!/) && 'n! failing',
  ];
  return wrapped(
    entries.filter((entry) => entry !== false).map((entry): Span => [entry, 'quiet']),
    { indent: 0, width, gap: '  ' },
  );
}
