import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Report } from '../../protocol/assignment.ts';
import { openStoreApart } from '../../server/adapters/sqlite/apart.ts';
import { openStore } from '../../server/adapters/sqlite/store.ts';
import { countWhereabouts, type Whereabouts } from '../../server/core/whereabouts.ts';
import { runsNow } from '../../server/operations/brief-nodes.ts';
import type { Poll, Store } from '../../server/ports/store.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { at, digest, event, host, poll, report, tag } from './store-samples.ts';

const never = { at: at(0), reports: at(-1), events: at(-1), nodes: at(-1), runs: at(-1) };
const killed = { outcome: 'killswitch', tag: null, digest: null, message: 'stop' } as const;

/** What every adapter of the store must answer of where nodes are. */
function whereaboutsContract(name: string, openOne: () => Promise<Store>): void {
  const open = async (): Promise<Store> => {
    const store = await openOne();
    onTestFinished(() => store.close());
    return store;
  };
  const now = (store: Store, seconds = 0) => store.whereabouts({ seenSince: at(0), silentBefore: at(seconds) });

  describe(`${name}, asked where nodes are`, () => {
    test('an empty store knows of none, and of no past', async () => {
      const store = await open();
      expect(await now(store)).toEqual([]);
      expect(await store.whereaboutsAt({ at: at(0), seenSince: at(0) })).toEqual([]);
      expect(await store.recordedSince()).toBeNull();
      expect(await store.lastStopped({ environment: null, since: at(0) })).toBeNull();
      expect(await store.newsSince({ event: 0, run: 0 })).toEqual({ event: 0, run: 0, kinds: [], hasNewRuns: false });
    });

    test('nodes are counted by what they were told, what they run, and what is wrong with them', async () => {
      const store = await open();
      const running = (one: Poll, hex: string | null): Poll => ({ ...one, running: hex === null ? null : digest(hex) });
      await store.recordPolls([
        running(poll('a', 0), 'a'),
        running(poll('b', 60), 'a'),
        running(poll('c', 60), 'b'),
        running(poll('d', 60, { tag: tag('09'), digest: digest('b') }), 'b'),
        running(poll('e', 60, killed), null),
      ]);
      await store.recordReport(host('a'), report('run-00000001', { outcome: 'rolled-back' }), { at: at(61) });
      await store.recordReport(host('f'), report('run-00000002', { drifted: { count: 2, paths: ['etc/motd'] } }), {
        at: at(61),
      });
      const where = { wave: 'production+4h', environment: 'production', failing: 0, drifted: 0, silent: 0 };
      const found = await now(store, 30);
      expect(sorted(found)).toEqual(
        sorted([
          { ...where, told: tag('08'), running: tag('08'), nodes: 2, failing: 1, silent: 1 },
          { ...where, told: tag('08'), running: tag('09'), nodes: 1 },
          { ...where, told: tag('09'), running: tag('09'), nodes: 1 },
          { ...where, told: 'killswitch', running: 'unknown', nodes: 1 },
          { ...where, wave: '', environment: '', told: 'nothing', running: tag('08'), nodes: 1, drifted: 1 },
        ]),
      );
    });

    test('a node runs what it has reported since its last poll, until another poll says what it runs', async () => {
      const store = await open();
      const now09 = { tag: tag('09'), digest: digest('b') };
      const running = async () => (await now(store)).map((one) => one.running);
      await store.recordPolls([
        { ...poll('b', 0), running: digest('a') },
        { ...poll('a', 10, now09), running: digest('a') },
        { ...poll('b', 10, now09), running: digest('b') },
      ]);
      await store.recordReport(host('a'), report('run-00000001', { ...now09, outcome: 'failed' }), { at: at(11) });
      expect(await running()).toEqual(expect.arrayContaining([tag('08'), tag('09')]));
      await store.recordReport(host('a'), report('run-00000002', now09), { at: at(12) });
      expect(await running()).toEqual([tag('09')]);
      await store.recordPolls([{ ...poll('a', 20, now09), running: digest('a') }]);
      expect(await running()).toEqual(expect.arrayContaining([tag('08'), tag('09')]));
    });

    test('a report that was dropped since says nothing any more', async () => {
      const store = await open();
      await store.recordPolls([poll('a', 0)]);
      await store.recordReport(host('a'), report('run-00000001', { outcome: 'failed' }), { at: at(1) });
      expect((await now(store))[0]?.failing).toBe(1);
      await store.prune({ ...never, reports: at(10) });
      expect((await now(store))[0]?.failing).toBe(0);
    });

    test('content is named after the newest tag with which somebody was told it, before trunk', async () => {
      const store = await open();
      await store.recordPolls([
        poll('a', 0, { tag: 'trunk', digest: digest('b') }),
        poll('b', 0, { tag: tag('09'), digest: digest('b') }),
        poll('c', 0, { tag: tag('07'), digest: digest('b') }),
        poll('d', 0, { tag: 'trunk', digest: digest('c') }),
      ]);
      const found = await store.tagsOf([digest('b'), digest('c'), digest('d')]);
      expect(sorted(found)).toEqual(
        sorted([
          { digest: digest('b'), tag: tag('09') },
          { digest: digest('c'), tag: 'trunk' },
        ]),
      );
      expect(await store.tagsOf([])).toEqual([]);
    });

    test('the past is as it was, with what was run and failed as far as that is kept', async () => {
      const store = await open();
      await store.recordPolls([{ ...poll('a', 0), running: digest('a') }, poll('b', 0), poll('c', 100)]);
      await store.recordReport(host('b'), report('run-00000001', { outcome: 'failed' }), {
        at: at(20),
        countsIn: 'production+4h',
      });
      await store.recordPolls([
        { ...poll('a', 60, { tag: tag('09'), digest: digest('b') }), running: digest('b') },
        poll('b', 60, killed),
      ]);
      const then = (seconds: number) => store.whereaboutsAt({ at: at(seconds), seenSince: at(0) });
      const where = { wave: 'production+4h', environment: 'production', failing: 0, drifted: 0, silent: 0 };
      expect(sorted(await then(30))).toEqual(
        sorted([
          { ...where, told: tag('08'), running: tag('08'), nodes: 1 },
          { ...where, told: tag('08'), running: 'unknown', nodes: 1, failing: 1 },
        ]),
      );
      expect((await then(10)).map(({ failing }) => failing)).toEqual([0, 0]);
      expect(sorted(await then(100))).toEqual(
        sorted([
          { ...where, told: tag('09'), running: tag('09'), nodes: 1 },
          { ...where, told: 'killswitch', running: 'unknown', nodes: 1 },
          { ...where, told: tag('08'), running: 'unknown', nodes: 1 },
        ]),
      );
      expect(await store.whereaboutsAt({ at: at(100), seenSince: at(70) })).toMatchObject([
        { told: tag('08'), nodes: 1 },
      ]);
    });

    test('when the last node heard of the killswitch is told, of those that it still stops', async () => {
      const store = await open();
      const qa = { ...killed, environment: 'qa', wave: 'qa' };
      await store.recordPolls([poll('a', 0, killed), poll('b', 10, killed), poll('c', 30, qa), poll('d', 40, killed)]);
      await store.recordPolls([poll('d', 50)]);
      await store.recordPolls([poll('a', 90, killed)]);
      expect(await store.lastStopped({ environment: null, since: at(0) })).toBe(at(40));
      expect(await store.lastStopped({ environment: 'qa', since: at(0) })).toBe(at(30));
      expect(await store.lastStopped({ environment: 'qa', since: at(31) })).toBeNull();
      expect(await store.lastStopped({ environment: 'staging', since: at(0) })).toBeNull();
    });

    test('the past begins with the first schedule that was recorded, or the oldest event that is kept', async () => {
      const store = await open();
      const version = { by: 'x', from: null, why: null };
      await store.recordControl({ file: 'schedule.yml', at: at(5), ...version, text: 'waves: []' });
      await store.recordControl({ file: 'schedule.yml', at: at(9), ...version, text: 'waves: [1]' });
      expect(await store.recordedSince()).toBe(at(5));
      await store.addEvents([event(60)]);
      await store.prune({ ...never, events: at(20) });
      expect(await store.recordedSince()).toBeGreaterThanOrEqual(at(9));
    });

    test('news are the kinds of events after one, and that more nodes run what they were told', async () => {
      const store = await open();
      const [first] = await store.addEvents([event(0), event(1, { kind: 'mark' })]);
      const news = await store.newsSince({ event: first?.id ?? 0, run: 0 });
      expect(news).toMatchObject({ kinds: ['mark'], hasNewRuns: false });
      expect(await store.newsSince(news)).toEqual({ ...news, kinds: [] });
      await store.recordPolls([{ ...poll('a', 2), running: digest('a') }]);
      const more = await store.newsSince(news);
      expect(more).toMatchObject({ kinds: ['assignment'], hasNewRuns: true });
      expect(await store.newsSince(more)).toMatchObject({ kinds: [], hasNewRuns: false });
    });
  });
}

whereaboutsContract('SQLite', async () => openStore(join(await disposableDirectory(), 'history.sqlite')));
whereaboutsContract('SQLite in a thread', async () =>
  openStoreApart(join(await disposableDirectory(), 'history.sqlite')),
);

function sorted<Item>(items: readonly Item[]): string[] {
  return items.map((item) => JSON.stringify(Object.entries(item as object).sort())).sort();
}

const NAMES = ['a', 'b', 'c', 'd'];
const TOLD: Partial<Poll['told']>[] = [
  {},
  { tag: tag('09'), digest: digest('b') },
  { tag: tag('10'), digest: digest('b'), environment: 'qa', wave: 'qa' },
  { tag: 'trunk', digest: digest('c') },
  { tag: null, digest: null, outcome: 'hold', hold: 'no-acceptable-tag' },
  killed,
];
const RUNNING = [null, digest('a'), digest('b'), digest('c'), digest('d')];
const OUTCOMES: Report['outcome'][] = ['applied', 'failed', 'refused', 'unchanged'];
const said = fc.record({
  name: fc.constantFrom(...NAMES),
  seconds: fc.nat(3_000),
  told: fc.constantFrom(...TOLD),
  running: fc.constantFrom(...RUNNING),
  report: fc.option(fc.constantFrom(...OUTCOMES)),
});

test('counts are those of a look at each node as the list of nodes shows it, and add up to all of them', async () => {
  const store = await openStore(join(await disposableDirectory(), 'history.sqlite'));
  onTestFinished(() => store.close());
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(said, { maxLength: 8 }), fc.nat(3_000), async (steps, silent) => {
      await store.forgetNodes(NAMES.map(host));
      for (const step of steps) {
        await store.recordPolls([{ ...poll(step.name, step.seconds, step.told), running: step.running }]);
        run += 1;
        const json = report(`run-${String(run).padStart(8, '0')}`, { outcome: step.report ?? 'applied' });
        if (step.report !== null) await store.recordReport(host(step.name), json, { at: at(step.seconds) });
      }
      const rows = await store.nodes();
      const tags = new Map(
        (await store.tagsOf(RUNNING.flatMap((one) => one ?? []))).map((one) => [one.digest, one.tag]),
      );
      const expected = countWhereabouts(
        rows.map((row) => {
          const { told, lastReport, lastSeen } = row;
          const known = { told, running: runsNow(row), reported: lastReport };
          return { nodes: 1, ...known, drifted: false, silent: lastSeen < at(silent) };
        }),
        (sought) => tags.get(sought),
      );
      const found: Whereabouts[] = await store.whereabouts({ seenSince: at(0), silentBefore: at(silent) });
      expect(sorted(found)).toEqual(sorted(expected));
      expect(found.reduce((sum, { nodes }) => sum + nodes, 0)).toBe(rows.length);
    }),
    { numRuns: 20 },
  );
});
