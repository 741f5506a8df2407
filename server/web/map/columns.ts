import type { MapTag, TrainMap } from '../../../protocol/api/train.ts';

const HOUR = 3_600_000;

/** One hour of the map. `future`: its tag is still to be made; `missing`: it has none, although its hour is past. */
export interface Column {
  readonly kind: 'tag' | 'missing' | 'future';
  /** The tag's name, also of one that is still to be made. */
  readonly name: string;
  /** When it begins, milliseconds since 1970. */
  readonly hour: number;
  readonly tag: MapTag | null;
  /** Before the hours that the map is about: only here because somebody is still there. */
  readonly isOlder: boolean;
}

/** Oldest first: older tags that somebody runs, each hour of the map, and as many hours to come as the paths reach. */
export function columnsOf({ at, hours, tags, waves }: Pick<TrainMap, 'at' | 'hours' | 'tags' | 'waves'>): Column[] {
  const last = Math.floor(Date.parse(at) / HOUR) * HOUR;
  const first = last - (hours - 1) * HOUR;
  const ahead = Math.max(0, ...waves.map(({ path }) => path.length));
  const byHour = new Map(tags.map((tag) => [Date.parse(tag.hour), tag]));
  const older = tags.filter((tag) => Date.parse(tag.hour) < first);
  const regular = Array.from({ length: hours + ahead }, (_, index): Column => {
    const hour = first + index * HOUR;
    const tag = byHour.get(hour) ?? null;
    const kind = hour > last ? 'future' : tag === null ? 'missing' : 'tag';
    return { kind, name: tag?.name ?? nameOfHour(hour), hour, tag, isOlder: false };
  });
  return [...older.map((tag) => olderColumn(tag)), ...regular];
}

function olderColumn(tag: MapTag): Column {
  return { kind: 'tag', name: tag.name, hour: Date.parse(tag.hour), tag, isOlder: true };
}

function nameOfHour(hour: number): string {
  const text = new Date(hour).toISOString();
  return `etchautotag-${text.slice(0, 10).replaceAll('-', '')}-${text.slice(11, 13)}00`;
}

/** So many columns of one day, or of older tags, in a row. */
export interface Span {
  /** Midnight of the day; null of older tags. */
  readonly day: number | null;
  readonly columns: number;
}

export function daysOf(columns: readonly Column[]): Span[] {
  const spans: { day: number | null; columns: number }[] = [];
  for (const { hour, isOlder } of columns) {
    const day = isOlder ? null : hour - (hour % (24 * HOUR));
    const last = spans.at(-1);
    if (last !== undefined && last.day === day) last.columns++;
    else spans.push({ day, columns: 1 });
  }
  return spans;
}
