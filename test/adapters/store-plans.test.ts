import { join } from 'node:path';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../server/adapters/sqlite/store.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { at, digest, event, host, poll, record, report, tag } from './store-samples.ts';

/** Tables that grow with the fleet, or with time. */
const LARGE = ['nodes', 'reports', 'assignments', 'events', 'tag_runs', 'control_versions'];
/** Keeps the past that is still asked for; once a day. */
const ONCE_A_DAY = ['delete from "control_versions"', 'delete from "control_texts"', 'delete from "answers"'];

/** Who asks where all nodes are sees to it that it is seldom enough; what is looked up for each of them is in an index. */
const ALL_NODES = [/^SCAN nodes: select environment, wave, outcome/, /^SCAN nodes: .*select hostname, \(/s];

/** Whatever is prepared while `work` runs. */
async function statementsOf(work: () => Promise<void>): Promise<string[]> {
  const seen = new Set<string>();
  const { prepare } = Database.prototype;
  Database.prototype.prepare = function (this: Database.Database, sql: string) {
    seen.add(sql);
    return prepare.call(this, sql);
  } as typeof prepare;
  try {
    await work();
  } finally {
    Database.prototype.prepare = prepare;
  }
  return [...seen];
}

async function useEverything(file: string): Promise<void> {
  const store = await openStore(file);
  const killed = { outcome: 'killswitch', tag: null, digest: null, message: 'stop' } as const;
  await store.recordPolls([poll('web1', 0), poll('web2', 0), poll('web3', 0, killed)]);
  await store.recordPolls([{ ...poll('web1', 1), running: digest('a') }, poll('web2', 1), poll('web3', 3600, killed)]);
  await store.recordReport(host('web1'), report('run-00000001'), { at: at(2), countsIn: 'qa' });
  await store.recordReport(host('web1'), report('run-00000002', { outcome: 'failed' }), { at: at(2), countsIn: 'qa' });
  await store.addEvents([event(3)]);
  await store.recordControl({ file: 'tagstate', at: at(3), by: 'ada', from: null, why: null, text: '# none\n' });
  await store.copyTags([record('08')]);
  await store.markPruned([tag('08')], at(4));
  await Promise.all([
    store.nodes(),
    store.nodes({ seenSince: at(0), after: host('web1'), limit: 10 }),
    store.nodes({
      limit: 10,
      filter: {
        environment: 'qa',
        wave: 'qa',
        name: 'web',
        seenBefore: at(99),
        outcomes: [null, 'failed'],
        drifted: true,
        unlikeTold: true,
      },
    }),
    store.nodes({ filter: { name: 'web*' } }),
    store.nodesAt({ at: at(9), after: null, limit: 10, name: 'web' }),
    store.toldHistory(host('web1'), 10),
    store.node(host('web1')),
    store.seats(null, 10),
    store.toldCounts(at(0)),
    store.silentNodes({ seenSince: at(0), before: at(99), limit: 10 }),
    store.unstoppedNodes({ seenSince: at(0), environment: null, since: at(99), limit: 10 }),
    store.unstoppedNodes({ seenSince: at(0), environment: 'qa', since: at(99), limit: 10 }),
    store.reports(host('web1'), 10),
    store.toldAt(host('web1'), at(9)),
    store.tagFailures(tag('08')),
    store.tagRuns(tag('08'), at(9)),
    store.controlAt('tagstate', at(9)),
    store.events({ limit: 10 }),
    store.events({ limit: 10, kinds: ['assignment', 'report'], since: at(0) }),
    store.events({ limit: 10, subject: 'killswitch', kinds: ['kill', 'resume'] }),
    store.events({ limit: 10, subject: 'web1.example' }),
    store.events({ limit: 10, afterId: 1, kinds: ['assignment'], order: 'oldest' }),
    store.tagsAt(at(9)),
    store.whereabouts({ seenSince: at(0), silentBefore: at(9) }),
    store.whereaboutsAt({ at: at(9), seenSince: at(0) }),
    store.lastStopped({ environment: null, since: at(0) }),
    store.recordedSince(),
    store.newsSince({ event: 0, run: 0 }),
  ]);
  await store.forgetNodes([host('web2')]);
  await store.prune({ at: at(9), reports: at(3), events: at(2), nodes: at(2), runs: at(7200) });
  await store.close();
}

test('nothing that is asked of a store looks through a whole table that grows', async () => {
  const file = join(await disposableDirectory(), 'history.sqlite');
  // Made before, so that what follows is only what is asked of it.
  await (await openStore(file)).close();
  const statements = await statementsOf(() => useEverything(file));
  const looked = statements.filter((sql) => /^\s*(select|insert|update|delete)/i.test(sql));
  expect(looked.length).toBeGreaterThan(40);
  const database = new Database(file, { readonly: true });
  onTestFinished(() => void database.close());
  const scans = looked.flatMap((sql) => {
    const parameters = Array.from(sql.matchAll(/\?/g), () => null);
    const plan = database.prepare<unknown[], { detail: string }>(`explain query plan ${sql}`).all(...parameters);
    return plan
      .filter(({ detail }) => new RegExp(`^SCAN (${LARGE.join('|')})$`).test(detail))
      .map(({ detail }) => `${detail}: ${sql}`);
  });
  const others = scans.filter((scan) => !ALL_NODES.some((known) => known.test(scan.replaceAll(/\s+/g, ' '))));
  expect(others.filter((scan) => !ONCE_A_DAY.some((known) => scan.includes(known)))).toEqual([]);
});
