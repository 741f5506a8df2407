import { table } from '../server/cli/terminal.ts';
import type { DiskUse } from './disk-use.ts';
import { figureBy, shown } from './figure.ts';
import { aim, counted } from './report.ts';
import type { Round, TagFigures } from './tags.ts';

const ENOUGH_TIMES_FASTER = 20;
const ENOUGH_PERCENT_OF_DISK = 1;

export function tagLines(sizes: readonly TagFigures[], fileSystem: string): string[] {
  const rows = ROWS.map(([title, unit, of]) => [
    title,
    ...sizes.map(({ rounds }) => shown(figureBy(rounds, of), unit)),
  ]);
  const rounds = sizes.map(({ files, rounds }) => `${rounds.length} for ${counted(files)}`).join(', ');
  const largest = sizes.at(-1);
  return [
    '',
    `One more tag after a commit of 10 files, beside "git archive | tar -x" into a fresh directory, on ${fileSystem}`,
    `Median (min–max) of the rounds (${rounds}), tag and copy in turn`,
    '',
    table(['', ...sizes.map(({ files }) => counted(files))], rows),
    '',
    ...(largest === undefined ? [] : aims(largest)),
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
  ["of the copy's disk: tag and what was fetched", ' %', (round) => percentOfDisk(round, 'allocated')],
  ['  the same in bytes of content', ' %', (round) => percentOfDisk(round, 'apparent')],
  ['  manifest', ' %', ({ manifestDisk, copyDisk }) => percent(manifestDisk.allocated, copyDisk.allocated)],
  ['time: tag', ' ms', ({ tagMs }) => tagMs],
  ['  copy', ' ms', ({ copyMs }) => copyMs],
  ['  fetch', ' ms', ({ fetchMs }) => fetchMs],
  ['  manifest', ' ms', ({ manifestMs }) => manifestMs],
  ['disk: tag and what was fetched', ' KiB', ({ tagDisk }) => kib(tagDisk.allocated)],
  ['  copy', ' KiB', ({ copyDisk }) => kib(copyDisk.allocated)],
  ['  manifest', ' KiB', ({ manifestDisk }) => kib(manifestDisk.allocated)],
];

function aims({ files, rounds }: TagFigures): string[] {
  const faster = figureBy(rounds, timesFaster);
  const disk = figureBy(rounds, (round) => percentOfDisk(round, 'allocated'));
  return [
    aim(
      `a tag of ${counted(files)} at least ${ENOUGH_TIMES_FASTER} times faster than the copy`,
      faster.median >= ENOUGH_TIMES_FASTER,
      shown(faster),
    ),
    aim(`under ${ENOUGH_PERCENT_OF_DISK} % of its disk`, disk.median < ENOUGH_PERCENT_OF_DISK, shown(disk, ' %')),
  ];
}

function timesFaster({ copyMs, tagMs }: Round): number {
  return copyMs / tagMs;
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
