import { textTable as table } from '../server/cli/table.ts';
import { figureBy, shown } from './figure.ts';
import { CONNECTIONS } from './load.ts';
import type { Latency, MarkRound } from './mark.ts';
import { aim } from './report.ts';

const MOST_TIMES = 5;
const MOST_MS = 50;

const timesQuiet = (of: keyof Latency) => (round: MarkRound) => round.changed[of] / round.quiet[of];

export function markLines(rounds: readonly MarkRound[], hosts: number): string[] {
  const ms = (of: (round: MarkRound) => number) => shown(figureBy(rounds, of), ' ms');
  const latencies = ([title, of]: readonly [string, keyof Latency]) => [
    title,
    shown(figureBy(rounds, timesQuiet(of))),
    ms(({ changed }) => changed[of]),
    ms(({ quiet }) => quiet[of]),
  ];
  const p99 = figureBy(rounds, timesQuiet('p99'));
  const told = figureBy(rounds, ({ told }) => told);
  const late = Math.max(...rounds.flatMap((round) => [round.untilLastOld, round.killswitch.untilLastOld]));
  return [
    '',
    `Polls while a mark changes the answer of ${told.median.toLocaleString('en-US')} of ${hosts.toLocaleString('en-US')} hosts`,
    `${CONNECTIONS} connections kept alive, from a process of our own; median (min–max) of ${rounds.length} rounds, each with its own mark.`,
    'Changed: polls that began after the file was in place, until every host had its new answer; unchanged: those of the second before',
    '',
    table(['a poll takes', 'changed / unchanged', 'changed', 'unchanged'], ROWS.map(latencies)),
    '',
    table(
      ['from the file to', 'mark', 'killswitch'],
      [
        ['the last host that was told as before', ms((r) => r.untilLastOld), ms((r) => r.killswitch.untilLastOld)],
        ['the first host that knew', ms((r) => r.untilFirstNew), ms((r) => r.killswitch.untilFirstNew)],
      ],
    ),
    '',
    aim(`p99 after a mark under ${MOST_TIMES} × the unchanged one`, p99.median < MOST_TIMES, `${shown(p99)} ×`),
    aim(`marks and killswitch heeded within ${MOST_MS} ms`, late <= MOST_MS, `the latest after ${late.toFixed(1)} ms`),
  ];
}

const ROWS = [
  ['99 % of them at most', 'p99'],
  ['half of them at most', 'p50'],
  ['the longest', 'max'],
] as const;
