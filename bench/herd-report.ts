import { textTable as table } from '../server/cli/table.ts';
import { figureOf, shown } from './figure.ts';
import type { HerdFigures, HerdRun } from './herd.ts';
import type { Asked } from './herd-job.ts';
import { aim } from './report.ts';

const MOST_TIMES = 5;

export function herdLines({ hosts, perSecond, quiet, herd }: HerdFigures): string[] {
  const one = (value: number, unit = '') => shown(figureOf([value]), unit);
  const row = (title: string, run: HerdRun, asked: Asked) => [
    title,
    statuses(asked),
    one(asked.p50Ms, ' ms'),
    one(asked.p99Ms, ' ms'),
    one(asked.maxMs, ' ms'),
    `${(asked.bytes / 1_000_000 / run.seconds).toFixed(1)} MB/s`,
  ];
  const times = { p50: herd.polls.p50Ms / quiet.polls.p50Ms, p99: herd.polls.p99Ms / quiet.polls.p99Ms };
  const failed = failures(herd.polls) + failures(quiet.polls);
  const busy = (run: HerdRun) =>
    `server ${one(run.serverCores)} cores, generator ${one(run.loadCores)}, which was up to ${one(run.lateMs, ' ms')} late (99 %)`;
  return [
    '',
    `The herd: ${hosts.toLocaleString('en-US')} hosts, ${perSecond} a second, right after a mark that sends everybody to another tag; most to`,
    'what is one commit away, one in ten comes from further away, one in a hundred downloads everything; a connection for each',
    '',
    table(
      ['', 'answered', 'p50', 'p99', 'longest', 'sent'],
      [
        row('polls, quiet', quiet, quiet.polls),
        row('polls, the herd', herd, herd.polls),
        row('downloads, the herd', herd, herd.downloads),
      ],
    ),
    '',
    `Quiet: ${busy(quiet)}`,
    `The herd: ${busy(herd)}`,
    `Polls took ${times.p50.toFixed(2)} × as long as on a quiet server (p50), ${times.p99.toFixed(2)} × (p99)`,
    aim(
      'no poll and no download of the herd fails',
      failed + failures(herd.downloads) === 0,
      `${failed} polls, ${failures(herd.downloads)} downloads`,
    ),
    aim(
      `polls keep their latency: p99 under ${MOST_TIMES} × a quiet run's`,
      times.p99 < MOST_TIMES,
      `${times.p99.toFixed(2)} ×`,
    ),
  ];
}

function failures({ byStatus }: Asked): number {
  return Object.entries(byStatus).reduce((sum, [status, count]) => sum + (/^(200|304)$/.test(status) ? 0 : count), 0);
}

function statuses({ byStatus }: Asked): string {
  return Object.entries(byStatus)
    .map(([status, count]) => `${count.toLocaleString('en-US')} × ${status === '0' ? 'nothing' : status}`)
    .join(', ');
}
