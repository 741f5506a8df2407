import { join } from 'node:path';
import type { Digest, Hostname, TagName } from '../protocol/names.ts';
import { openStore } from '../server/adapters/sqlite/store.ts';
import type { Poll, Store, Told } from '../server/ports/store.ts';
import { GROUPS, hostNames } from './base.ts';
import { figureOf } from './figure.ts';
import type { Bench, Measured } from './part.ts';
import { queryLines } from './queries-report.ts';

const FLEETS = [1_000, 10_000, 100_000] as const;
const REPORTS_EACH = 10;
const TAGS = 72;
const TIMES = 30;
const AT_ONCE = 1_000;
const PAGE = 100;
const SILENT_ONE_IN = 100;
const START = Date.UTC(2026, 10, 20, 8);
const DAY_MS = 24 * 3_600_000;
const HOUR_MS = 3_600_000;

/** What one look takes with each size of the fleet, in milliseconds: the medians. */
export interface QueryFigures {
  readonly of: string;
  readonly fleets: readonly number[];
  readonly reportsEach: number;
  readonly ms: readonly number[];
}

/** What looks at a fleet take at three of its sizes, with ten reports of each node. */
export async function measureQueries(bench: Bench): Promise<Measured> {
  const fleets = bench.isQuick ? [100, 300, 1_000] : FLEETS;
  const all: number[][] = [];
  for (const nodes of fleets) {
    bench.progress(`queries: a fleet of ${nodes.toLocaleString('en-US')}`);
    all.push(await lookAt(join(bench.work, `queries-${nodes}.sqlite`), nodes));
  }
  const figures = LOOKS.map(({ of }, row) => {
    return { of, fleets, reportsEach: REPORTS_EACH, ms: all.map((medians) => medians[row] ?? 0) };
  });
  return { lines: queryLines(figures), figures };
}

interface Look {
  readonly of: string;
  readonly once: (store: Store, middle: Hostname) => Promise<unknown>;
}

const seenSince = START - 30 * DAY_MS;

const LOOKS: readonly Look[] = [
  {
    of: 'status: the fleet counted by wave and answer, and the silent',
    once: (store) =>
      Promise.all([
        store.toldCounts(seenSince),
        store.silentNodes({ seenSince, before: START - HOUR_MS, limit: 1_000 }),
      ]),
  },
  { of: 'tags: how many nodes have each', once: (store) => store.toldCounts(seenSince) },
  {
    of: 'killswitch: who knows of it, and who does not',
    once: (store) => store.unstoppedNodes({ seenSince, environment: null, since: START, limit: 1_000 }),
  },
  {
    of: 'nodes: a page of a hundred, from the middle',
    once: (store, after) => store.nodes({ seenSince, after, limit: PAGE }),
  },
  { of: 'one node, and its reports', once: (store, hostname) => reportsOf(store, hostname) },
];

async function reportsOf(store: Store, hostname: Hostname): Promise<unknown> {
  return [await store.node(hostname), await store.reports(hostname, 10)];
}

async function lookAt(file: string, nodes: number): Promise<number[]> {
  const store = await openStore(file);
  const hosts = hostNames(nodes, 'fleet') as Hostname[];
  await fill(store, hosts);
  const middle = [...hosts].sort()[nodes >> 1] ?? ('' as Hostname);
  const medians: number[] = [];
  for (const { once } of LOOKS) medians.push(await medianOf(() => once(store, middle)));
  await store.close();
  return medians;
}

async function medianOf(look: () => Promise<unknown>): Promise<number> {
  const took: number[] = [];
  for (let time = 0; time < TIMES; time += 1) {
    const began = performance.now();
    await look();
    took.push(performance.now() - began);
  }
  return figureOf(took).median;
}

/** Each has asked, has been told one of as many answers as there are tags and groups, and has reported. */
async function fill(store: Store, hosts: readonly Hostname[]): Promise<void> {
  const answers = Array.from({ length: TAGS * GROUPS }, (_, index) => answer(index));
  for (let from = 0; from < hosts.length; from += AT_ONCE) {
    const some = hosts.slice(from, from + AT_ONCE);
    const polls = some.flatMap((hostname, index): Poll[] => {
      const told = answers[(from + index) % answers.length];
      const at = (from + index) % SILENT_ONE_IN === 0 ? START - 5 * HOUR_MS : START + index;
      return told === undefined ? [] : [{ hostname, at, running: told.digest, told }];
    });
    await store.recordPolls(polls);
    for (let run = 0; run < REPORTS_EACH; run += 1)
      await Promise.all(some.map((hostname) => store.recordReport(hostname, report(run), { at: START })));
  }
}

function answer(index: number): Told {
  const group = index % GROUPS;
  const hour = new Date(START - Math.floor(index / GROUPS) * HOUR_MS);
  const stamp = hour.toISOString().replace(/[-:]/g, '').replace('T', '-').slice(0, 13);
  return {
    at: START,
    environment: 'production',
    wave: 'production',
    groups: [`site${group}`],
    outcome: 'serve',
    tag: `etchautotag-${stamp}` as TagName,
    digest: `sha256:${String(index).padStart(64, '0')}` as Digest,
    hold: null,
    message: null,
    reasons: ['by the schedule'],
  };
}

function report(run: number) {
  const what = { tag: 'trunk', digest: null, outcome: 'applied', startedAt: '2026-11-20T08:00:00Z' } as const;
  return { ...what, runId: `run-${String(run).padStart(8, '0')}`, durationMs: 800, changed: 3 };
}
