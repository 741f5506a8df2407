import { textTable as table } from '../server/cli/table.ts';
import { type Figure, figureBy, shown } from './figure.ts';
import type { HostsFigures, HostsRound, Work } from './hosts.ts';
import { aim, notMeasured } from './report.ts';

const MOST_TIMES_NGINX = 1.5;
const LEAST_TIMES_GIT = 5;

const added = (...parts: readonly Work[]): Work => ({
  cpuSeconds: sumBy(parts, ({ cpuSeconds }) => cpuSeconds),
  bytes: sumBy(parts, ({ bytes }) => bytes),
});
const all = ({ poll, first, download, report }: HostsRound): Work => added(poll, first, download, report);
const downloads = ({ first, download }: HostsRound): Work => added(first, download);

export function hostsLines({ hosts, files, rounds, git }: HostsFigures): string[] {
  const row = (title: string, of: (round: HostsRound) => Work) => [
    title,
    shown(microseconds(rounds, of, hosts), ' µs'),
    shown(
      figureBy(rounds, (round) => of(round).bytes / hosts),
      ' B',
    ),
  ];
  const gitEach = (git.cpuSeconds * 1_000_000) / git.hosts;
  // What is counted in hundredths of a second is added up before it is compared.
  const cpu = sumBy(rounds, (round) => all(round).cpuSeconds);
  const nginx = rounds.flatMap(({ nginx }) => nginx ?? []);
  const nginxCpu = sumBy(nginx, ({ cpuSeconds }) => cpuSeconds);
  const bytes = sumBy(rounds, (round) => all(round).bytes);
  const timesCpu = cpu / nginxCpu;
  const timesBytes = bytes / sumBy(nginx, (each) => each.bytes);
  const timesGit = gitEach / ((cpu * 1_000_000) / rounds.length / hosts);
  const download = sumBy(rounds, (round) => downloads(round).cpuSeconds) / nginxCpu;
  return [
    '',
    `${hosts} hosts from one tag to another, 10 of ${files.toLocaleString('en-US')} files: each asks, downloads what differs, reports`,
    `Median (min–max) of ${rounds.length} rounds, for one host: CPU of the server and bytes that it sent; what differs is packed in each round`,
    '',
    table(
      ['for one host', 'CPU of the server', 'sent'],
      [
        row('Tagwave, all of it', all),
        row('  the poll, answered 200', ({ poll }) => poll),
        row('  the download', (round) => round.download),
        row('  packing it for the first, its share', ({ first }) => first),
        row('  the report', ({ report }) => report),
        ...(nginx.length > 0 ? [row('nginx, a ready-made tar.gz', (round) => round.nginx ?? round.download)] : []),
        ['git fetch from git http-backend', `${Math.round(gitEach).toLocaleString('en-US')} µs`, ''],
      ],
    ),
    '',
    ...(nginx.length > 0
      ? [
          aim(
            `bytes and CPU at most ${MOST_TIMES_NGINX} × nginx serving a ready-made delta`,
            timesCpu <= MOST_TIMES_NGINX && timesBytes <= MOST_TIMES_NGINX,
            `${timesBytes.toFixed(2)} × its bytes, ${timesCpu.toFixed(1)} × its CPU, ${download.toFixed(1)} × for the downloads alone`,
          ),
        ]
      : [notMeasured('nginx', 'nginx is not installed')]),
    aim(
      `at least ${LEAST_TIMES_GIT} × less CPU than git fetch from git's own HTTP server`,
      timesGit >= LEAST_TIMES_GIT,
      `${timesGit.toFixed(1)} × less`,
    ),
  ];
}

function microseconds(rounds: readonly HostsRound[], of: (round: HostsRound) => Work, hosts: number): Figure {
  return figureBy(rounds, (round) => (of(round).cpuSeconds * 1_000_000) / hosts);
}

function sumBy<Each>(all: readonly Each[], of: (each: Each) => number): number {
  return all.reduce((sum, each) => sum + of(each), 0);
}
