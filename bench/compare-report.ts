import { textTable as table } from '../server/cli/table.ts';
import { type Compared, figureOfSubject, perCore } from './compare.ts';
import { shown } from './figure.ts';
import { CONNECTIONS } from './load.ts';

export interface ComparedTable {
  /** One line above. */
  readonly title: string;
  /** The subjects that the others are set in proportion to, as the columns name them. */
  readonly peers: readonly { readonly title: string; readonly column: string }[];
  readonly tool: string;
}

/** Ratios first. */
export function comparedLines(compared: Compared, { title, peers, tool }: ComparedTable): string[] {
  const { titles, rounds, seconds } = compared;
  const present = peers.filter((peer) => titles.includes(peer.title));
  const head = [
    '',
    ...present.map(({ column }) => `× ${column}`),
    'CPU a poll',
    'polls a second',
    'p50',
    'p99',
    'load',
  ];
  const rows = titles.map((subject) => [
    subject,
    ...present.map((peer) => (peer.title === subject ? '' : shown(perCore(compared, [subject, peer.title])))),
    shown(figureOfSubject(compared, subject, 'cpuMicroseconds'), ' µs'),
    shown(figureOfSubject(compared, subject, 'pollsPerSecond')),
    `${figureOfSubject(compared, subject, 'p50Us').median.toFixed(0)} µs`,
    `${figureOfSubject(compared, subject, 'p99Us').median.toFixed(0)} µs`,
    `${(100 * figureOfSubject(compared, subject, 'loadCores').median).toFixed(0)} %`,
  ]);
  return [
    '',
    title,
    `${tool}, ${CONNECTIONS} connections; median (min–max) of ${rounds.length} rounds of ${seconds} s each, the servers in turn.`,
    '×: polls per core, which is for the same CPU time of the server, all its processes together. Load: how much of a core the',
    'generator took beside it',
    '',
    table(head, rows),
    '',
  ];
}
