import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Request } from './ask-job.ts';
import { ask } from './asking.ts';
import { FLEET, hostNames } from './base.ts';
import { makeCrowd } from './crowd.ts';
import { reportOf } from './hosts.ts';
import { residentBytes } from './memory.ts';
import { memoryLines } from './memory-report.ts';
import type { Bench, Measured } from './part.ts';
import { type Server, startTagwave, withServers } from './servers.ts';

const NODES = 100_000;
const REPORTING_MS = 30_000;
const REPORTS_AT_ONCE = 5_000;
/** Distinct names, each as long as a name can be, that nobody has ever heard of. */
const HOSTILE = [25_000, 50_000, 100_000] as const;
const TAG = 'etchautotag-20261120-0800';
const DIGEST = `sha256:${'0'.repeat(64)}`;

/** Bytes that are resident, all processes of the server together. */
export interface MemoryFigures {
  readonly nodes: number;
  readonly atStart: number;
  readonly afterPolls: number;
  /** As many as came through in a bounded time. */
  readonly reports: number;
  readonly afterReports: number;
  /** Of the history, when they had reported. */
  readonly historyBytes: number;
  readonly hostile: readonly { readonly names: number; readonly bytes: number }[];
}

export async function measureMemory(bench: Bench): Promise<Measured> {
  const part = bench.isQuick ? 20 : 1;
  const nodes = NODES / part;
  const starting = [startTagwave(bench, 'memory', FLEET), startTagwave(bench, 'hostile', FLEET)] as const;
  const figures = await withServers(starting, async ([friendly, hostile]): Promise<MemoryFigures> => {
    const atStart = await residentBytes(friendly.pid);
    const hosts = hostNames(nodes, 'fleet');
    bench.progress(`${nodes} hosts ask for the first time`);
    const crowd = await makeCrowd(bench, friendly, { name: 'memory', hosts });
    await crowd.learn();
    const afterPolls = await residentBytes(friendly.pid);
    bench.progress('and report');
    const reports = await reportAll(bench, friendly, hosts);
    const afterReports = await residentBytes(friendly.pid);
    return {
      nodes,
      atStart,
      afterPolls,
      reports,
      afterReports,
      historyBytes: await historyBytes(friendly.base),
      hostile: await askAsHostile(
        bench,
        hostile,
        HOSTILE.map((names) => names / part),
      ),
    };
  });
  return { lines: memoryLines(figures), figures };
}

async function historyBytes(base: string): Promise<number> {
  const files = ['history.sqlite', 'history.sqlite-wal'].map((file) => join(base, 'var', file));
  const sizes = await Promise.all(files.map((file) => stat(file).then(({ size }) => size)));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function reportAll(bench: Bench, { url }: Server, hosts: readonly string[]): Promise<number> {
  const until = performance.now() + REPORTING_MS;
  let done = 0;
  while (done < hosts.length && performance.now() < until) {
    const requests = hosts
      .slice(done, done + REPORTS_AT_ONCE)
      .map((host): Request => reportOf(host, { tag: TAG, digest: DIGEST }));
    await ask(bench, { url, requests, expected: 201 });
    done += requests.length;
  }
  return done;
}

async function askAsHostile(bench: Bench, { url, pid }: Server, sizes: readonly number[]) {
  const found: { names: number; bytes: number }[] = [];
  let asked = 0;
  for (const names of sizes) {
    bench.progress(`${names} names that nobody knows`);
    const requests = Array.from({ length: names - asked }, (_, index): Request => {
      return { method: 'GET', path: `/v1/nodes/${hostileName(asked + index)}` };
    });
    await ask(bench, { url, requests, expected: 200 });
    asked = names;
    found.push({ names, bytes: await residentBytes(pid) });
  }
  return found;
}

/** 253 characters, all of the same length, so that only their number grows. */
function hostileName(index: number): string {
  const labels = Array.from({ length: 3 }, (_, label) => 'x'.repeat(60 + label));
  return `${String(index).padStart(63, 'n')}.${labels.join('.')}.x`.slice(0, 253);
}
