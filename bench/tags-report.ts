import { textTable as table } from '../server/cli/table.ts';
import type { DiskUse } from './disk-use.ts';
import { type Figure, figureBy, figureOf, shown } from './figure.ts';
import { aim, counted } from './report.ts';
import type { Round, SizeFigures, TagFigures } from './tags.ts';
import type { Unchanged } from './tags-unchanged.ts';

const ENOUGH_TIMES_FASTER = 50;
const ENOUGH_PERCENT_OF_DISK = 0.2;
const ENOUGH_TIMES_BARE_GIT = 3;

export function tagLines({ sizes, unchanged }: TagFigures, fileSystem: string): string[] {
  const rows = ROWS.map(([title, unit, of]) => [
    title,
    ...sizes.map(({ rounds }) => shown(figureBy(rounds, of), unit)),
    growthOf(sizes, of),
  ]);
  const rounds = sizes.map(({ files, rounds }) => `${rounds.length} for ${counted(files)}`).join(', ');
  const largest = sizes.at(-1);
  return [
    '',
    `One more tag after a commit of 10 files, beside "git archive | tar -x" into a fresh directory, on ${fileSystem}`,
    `Median (min–max) of the rounds (${rounds}), tag, git alone and copy in turn`,
    '',
    table(['', ...sizes.map(({ files }) => counted(files)), 'times more for 10 × the files'], rows),
    '',
    ...(largest === undefined ? [] : aims(largest)),
    ...unchangedLines(unchanged),
  ];
}

/** What counts first, then what it is made of. */
const ROWS: readonly (readonly [title: string, unit: string, of: (round: Round) => number])[] = [
  ['times faster than the copy: tag', '', timesFaster],
  [
    '  fetch, tag and manifest together',
    '',
    ({ copyMs, fetchMs, tagMs, manifestMs }) => copyMs / (fetchMs + tagMs + manifestMs),
  ],
  ['times git fetch + git update-ref: fetch and tag', '', timesBareGit],
  ["of the copy's disk: tag and what was fetched", ' %', (round) => percentOfDisk(round, 'allocated')],
  ['  the same in bytes of content', ' %', (round) => percentOfDisk(round, 'apparent')],
  ['  manifest', ' %', ({ manifestDisk, copyDisk }) => percent(manifestDisk.allocated, copyDisk.allocated)],
  ['time: tag', ' ms', ({ tagMs }) => tagMs],
  ['  fetch', ' ms', ({ fetchMs }) => fetchMs],
  ['  git fetch + git update-ref', ' ms', ({ bareMs }) => bareMs],
  ['  copy', ' ms', ({ copyMs }) => copyMs],
  ['  manifest', ' ms', ({ manifestMs }) => manifestMs],
  ['disk: tag and what was fetched', ' KiB', ({ tagDisk }) => kib(tagDisk.allocated)],
  ['  copy', ' KiB', ({ copyDisk }) => kib(copyDisk.allocated)],
  ['  manifest', ' KiB', ({ manifestDisk }) => kib(manifestDisk.allocated)],
];

/** From the smallest size to the largest: 1 where the size does not matter, 10 where the cost follows it. */
function growthOf(sizes: readonly SizeFigures[], of: (round: Round) => number): string {
  const [least, most] = [sizes[0], sizes.at(-1)];
  if (least === undefined || most === undefined || least === most) return '';
  const growth = figureBy(most.rounds, of).median / figureBy(least.rounds, of).median;
  return shown(figureOf([growth ** (1 / Math.log10(most.files / least.files))]));
}

function aims({ files, rounds }: SizeFigures): string[] {
  const faster = figureBy(rounds, timesFaster);
  const disk = figureBy(rounds, (round) => percentOfDisk(round, 'allocated'));
  const bare = figureBy(rounds, timesBareGit);
  return [
    aim(
      `a tag of ${counted(files)} at least ${ENOUGH_TIMES_FASTER} times faster than the copy`,
      faster.median >= ENOUGH_TIMES_FASTER,
      shown(faster),
    ),
    aim(`under ${ENOUGH_PERCENT_OF_DISK} % of its disk`, disk.median < ENOUGH_PERCENT_OF_DISK, shown(disk, ' %')),
    aim(
      `at most ${ENOUGH_TIMES_BARE_GIT} times git fetch + git update-ref`,
      bare.median <= ENOUGH_TIMES_BARE_GIT,
      shown(bare),
    ),
  ];
}

function unchangedLines({ tags, tagMs, among, first, others, packed, reading }: Unchanged): string[] {
  const some = Math.ceil(tagMs.length / 4);
  const [early, late] = [figureOf(tagMs.slice(0, some)), figureOf(tagMs.slice(-some))];
  const many = figureOf(among.tagMs);
  const readings = reading.map(({ tags, ms }) => [`reading all ${tags} tags`, shown(figureOf(ms), ' ms')]);
  const rows = [
    [`time of a tag: the first ${some}`, shown(early, ' ms')],
    [`  the last ${some}`, shown(late, ' ms')],
    [`  ${among.tagMs.length} more with ${among.tags} there`, shown(many, ' ms')],
    ['disk: the commit and its first tag', shownKib(first)],
    [`  the ${tags - 1} tags that followed, each`, shownKib(others, tags - 1)],
    ['  each of them once garbage was collected', shownKib(packed, tags - 1)],
    ...readings,
  ];
  return [
    '',
    `${tags} tags of a repository in which nothing changes; a process that has just started reads them`,
    '',
    table(['', ''], rows),
    '',
    `The last tags took ${shown(ratio(late, early))} times as long as the first, those with ${among.tags} there ${shown(ratio(many, early))} times`,
  ];
}

function ratio(one: Figure, other: Figure): Figure {
  return figureOf([one.median / other.median]);
}

function shownKib({ allocated, apparent }: DiskUse, among = 1): string {
  const [kept, content] = [allocated, apparent].map((bytes) => shown(figureOf([kib(bytes) / among]), ' KiB'));
  return `${kept}, ${content} of content`;
}

function timesFaster({ copyMs, tagMs }: Round): number {
  return copyMs / tagMs;
}

function timesBareGit({ fetchMs, tagMs, bareMs }: Round): number {
  return (fetchMs + tagMs) / bareMs;
}

function percentOfDisk({ tagDisk, copyDisk }: Round, how: keyof DiskUse): number {
  return percent(tagDisk[how], copyDisk[how]);
}

function percent(part: number, whole: number): number {
  return (100 * part) / whole;
}

function kib(bytes: number): number {
  return bytes / 1024;
}
