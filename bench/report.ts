import { table } from '../server/cli/terminal.ts';
import { shown } from './figure.ts';
import type { Name, PollFigures } from './polls.ts';

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

export function counted(files: number): string {
  return `${files.toLocaleString('en-US')} files`;
}

export function aim(what: string, met: boolean, found: string): string {
  return `Aim ${met ? 'met' : 'missed'}: ${what}: ${found}`;
}
