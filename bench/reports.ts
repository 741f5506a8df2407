import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Report } from '../protocol/assignment.ts';
import type { Hostname } from '../protocol/names.ts';
import { openStoreApart } from '../server/adapters/sqlite/apart.ts';
import { openStore } from '../server/adapters/sqlite/store.ts';
import { FLEET, hostNames } from './base.ts';
import { type CpuTime, openCpuTime } from './cpu-time.ts';
import type { Bench, Measured } from './part.ts';
import { reportLines } from './reports-report.ts';
import { roundsOf } from './rounds.ts';
import { startTagwave, type TagwaveServer, withServers } from './servers.ts';
import { openWire } from './wire.ts';

const HOSTS = 1000;
const CONNECTIONS = 64;
const ROUNDS = 5;
const ROUND_MS = 3000;
const LIMIT_MS = 40_000;
const INTO_STORE = 20_000;
/** As many as hosts might send in the same moment. */
const AT_ONCE = 1000;
const ALL = 10_000_000;

export interface ReportRound {
  readonly perSecond: number;
  /** Of the server, all of its threads: milliseconds a thousand reports. */
  readonly cpuMs: number;
}

export interface ReportFigures {
  /** Reports a second, in rounds. */
  readonly store: readonly number[];
  readonly rounds: readonly ReportRound[];
  /** Of those that were answered before the server was killed in the middle of more. */
  readonly killed: { readonly answered: number; readonly lost: number };
}

/** How many reports are taken, each durable when it is answered, and whether any is lost when the server is killed. */
export async function measureReports(bench: Bench): Promise<Measured> {
  const limits = { most: bench.isQuick ? 2 : ROUNDS, least: 2, limitMs: LIMIT_MS };
  const store = await roundsOf(limits, (round) => intoStore(bench, round));
  const figures = await withServers([startTagwave(bench, 'reports', FLEET)] as const, async ([server]) => {
    const cpuTime = await openCpuTime();
    const answered: Answered = new Map();
    const rounds = await roundsOf(limits, async (round) => {
      bench.progress(`reports, round ${round + 1} of ${limits.most}`);
      return oneRound({ server, cpuTime, answered }, bench.isQuick ? 300 : ROUND_MS);
    });
    const killed = await killInTheMiddle(server, answered, bench.isQuick ? 200 : 1000);
    return { store, rounds, killed };
  });
  return { lines: reportLines(figures), figures };
}

/** Through the store alone, in its thread, as the server has it. */
async function intoStore(bench: Bench, round: number): Promise<number> {
  const store = await openStoreApart(join(bench.work, `reports-${round}.sqlite`));
  await store.checkWritable();
  const hosts = hostNames(HOSTS, 'fleet') as Hostname[];
  const count = bench.isQuick ? INTO_STORE / 10 : INTO_STORE;
  const began = performance.now();
  for (let from = 0; from < count; from += AT_ONCE) {
    const lot = Array.from({ length: AT_ONCE }, (_, index) => {
      const hostname = hosts[(from + index) % HOSTS] ?? ('' as Hostname);
      return store.recordReport(hostname, reportOf(`run-${from + index}-of-${round}`), { at: Date.now() });
    });
    await Promise.all(lot);
  }
  const seconds = (performance.now() - began) / 1000;
  await store.close();
  return count / seconds;
}

/** The runs that the server said it has, by host. */
type Answered = Map<string, string[]>;

interface Reporting {
  readonly server: TagwaveServer;
  readonly cpuTime: CpuTime;
  readonly answered: Answered;
}

async function oneRound({ server, cpuTime, answered }: Reporting, ms: number): Promise<ReportRound> {
  const before = await cpuTime(server.pid);
  const began = performance.now();
  const count = await reportUntil(server, answered, (now) => now - began >= ms);
  const seconds = (performance.now() - began) / 1000;
  const cpuSeconds = (await cpuTime(server.pid)) - before;
  return { perSecond: count / seconds, cpuMs: (cpuSeconds * 1e6) / count };
}

async function killInTheMiddle(server: TagwaveServer, answered: Answered, afterMs: number) {
  const reporting = reportUntil(server, answered, () => false);
  await delay(afterMs);
  process.kill(server.pid, 'SIGKILL');
  await reporting;
  const store = await openStore(join(server.base, 'var', 'history.sqlite'));
  let [all, lost] = [0, 0];
  for (const [hostname, runIds] of answered) {
    const stored = new Set((await store.reports(hostname as Hostname, ALL)).map(({ runId }) => runId));
    all += runIds.length;
    lost += runIds.filter((runId) => !stored.has(runId)).length;
  }
  await store.close();
  return { answered: all, lost };
}

let runs = 0;

/** Over so many connections, until it is enough or the server is gone. Answers how many were taken. */
async function reportUntil(
  { url }: TagwaveServer,
  answered: Answered,
  isEnough: (now: number) => boolean,
): Promise<number> {
  const hosts = hostNames(HOSTS, 'fleet');
  let count = 0;
  const one = async (): Promise<void> => {
    const wire = openWire(url);
    while (!isEnough(performance.now())) {
      const runId = `run-${String(++runs).padStart(8, '0')}`;
      const hostname = hosts[runs % HOSTS] ?? '';
      const answer = await wire.ask(requestOf(hostname, reportOf(runId))).catch(() => undefined);
      if (answer === undefined) break;
      if (answer.status !== 201) throw new Error(`a report was answered with ${answer.status}`);
      answered.set(hostname, [...(answered.get(hostname) ?? []), runId]);
      count += 1;
    }
    wire.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
  return count;
}

function requestOf(hostname: string, report: Report): string {
  const body = JSON.stringify(report);
  const head = [`POST /v1/nodes/${hostname}/reports HTTP/1.1`, 'Host: tagwave', 'Content-Type: application/json'];
  return [...head, `Content-Length: ${Buffer.byteLength(body)}`, '', body].join('\r\n');
}

/** As a host sends it after a run in which something changed. */
function reportOf(runId: string): Report {
  return {
    runId,
    tag: 'trunk',
    digest: `sha256:${'a'.repeat(64)}` as Report['digest'],
    outcome: 'applied',
    startedAt: '2026-11-20T09:00:00Z',
    durationMs: 812,
    changed: 3,
    facts: { os: 'debian 12', kernel: '6.1.0-26-amd64', arch: 'amd64' },
    clientVersion: '0.1.0',
  };
}
