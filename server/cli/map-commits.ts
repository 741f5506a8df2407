import type { MapTag, TrainMap } from '../../protocol/api/train.ts';
import { hourOf, parseTagName } from '../../protocol/names.ts';
import { answerLabel, MARK_STYLES, type Symbols } from './map-symbols.ts';
import type { Cell, Column } from './table.ts';

/** The commits that are on their way: in tags newer than what the last wave gets, and that one itself, newest first. */
export function commitsTable(
  map: TrainMap,
  symbols: Symbols,
  most: number,
): { readonly columns: Column[]; readonly rows: Cell[][]; readonly more: number } {
  const oldest = oldestOf(map);
  const tags = map.tags.filter((tag) => tag.isNew && !tag.ahead && hourIn(tag.name) >= oldest).reverse();
  const columns: Column[] = [
    { name: 'tag' },
    { name: 'mark', drop: 4 },
    { name: 'size', drop: 3 },
    { name: 'who', least: 10, drop: 2 },
    { name: 'commit', least: 20 },
  ];
  return {
    columns,
    rows: tags.slice(0, most).map((tag) => commitRow(map, tag, symbols)),
    more: Math.max(0, tags.length - most),
  };
}

function commitRow({ at }: TrainMap, tag: MapTag, symbols: Symbols): Cell[] {
  const states = [...new Set(Object.values(tag.marks).map(({ state }) => state))];
  const [state] = states;
  const why = Object.values(tag.marks).find(({ reason }) => reason !== '')?.reason;
  const others = (tag.commits ?? 1) - 1;
  const subject = `${tag.subject}${others > 0 ? ` (and ${others} more)` : ''}`;
  const mark: Cell =
    tag.broken !== null
      ? [`${symbols.broken} broken`, 'bad']
      : state === undefined
        ? ''
        : [`${symbols[state]} ${states.join(', ')}`, MARK_STYLES[state]];
  const because = tag.broken ?? why;
  return [
    answerLabel(tag.name, Date.parse(at)),
    mark,
    [sizeText(tag), 'quiet'],
    tag.author.replace(/ <[^>]*>$/, ''),
    because === undefined ? subject : [`${subject}: ${because}`, 'warn'],
  ];
}

function sizeText({ size }: MapTag): string {
  if (size === null) return '';
  const lines = size.insertions === null || size.deletions === null ? '' : `+${size.insertions} -${size.deletions} `;
  return `${lines}in ${size.files}`;
}

/** The hour of the oldest tag that a wave gets. */
function oldestOf({ waves, at }: TrainMap): number {
  const hours = waves.flatMap(({ answer }) => (parseTagName(answer) === undefined ? [] : [hourIn(answer)]));
  return hours.length === 0 ? Date.parse(at) / 3_600_000 - 6 : Math.min(...hours);
}

function hourIn(name: string): number {
  const tag = parseTagName(name);
  return tag === undefined ? 0 : hourOf(tag);
}
