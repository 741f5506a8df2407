import type { Cell, MapTag, MapWave, TrainMap } from '../../protocol/api/train.ts';
import { floorHour, type Hour, hourOf, parseTagName, startOf } from '../../protocol/names.ts';
import type { Style } from './ink.ts';
import { brief, MARK_STYLES, type Symbols } from './map-symbols.ts';
import type { Cell as Span } from './table.ts';

/** One hour of the map. A quiet one, of which there is nothing to tell, is one character wide. */
export interface Column {
  readonly hour: Hour;
  /** Null: there is none of that hour, or not yet. */
  readonly tag: MapTag | null;
  readonly isQuiet: boolean;
  readonly isFuture: boolean;
  /** Without the gap after it. */
  readonly width: number;
}

/** A wave with what is looked up again and again. */
export interface Row {
  readonly wave: MapWave;
  readonly cells: ReadonlyMap<string, Cell>;
  /** What it gets in the hours to come. */
  readonly path: ReadonlySet<string>;
  /** None of its nodes says what it runs. */
  readonly isMute: boolean;
}

export function rowOf(wave: MapWave): Row {
  const cells = new Map(wave.cells.map((cell) => [cell.at, cell]));
  const isMute = wave.nodes > 0 && cells.get('unknown')?.running === wave.nodes;
  return { wave, cells, path: new Set(wave.path.map(({ answer }) => answer)), isMute };
}

/** The hours of the map, oldest first, as far back as fits. */
export function columnsOf(
  map: TrainMap,
  rows: readonly Row[],
  { width, symbols }: { width: number; symbols: Symbols },
): Column[] {
  const now = floorHour(Date.parse(map.at));
  const ahead = Math.max(0, ...rows.map(({ wave }) => wave.path.length));
  const tags = new Map(map.tags.map((tag) => [hourOf(parseTagName(tag.name) ?? never(tag.name)), tag]));
  const columns: Column[] = [];
  let left = width;
  for (let hour = now + ahead; hour > now - map.hours; hour--) {
    const tag = hour > now ? null : (tags.get(hour) ?? null);
    const column = columnOf({ hour, tag, isFuture: hour > now }, rows, symbols);
    left -= spaceOf(column) + (isFirstOfDay(column) || hour === now + 1 ? 1 : 0);
    if (left < 0 && hour <= now) break;
    columns.push(column);
  }
  return columns.reverse();
}

function never(name: string): never {
  throw new Error(`${name} is no tag`);
}

function columnOf(about: Pick<Column, 'hour' | 'tag' | 'isFuture'>, rows: readonly Row[], symbols: Symbols): Column {
  const { tag } = about;
  const texts = rows.map((row) => textOf(cellSpans(row, about, symbols)).length);
  const isNews = tag !== null && (tag.isNew || tag.broken !== null || Object.keys(tag.marks).length > 0);
  const isQuiet = !isNews && Math.max(0, ...texts) < 2;
  return { ...about, isQuiet, width: isQuiet ? 1 : Math.max(2, ...texts) };
}

/** With the gap. */
export function spaceOf({ width, isQuiet }: Column): number {
  return isQuiet ? width : width + 1;
}

export function isFirstOfDay({ hour }: Pick<Column, 'hour'>): boolean {
  return hour % 24 === 0;
}

/** How the nodes of a wave stand with a tag: its mark there, whether it is what the wave gets, how many run it of those told. */
export function cellSpans(
  { wave, cells, path, isMute }: Row,
  { hour, tag }: Pick<Column, 'hour' | 'tag'>,
  symbols: Symbols,
): Span[] {
  const name = tag?.name ?? futureName(hour);
  const cell = cells.get(name);
  const mark = tag?.marks[wave.environment]?.state;
  const isNow = wave.answer === name;
  const spans: Span[] = mark === undefined ? [] : [[symbols[mark], MARK_STYLES[mark]]];
  const text = cell === undefined ? '' : countText(cell, { isMute, isNow });
  if (isNow) spans.push([`[${text === '' ? '0' : text}]`, styleOf(cell, 'strong')]);
  else if (text !== '') spans.push([text, styleOf(cell, 'note')]);
  if (!isNow && path.has(name)) spans.push([symbols.path, 'note']);
  return spans;
}

function futureName(hour: Hour): string {
  const iso = new Date(startOf(hour)).toISOString();
  return `etchautotag-${iso.slice(0, 10).replaceAll('-', '')}-${iso.slice(11, 13)}00`;
}

/** `412`; `380/412` of whom not all run what they were told; `412?` where nobody says what they run; `(12)` who run it still. */
function countText({ told, running, failing }: Cell, { isMute, isNow }: { isMute: boolean; isNow: boolean }): string {
  const alarm = failing > 0 ? '!' : '';
  if (told + running === 0) return '';
  if (told === 0) return isNow ? brief(running) : `(${brief(running)})`;
  if (isMute && running === 0) return `${brief(told)}?${alarm}`;
  return `${running >= told ? brief(running) : `${brief(running)}/${brief(told)}`}${alarm}`;
}

function styleOf(cell: Cell | undefined, otherwise: Style): Style {
  return (cell?.failing ?? 0) > 0 ? 'bad' : otherwise;
}

export function textOf(spans: readonly Span[]): string {
  return spans.map((span) => (typeof span === 'string' ? span : span[0])).join('');
}
