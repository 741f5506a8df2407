import { table } from '../server/cli/terminal.ts';
import type { DiskUse } from './disk-use.ts';
import { figureBy, shown } from './figure.ts';
import type { Name, PollFigures } from './polls.ts';
import type { Round, TagFigures } from './tags.ts';

const SERVERS: readonly { readonly name: Name; readonly title: string }[] = [
  { name: 'tagwave', title: 'Tagwave' },
  { name: 'express', title: 'bare Express' },
  { name: 'node', title: 'bare node:http' },
];

export function pollLines(figures: PollFigures): string[] {
  const { tool, connections, hosts, roundSeconds, timesExpress, timesNode, servers } = figures;
  const head = ['', '× express', '× node:http', 'polls a second', 'CPU a poll'];
  const rows = SERVERS.map(({ name, title }) => {
    const ratios = name === 'tagwave' ? [shown(timesExpress), shown(timesNode)] : ['', ''];
    const { pollsPerSecond, cpuMicroseconds } = servers[name];
    return [title, ...ratios, shown(pollsPerSecond), shown(cpuMicroseconds, ' µs')];
  });
  return [
    '',
    `Polls answered 304: ${tool}, ${connections} connections kept alive, ${hosts} hosts of one wave`,
    `Median (min–max) of ${timesExpress.n} rounds of ${roundSeconds} s each, the servers in turn; CPU is the server's alone`,
    '',
    table(head, rows),
    '',
    aim('polls not below bare Express', timesExpress.median >= 1, shown(timesExpress)),
  ];
}

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

export function counted(files: number): string {
  return `${files.toLocaleString('en-US')} files`;
}

export function aim(what: string, met: boolean, found: string): string {
  return `Aim ${met ? 'met' : 'missed'}: ${what}: ${found}`;
}
