import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../server/adapters/sqlite/store.ts';
import type { CountedNodes, NodeRow, Poll, Store, ToldCount } from '../../server/ports/store.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { at, digest, host, poll, report, tag } from './store-samples.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];
const nothing = { tag: null, digest: null };
const TOLD: Partial<Poll['told']>[] = [
  {},
  { tag: tag('09'), digest: digest('b') },
  { environment: 'qa', wave: 'qa' },
  { ...nothing, outcome: 'hold', hold: 'no-acceptable-tag' },
  { ...nothing, outcome: 'killswitch', message: 'stop' },
  { ...nothing, outcome: 'killswitch', message: 'stop', environment: 'qa', wave: 'qa' },
];
const HOURS_OF_SECONDS = 4 * 3600;

type Step =
  | { readonly kind: 'polls'; readonly polls: readonly { name: string; seconds: number; told: number }[] }
  | { readonly kind: 'report'; readonly name: string; readonly seconds: number }
  | { readonly kind: 'forget'; readonly names: readonly string[] }
  | { readonly kind: 'prune'; readonly seconds: number };

const name = fc.constantFrom(...NAMES);
const seconds = fc.nat(HOURS_OF_SECONDS);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('polls' as const),
      polls: fc.array(fc.record({ name, seconds, told: fc.nat(TOLD.length - 1) }), { maxLength: 8 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('report' as const), name, seconds }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('forget' as const), names: fc.uniqueArray(name, { maxLength: 2 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('prune' as const), seconds }) },
);

let runs = 0;

async function take(store: Store, one: Step): Promise<void> {
  switch (one.kind) {
    case 'polls':
      return store.recordPolls(one.polls.map((said) => poll(said.name, said.seconds, TOLD[said.told])));
    case 'report':
      runs += 1;
      await store.recordReport(host(one.name), report(`run-${String(runs).padStart(8, '0')}`), { at: at(one.seconds) });
      return;
    case 'forget':
      return store.forgetNodes(one.names.map(host));
    case 'prune':
      return store.prune({ at: at(0), reports: 0, events: 0, runs: 0, nodes: at(one.seconds) });
    default:
      return one satisfies never;
  }
}

/** By looking at each of them. */
function counted(rows: readonly NodeRow[], limit: number): CountedNodes {
  return { count: rows.length, first: rows.slice(0, limit).map((row) => row.hostname) };
}

function countEach(rows: readonly NodeRow[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { told } of rows) add(counts, keyOf({ ...NO_TOLD, ...told }), 1);
  return counts;
}

function inOne(counts: readonly ToldCount[]): Record<string, number> {
  const all: Record<string, number> = {};
  for (const one of counts) add(all, keyOf(one), one.nodes);
  return all;
}

const NO_TOLD = { environment: null, wave: null, outcome: null, tag: null, hold: null };

function keyOf({ environment, wave, outcome, tag: name, hold }: Omit<ToldCount, 'nodes'>): string {
  return [environment, wave, outcome, name, hold].join(' ');
}

function add(counts: Record<string, number>, key: string, nodes: number): void {
  counts[key] = (counts[key] ?? 0) + nodes;
}

test('counts are those of a look at each node, whatever has happened', async () => {
  const file = join(await disposableDirectory(), 'history.sqlite');
  const store = await openStore(file);
  onTestFinished(() => store.close());
  const story = fc.array(step, { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(story, seconds, seconds, async (steps, one, other) => {
      await store.forgetNodes(NAMES.map(host));
      for (const each of steps) await take(store, each);
      const [seenSince, before] = [at(Math.min(one, other)), at(Math.max(one, other))];
      const known = await store.nodes({ seenSince });
      expect(inOne(await store.toldCounts(seenSince))).toEqual(countEach(known));
      expect(await store.silentNodes({ seenSince, before, limit: 100 })).toEqual(
        counted(
          known.filter((row) => row.lastSeen < before),
          100,
        ),
      );
      for (const environment of [null, 'qa', 'production', 'nowhere']) {
        const concerned = known.filter(({ told }) => environment === null || told?.environment === environment);
        const missed = concerned.filter((row) => row.told?.outcome !== 'killswitch' || row.lastSeen < before);
        const found = await store.unstoppedNodes({ seenSince, environment, since: before, limit: 100 });
        expect(found).toEqual(counted(missed, 100));
      }
    }),
    { numRuns: 60 },
  );
});

test('all nodes are counted, and some of them named', async () => {
  const store = await openStore(join(await disposableDirectory(), 'history.sqlite'));
  onTestFinished(() => store.close());
  await store.recordPolls(Array.from({ length: 30 }, (_, index) => poll(`web${index}`, index)));
  for (const found of [
    await store.silentNodes({ seenSince: at(0), before: at(20), limit: 5 }),
    await store.unstoppedNodes({ seenSince: at(10), environment: null, since: at(99), limit: 5 }),
  ]) {
    expect(found.count).toBe(20);
    expect(found.first).toHaveLength(5);
  }
});
