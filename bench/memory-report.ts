import { textTable as table } from '../server/cli/table.ts';
import type { MemoryFigures } from './memory-use.ts';
import { aim } from './report.ts';
import { slopeOf } from './slope.ts';

const MOST_MB = 300;

export function memoryLines(figures: MemoryFigures): string[] {
  const { nodes, atStart, afterPolls, reports, afterReports, historyBytes, hostile } = figures;
  const each = (bytes: number, names: number) => `${Math.round((bytes - atStart) / names).toLocaleString('en-US')} B`;
  const most = Math.max(afterPolls, afterReports);
  return [
    '',
    'Memory: what is resident of the server, all its processes together',
    '',
    table(
      ['', 'resident', 'more than at the start, each'],
      [
        ['at the start', mb(atStart), ''],
        [`${counted(nodes)} nodes have asked`, mb(afterPolls), each(afterPolls, nodes)],
        [`  and ${counted(reports)} of them reported`, mb(afterReports), each(afterReports, nodes)],
        ...hostile.map(({ names, bytes }) => [
          `${counted(names)} names of 253 characters, another server`,
          mb(bytes),
          each(bytes, names),
        ]),
      ],
    ),
    '',
    `The history of ${counted(nodes)} nodes and ${counted(reports)} reports takes ${mb(historyBytes)} on the disk`,
    `From ${counted(hostile[0]?.names ?? 0)} to ${counted(hostile.at(-1)?.names ?? 0)} such names memory grows with exponent ${slopeOf(
      hostile.map(({ names, bytes }) => ({ size: names, cost: bytes })),
    ).toFixed(2)} (0: not at all, 1: as they do)`,
    aim(`memory with ${counted(nodes)} nodes under ${MOST_MB} MB`, most < MOST_MB * 1_000_000, mb(most)),
  ];
}

function mb(bytes: number): string {
  return `${Math.round(bytes / 1_000_000).toLocaleString('en-US')} MB`;
}

function counted(count: number): string {
  return count.toLocaleString('en-US');
}
