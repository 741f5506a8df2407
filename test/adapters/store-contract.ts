import { describe, expect, onTestFinished, test } from 'vitest';
import type { Report } from '../../protocol/assignment.ts';
import type { TagName } from '../../protocol/names.ts';
import type { NodeFilter, Poll, Store } from '../../server/ports/store.ts';
import { at, digest, event, host, poll, record, report, tag, told } from './store-samples.ts';

/** What every adapter of the store must do. `open` answers an empty one of its own. */
export function storeContract(name: string, open: () => Promise<Store>): void {
  async function empty(): Promise<Store> {
    const store = await open();
    onTestFinished(() => store.close());
    return store;
  }

  describe(`${name}, as a store of nodes`, () => nodes(empty));
  describe(`${name}, as a store of assignments`, () => assignments(empty));
  describe(`${name}, as a store of reports`, () => reports(empty));
  describe(`${name}, as a store of what nodes experienced with tags`, () => runs(empty));
  describe(`${name}, as a store of events`, () => events(empty));
  describe(`${name}, as a store of control files`, () => controlFiles(empty));
  describe(`${name}, as a store of tags`, () => tags(empty));
  describe(`${name}, when it is pruned`, () => pruning(empty));
  describe(`${name}, on the whole`, () => whole(empty));
}

type Open = () => Promise<Store>;

function nodes(open: Open): void {
  test('an empty store knows no node', async () => {
    const store = await open();
    expect(await store.nodes()).toEqual([]);
    expect(await store.node(host('web1'))).toBeUndefined();
  });

  test('a node has what it was last told and runs, and when it was first and last seen', async () => {
    const store = await open();
    await store.recordPolls([poll('web1', 0)]);
    await store.recordPolls([{ ...poll('web1', 60), running: digest('b') }]);
    expect(await store.node(host('web1'))).toEqual({
      hostname: host('web1'),
      firstSeen: at(0),
      lastSeen: at(60),
      told: told(0),
      running: digest('b'),
      polls: 2,
      lastReport: null,
    });
  });

  test('polls are counted, also those that one stands for, and those of nodes that change and stay', async () => {
    const store = await open();
    await store.recordPolls([{ ...poll('web1', 0), count: 3 }, poll('web2', 0), poll('web2', 1, { tag: tag('09') })]);
    await store.recordPolls([
      { ...poll('web1', 60), count: 10 },
      { ...poll('web2', 7200), count: 0 },
    ]);
    await store.recordReport(host('web3'), report('run-00000001'), { at: at(0) });
    expect((await store.nodes()).map((node) => node.polls)).toEqual([13, 2, 0]);
  });

  test('nodes are read a page at a time, in their order', async () => {
    const store = await open();
    await store.recordPolls(['a', 'b', 'c', 'd', 'e'].map((name, index) => poll(name, index)));
    const page = async (query: Parameters<Store['nodes']>[0]) =>
      (await store.nodes(query)).map(({ hostname }) => hostname);
    expect(await page({ limit: 2 })).toEqual([host('a'), host('b')]);
    expect(await page({ after: host('b'), limit: 2 })).toEqual([host('c'), host('d')]);
    expect(await page({ after: host('d'), limit: 2 })).toEqual([host('e')]);
    expect(await page({ after: host('e') })).toEqual([]);
    expect(await page({ seenSince: at(2), limit: 2 })).toEqual([host('c'), host('d')]);
  });

  test('nodes are narrowed down by what they were told, their name, their last poll and their last report', async () => {
    const store = await open();
    const qa = { environment: 'qa', wave: 'qa+1h' };
    const said = (name: string, seconds: number, running: string, changes: Parameters<typeof poll>[2] = {}): Poll => ({
      ...poll(name, seconds, changes),
      running: digest(running),
    });
    await store.recordPolls([
      said('db1', 0, 'a', qa),
      said('db2', 60, 'b', qa),
      said('web1', 0, 'a'),
      { ...poll('web2', 60), running: null },
      said('web3', 60, 'b', { outcome: 'hold', tag: null, digest: null, hold: 'no-acceptable-tag' }),
    ]);
    const drifted = { count: 1, paths: ['etc/motd'] };
    await store.recordReport(host('db1'), report('run-00000001', { drifted }), { at: at(1) });
    await store.recordReport(host('web1'), report('run-00000002', { outcome: 'failed' }), { at: at(1) });
    await store.recordReport(host('web3'), report('run-00000003', { drifted: { count: 0, paths: [] } }), { at: at(1) });
    const found = async (filter: NodeFilter) =>
      (await store.nodes({ filter })).map(({ hostname }) => hostname.replace('.example', ''));
    expect(await found({})).toEqual(['db1', 'db2', 'web1', 'web2', 'web3']);
    expect(await found({ environment: 'qa' })).toEqual(['db1', 'db2']);
    expect(await found({ wave: 'production+4h' })).toEqual(['web1', 'web2', 'web3']);
    expect(await found({ name: '1.ex' })).toEqual(['db1', 'web1']);
    expect(await found({ name: 'w*2.*' })).toEqual(['web2']);
    expect(await found({ name: '%' })).toEqual([]);
    expect(await found({ name: 'web[12]*' })).toEqual([]);
    expect(await found({ name: '???1*' })).toEqual([]);
    expect(await found({ seenBefore: at(60) })).toEqual(['db1', 'web1']);
    expect(await found({ outcomes: ['failed', 'applied'] })).toEqual(['db1', 'web1', 'web3']);
    expect(await found({ outcomes: [null] })).toEqual(['db2', 'web2']);
    expect(await found({ outcomes: [null, 'failed'] })).toEqual(['db2', 'web1', 'web2']);
    expect(await found({ outcomes: [] })).toEqual([]);
    expect(await found({ drifted: true })).toEqual(['db1']);
    expect(await found({ unlikeTold: true })).toEqual(['db2', 'web2']);
    expect(await found({ environment: 'qa', name: 'b1', seenBefore: at(60), drifted: true })).toEqual(['db1']);
    const page = await store.nodes({ filter: { wave: 'production+4h' }, after: host('web1'), limit: 1 });
    expect(page.map(({ hostname }) => hostname)).toEqual([host('web2')]);
  });

  test('nodes are read as they stood at an instant: who had asked, what they had been told, ran and reported', async () => {
    const store = await open();
    await store.recordPolls([{ ...poll('web1', 0), running: digest('a') }, poll('web2', 0)]);
    await store.recordReport(host('web1'), report('run-00000001'), { at: at(1) });
    await store.recordReport(host('web4'), report('run-00000002', { outcome: 'failed' }), { at: at(2) });
    await store.recordPolls([{ ...poll('web1', 60, { tag: tag('09'), digest: digest('b') }), running: digest('b') }]);
    await store.recordReport(host('web1'), report('run-00000003', { outcome: 'failed' }), { at: at(61) });
    await store.recordPolls([poll('web3', 60)]);
    const then = { at: at(30), after: null, limit: 10 };
    const lastReport = { ...report('run-00000001'), receivedAt: at(1) };
    expect(await store.nodesAt(then)).toEqual([
      { hostname: host('web1'), firstSeen: at(0), told: told(0), toldAt: at(0), running: digest('a'), lastReport },
      { hostname: host('web2'), firstSeen: at(0), told: told(0), toldAt: at(0), running: null, lastReport: null },
      {
        hostname: host('web4'),
        firstSeen: at(2),
        told: null,
        toldAt: null,
        running: null,
        lastReport: { ...report('run-00000002', { outcome: 'failed' }), receivedAt: at(2) },
      },
    ]);
    expect(await store.nodesAt({ ...then, at: at(60), limit: 1 })).toMatchObject([
      { told: { tag: tag('09') }, running: digest('b'), lastReport: { runId: 'run-00000001' } },
    ]);
    const names = async (query: Partial<Parameters<Store['nodesAt']>[0]>) =>
      (await store.nodesAt({ ...then, ...query })).map(({ hostname }) => hostname);
    expect(await names({ after: host('web1'), limit: 1 })).toEqual([host('web2')]);
    expect(await names({ name: 'b4' })).toEqual([host('web4')]);
    expect(await names({ at: at(-1) })).toEqual([]);
  });

  test('what a node was told is read back, newest first and with the instants of its polls', async () => {
    const store = await open();
    await store.recordPolls([poll('web1', 0)]);
    await store.recordPolls([poll('web1', 60)]);
    await store.recordPolls([{ ...poll('web1', 120, { tag: tag('09') }), told: told(90, { tag: tag('09') }) }]);
    expect(await store.toldHistory(host('web1'), 10)).toEqual([
      { ...told(90, { tag: tag('09') }), at: at(120) },
      told(0),
    ]);
    expect((await store.toldHistory(host('web1'), 1)).map((one) => one.tag)).toEqual([tag('09')]);
    expect(await store.toldHistory(host('web2'), 10)).toEqual([]);
  });

  test('nodes are sorted by hostname, whatever the order and number of their polls', async () => {
    const store = await open();
    await store.recordPolls([poll('web10', 1), poll('db-1', 2), poll('web1', 3), poll('db-1', 4), poll('db1', 5)]);
    expect((await store.nodes()).map(({ hostname, firstSeen, lastSeen }) => [hostname, firstSeen, lastSeen])).toEqual([
      [host('db-1'), at(2), at(4)],
      [host('db1'), at(5), at(5)],
      [host('web1'), at(3), at(3)],
      [host('web10'), at(1), at(1)],
    ]);
  });

  test('nodes not seen since an instant are left out when asked', async () => {
    const store = await open();
    await store.recordPolls([poll('old', 0), poll('new', 60)]);
    expect((await store.nodes({ seenSince: at(60) })).map((node) => node.hostname)).toEqual([host('new')]);
  });

  test('all nodes of a large fleet are there, once each, and in order', async () => {
    const store = await open();
    const names = Array.from({ length: 2500 }, (_, index) => `web${String(index).padStart(4, '0')}`);
    await store.recordPolls(names.map((name, index) => poll(name, index, { groups: [`rack${index % 7}`] })));
    const found = await store.nodes();
    expect(found.map((node) => node.hostname)).toEqual(names.map(host));
    expect(found[1500]?.told?.groups).toEqual(['rack2']);
  });

  test('a poll that comes later counts, also where the clock was set back', async () => {
    const store = await open();
    await store.recordPolls([poll('web1', 3600, { tag: tag('09') })]);
    await store.recordPolls([poll('web1', 60, { tag: tag('08') })]);
    const node = await store.node(host('web1'));
    expect([node?.lastSeen, node?.told?.tag]).toEqual([at(60), tag('08')]);
  });
}

function assignments(open: Open): void {
  const history = (store: Store) => store.events({ kinds: ['assignment'], limit: 100, order: 'oldest' });

  test('the first poll of a node is an assignment, with who, what and in which wave', async () => {
    const store = await open();
    await store.recordPolls([poll('web1', 0)]);
    expect(await history(store)).toEqual([
      {
        id: expect.any(Number),
        at: at(0),
        kind: 'assignment',
        by: 'server',
        from: null,
        subject: 'web1.example',
        before: null,
        after: `serve etchautotag-20261120-0800 ${digest('a')}`,
        why: null,
        summary: 'web1.example now gets etchautotag-20261120-0800 (production+4h)',
        hash: null,
      },
    ]);
  });

  test('a poll that is answered as before is no assignment, whatever its reasons and time', async () => {
    const store = await open();
    await store.recordPolls([poll('web1', 0)]);
    await store.recordPolls([poll('web1', 60), poll('web1', 61, { reasons: ['another way to the same tag'] })]);
    expect(await history(store)).toHaveLength(1);
    expect((await store.node(host('web1')))?.told).toEqual(told(0));
  });

  const differences: [string, Partial<Poll['told']>][] = [
    ['outcome', { outcome: 'killswitch', tag: null, digest: null, message: 'stop' }],
    ['tag', { tag: tag('09') }],
    ['digest', { digest: digest('b') }],
    ['hold', { outcome: 'hold', tag: null, digest: null, hold: 'no-acceptable-tag' }],
    ['environment', { environment: 'staging' }],
    ['wave', { wave: 'canary' }],
    ['groups', { groups: ['web'] }],
    ['message', { message: 'back at noon' }],
  ];
  test.each(differences)('a different %s is an assignment, which says from what to what', async (_, change) => {
    const store = await open();
    await store.recordPolls([poll('web1', 0)]);
    await store.recordPolls([poll('web1', 60, change)]);
    const [, second, ...more] = await history(store);
    expect(more).toEqual([]);
    expect(second?.at).toBe(at(60));
    expect(second?.before).not.toBe(second?.after);
    expect((await store.node(host('web1')))?.told).toEqual(told(60, change));
  });

  test('an assignment says a hold and a killswitch in words', async () => {
    const store = await open();
    const nothing = { tag: null, digest: null };
    await store.recordPolls([
      poll('web1', 0, { ...nothing, outcome: 'hold', hold: 'no-acceptable-tag' }),
      poll('web1', 1, { ...nothing, outcome: 'killswitch', message: 'stop\u001b[2J' }),
    ]);
    expect((await history(store)).map(({ before, after, summary }) => [before, after, summary])).toEqual([
      [null, 'hold no-acceptable-tag', 'web1.example now keeps what it has: no-acceptable-tag (production+4h)'],
      ['hold no-acceptable-tag', 'killswitch', 'web1.example is now stopped by the killswitch (production+4h)'],
    ]);
  });

  test('changes within one batch are all recorded, in their order', async () => {
    const store = await open();
    await store.recordPolls([
      poll('web1', 0),
      poll('web2', 0),
      poll('web1', 1, { tag: tag('09') }),
      poll('web1', 2, { tag: tag('08') }),
    ]);
    const found = (await history(store)).filter((stored) => stored.subject === 'web1.example');
    expect(found.map((stored) => stored.at)).toEqual([at(0), at(1), at(2)]);
    expect((await store.node(host('web1')))?.told?.at).toBe(at(2));
  });

  test('what a node had been told as of an instant is answered in full, and nothing before its first poll', async () => {
    const store = await open();
    const held = {
      outcome: 'hold',
      hold: 'no-trunk',
      tag: null,
      digest: null,
      reasons: ['nothing was fetched'],
    } as const;
    await store.recordPolls([poll('web1', 0), poll('web2', 5)]);
    await store.recordPolls([poll('web1', 60, held)]);
    await store.recordPolls([poll('web1', 120)]);
    expect(await store.toldAt(host('web1'), at(0) - 1)).toBeUndefined();
    expect(await store.toldAt(host('web1'), at(0))).toEqual(told(0));
    expect(await store.toldAt(host('web1'), at(60) - 1)).toEqual(told(0));
    expect(await store.toldAt(host('web1'), at(60))).toEqual(told(60, held));
    expect(await store.toldAt(host('web1'), at(9999))).toEqual(told(120));
    expect(await store.toldAt(host('web3'), at(9999))).toBeUndefined();
  });

  test('an answer that began before the poll keeps its own time, and counts from the poll on', async () => {
    const store = await open();
    await store.recordPolls([{ ...poll('web1', 60), told: told(30) }]);
    expect(await store.toldAt(host('web1'), at(59))).toBeUndefined();
    expect(await store.toldAt(host('web1'), at(60))).toEqual(told(30));
  });

  test('no polls are no work', async () => {
    const store = await open();
    await store.recordPolls([]);
    expect(await store.nodes()).toEqual([]);
  });
}

function reports(open: Open): void {
  const full = report('run-00000001', {
    outcome: 'failed',
    error: 'nginx -t:\nunexpected "}"',
    facts: { os: 'debian 12' },
    clientVersion: '0.1.0',
  });

  test('a report comes back as it was sent, newest first, with the instant at which it came', async () => {
    const store = await open();
    await store.recordReport(host('web1'), full, { at: at(0) });
    await store.recordReport(host('web1'), report('run-00000002', { error: null }), { at: at(60) });
    await store.recordReport(host('web2'), report('run-00000003'), { at: at(61) });
    expect(await store.reports(host('web1'), 10)).toEqual([
      { ...report('run-00000002', { error: null }), receivedAt: at(60) },
      { ...full, receivedAt: at(0) },
    ]);
    expect(await store.reports(host('web1'), 1)).toHaveLength(1);
    expect(await store.reports(host('web3'), 10)).toEqual([]);
  });

  test('the same run counts once, also when both reports of it come at once', async () => {
    const store = await open();
    const answers = await Promise.all([
      store.recordReport(host('web1'), full, { at: at(0) }),
      store.recordReport(host('web1'), full, { at: at(1) }),
    ]);
    expect(answers.toSorted()).toEqual(['known', 'new']);
    expect(await store.recordReport(host('web1'), report(full.runId), { at: at(60) })).toBe('known');
    expect(await store.reports(host('web1'), 10)).toEqual([{ ...full, receivedAt: at(0) }]);
  });

  test('runs of two hosts are two runs, though they have the same id', async () => {
    const store = await open();
    expect(await store.recordReport(host('web1'), full, { at: at(0) })).toBe('new');
    expect(await store.recordReport(host('web2'), full, { at: at(0) })).toBe('new');
  });

  test('a node has its last report', async () => {
    const store = await open();
    await store.recordPolls([poll('web1', 0)]);
    await store.recordReport(host('web1'), full, { at: at(1) });
    await store.recordReport(host('web1'), report('run-00000002'), { at: at(2) });
    await store.recordPolls([poll('web1', 3)]);
    const expected = { ...report('run-00000002'), receivedAt: at(2) };
    expect((await store.node(host('web1')))?.lastReport).toEqual(expected);
    expect((await store.nodes())[0]?.lastReport).toEqual(expected);
  });

  test('a report of a host that never polled makes it known; one of a host that did is no poll', async () => {
    const store = await open();
    await store.recordPolls([poll('web1', 0)]);
    await store.recordReport(host('web1'), full, { at: at(60) });
    await store.recordReport(host('web2'), full, { at: at(60) });
    const [first, second] = await store.nodes();
    expect([first?.firstSeen, first?.lastSeen]).toEqual([at(0), at(0)]);
    expect([second?.firstSeen, second?.lastSeen, second?.told]).toEqual([at(60), at(60), null]);
    await store.recordPolls([poll('web2', 90)]);
    expect(await store.node(host('web2'))).toMatchObject({
      firstSeen: at(60),
      lastSeen: at(90),
      told: told(90),
    });
  });
}

function runs(open: Open): void {
  const runs = (name: string, seconds: number, changes: Partial<Poll['told']> = {}): Poll => {
    const polled = poll(name, seconds, changes);
    return { ...polled, running: polled.told.digest };
  };
  let nth = 0;
  const say = (store: Store, name: string, outcome: Report['outcome'], changes: Partial<Saying> = {}) => {
    const { seconds = 0, countsIn = 'qa', of = tag('08') } = changes;
    nth += 1;
    const said = report(`run-${String(nth).padStart(8, '0')}`, { outcome, tag: of });
    return store.recordReport(host(name), said, { at: at(seconds), countsIn });
  };
  const counts = async (store: Store, hour: string) =>
    (await store.tagFailures(tag(hour))).map(({ wave, failed, rolledBack }) => [wave, failed, rolledBack]);

  test('a tag that nobody ran or failed has none of either', async () => {
    const store = await open();
    expect(await store.tagRuns(tag('08'), at(0))).toEqual([]);
    expect(await store.tagFailures(tag('08'))).toEqual([]);
  });

  test('a node runs a tag from the poll that says so on; being told it is not enough', async () => {
    const store = await open();
    await store.recordPolls([poll('web1', 0), poll('web2', 0)]);
    expect(await store.tagRuns(tag('08'), at(0))).toEqual([]);
    await store.recordPolls([runs('web1', 300)]);
    await store.recordPolls([runs('web1', 600), runs('web3', 900, { wave: 'qa' })]);
    expect(await store.tagRuns(tag('08'), at(1000))).toEqual([
      { wave: 'production+4h', nodes: 1, milliseconds: 700_000 },
      { wave: 'qa', nodes: 1, milliseconds: 100_000 },
    ]);
  });

  test('a node that moves on has run a tag for as long as it had its content, whatever later tags have the same', async () => {
    const store = await open();
    const [same, next] = [{ tag: tag('09') }, { tag: tag('10'), digest: digest('b') }];
    await store.recordPolls([runs('web1', 0)]);
    await store.recordPolls([runs('web1', 3600, same)]);
    await store.recordPolls([{ ...runs('web1', 7200, next), running: digest('a') }]);
    await store.recordPolls([runs('web1', 7500, next)]);
    await store.recordPolls([runs('web1', 7800, next)]);
    const seconds = async (hour: string) => (await store.tagRuns(tag(hour), at(9000)))[0]?.milliseconds ?? 0;
    expect([await seconds('08'), await seconds('09'), await seconds('10')]).toEqual([7_500_000, 3_900_000, 1_500_000]);
  });

  test('a node that comes back to a tag counts once, and one that does not say what it runs goes on as before', async () => {
    const store = await open();
    await store.recordPolls([runs('web1', 0)]);
    await store.recordPolls([runs('web1', 60, { tag: tag('09'), digest: digest('b') })]);
    await store.recordPolls([runs('web1', 120)]);
    expect(await store.tagRuns(tag('08'), at(600))).toEqual([
      { wave: 'production+4h', nodes: 1, milliseconds: 60_000 },
    ]);
    await store.recordPolls([{ ...poll('web1', 180), running: null }]);
    expect(await store.tagRuns(tag('09'), at(600))).toEqual([
      { wave: 'production+4h', nodes: 1, milliseconds: 60_000 },
    ]);
  });

  test('trunk, a hold and the killswitch are no runs', async () => {
    const store = await open();
    const nothing = { tag: null, digest: null };
    await store.recordPolls([
      runs('web1', 0, { tag: 'trunk' }),
      runs('web2', 0, { ...nothing, outcome: 'hold', hold: 'no-acceptable-tag' }),
      runs('web3', 0, { ...nothing, outcome: 'killswitch', message: 'stop' }),
    ]);
    expect(await store.tagRuns(tag('08'), at(60))).toEqual([]);
  });

  test('failures count by tag, wave and what happened, a node once and by its last word', async () => {
    const store = await open();
    await say(store, 'qa1', 'failed', { seconds: 1 });
    await say(store, 'qa1', 'failed', { seconds: 2 });
    await say(store, 'qa2', 'failed', { seconds: 3 });
    await say(store, 'qa2', 'rolled-back', { seconds: 4 });
    await say(store, 'dev1', 'rolled-back', { countsIn: 'development' });
    await say(store, 'dev2', 'failed', { of: tag('09') });
    expect(await store.tagFailures(tag('08'))).toEqual([
      { wave: 'development', failed: 0, rolledBack: 1, first: [host('dev1')] },
      { wave: 'qa', failed: 1, rolledBack: 1, first: [host('qa1'), host('qa2')] },
    ]);
    expect(await counts(store, '09')).toEqual([['qa', 1, 0]]);
  });

  test('failures from an instant on count alone where that is asked for', async () => {
    const store = await open();
    await say(store, 'qa1', 'failed', { seconds: 1 });
    await say(store, 'qa2', 'failed', { seconds: 5 });
    expect(await store.tagFailures(tag('08'), at(5))).toEqual([
      { wave: 'qa', failed: 1, rolledBack: 0, first: [host('qa2')] },
    ]);
    expect(await store.tagFailures(tag('08'), at(6))).toEqual([]);
  });

  test('the first five of each wave that failed are named', async () => {
    const store = await open();
    for (const name of ['g', 'f', 'e', 'd', 'c', 'b', 'a']) await say(store, name, 'failed');
    await say(store, 'first', 'failed', { seconds: -1 });
    const [failures] = await store.tagFailures(tag('08'));
    expect([failures?.failed, failures?.first]).toEqual([8, ['first', 'a', 'b', 'c', 'd'].map(host)]);
  });

  test('that a node applied the tag after all takes it out again; of another tag it does not', async () => {
    const store = await open();
    await say(store, 'qa1', 'failed');
    await say(store, 'qa2', 'failed');
    await say(store, 'qa1', 'applied', { of: tag('09') });
    await say(store, 'qa2', 'unchanged');
    await say(store, 'qa2', 'refused');
    await say(store, 'qa2', 'disabled');
    expect(await counts(store, '08')).toEqual([['qa', 2, 0]]);
    await say(store, 'qa1', 'applied');
    expect(await counts(store, '08')).toEqual([['qa', 1, 0]]);
    await say(store, 'qa1', 'failed');
    expect(await counts(store, '08')).toEqual([['qa', 2, 0]]);
  });

  test('a report that counts nowhere, one of trunk or of no tag, and one that is known change no count', async () => {
    const store = await open();
    const known = report('run-of-before', { outcome: 'failed' });
    await store.recordReport(host('qa1'), known, { at: at(0) });
    await store.recordReport(host('qa1'), known, { at: at(0), countsIn: 'qa' });
    await store.recordReport(host('qa2'), report('run-of-trunk', { tag: 'trunk', outcome: 'failed' }), {
      at: at(0),
      countsIn: 'qa',
    });
    await store.recordReport(host('qa3'), report('run-of-none', { tag: null, outcome: 'failed' }), {
      at: at(0),
      countsIn: 'qa',
    });
    await say(store, 'qa4', 'applied');
    expect(await store.tagFailures(tag('08'))).toEqual([]);
  });

  test('a failure and a run of the same node and tag do not disturb each other', async () => {
    const store = await open();
    await say(store, 'web1', 'failed', { countsIn: 'production+4h' });
    await store.recordPolls([runs('web1', 60)]);
    await store.recordPolls([runs('web2', 60)]);
    await say(store, 'web2', 'rolled-back', { countsIn: 'production+4h', seconds: 90 });
    expect(await counts(store, '08')).toEqual([['production+4h', 1, 1]]);
    expect(await store.tagRuns(tag('08'), at(120))).toEqual([
      { wave: 'production+4h', nodes: 2, milliseconds: 120_000 },
    ]);
  });

  test('the runs of tags of earlier hours are dropped, and those of later ones stay', async () => {
    const store = await open();
    await store.recordPolls([runs('web1', 0), runs('web2', 0)]);
    await say(store, 'web3', 'failed', { of: tag('09') });
    await store.prune({ at: at(0), reports: 0, events: 0, nodes: 0, runs: at(3600) });
    expect(await store.tagRuns(tag('08'), at(60))).toEqual([]);
    expect(await counts(store, '09')).toEqual([['qa', 1, 0]]);
  });

  test('a large fleet that changes over at once is counted whole', async () => {
    const store = await open();
    const names = Array.from({ length: 1500 }, (_, index) => `web${index}`);
    await store.recordPolls(names.map((name) => runs(name, 0)));
    await store.recordPolls(names.map((name) => runs(name, 100, { tag: tag('09'), digest: digest('b') })));
    const [before, after] = [await store.tagRuns(tag('08'), at(200)), await store.tagRuns(tag('09'), at(200))];
    expect([before[0]?.milliseconds, after[0]?.milliseconds, after[0]?.nodes]).toEqual([1.5e8, 1.5e8, 1500]);
  });
}

interface Saying {
  readonly seconds: number;
  readonly countsIn: string | null;
  readonly of: TagName;
}

function events(open: Open): void {
  const summaries = (found: readonly { summary: string }[]) => found.map((stored) => stored.summary);

  test('stored events come back with ids that grow', async () => {
    const store = await open();
    const given = [event(0, { before: 'x', after: 'y\n', by: 'file owner alice' }), event(1, { kind: 'server' })];
    const stored = await store.addEvents(given);
    expect(stored.map(({ id, hash, ...rest }) => rest)).toEqual(given);
    const [later] = await store.addEvents([event(2)]);
    expect(stored[0]?.id).toBeLessThan(stored[1]?.id ?? 0);
    expect(stored[1]?.id).toBeLessThan(later?.id ?? 0);
    expect(await store.events({ limit: 2, order: 'oldest' })).toEqual(stored);
  });

  test('the newest come first unless the oldest are asked for, and never more than the limit', async () => {
    const store = await open();
    await store.addEvents([event(1), event(3), event(2)]);
    expect(summaries(await store.events({ limit: 10 }))).toEqual(['at 3', 'at 2', 'at 1']);
    expect(summaries(await store.events({ limit: 10, order: 'oldest' }))).toEqual(['at 1', 'at 2', 'at 3']);
    expect(summaries(await store.events({ limit: 1 }))).toEqual(['at 3']);
  });

  test('kinds, subject and a span of time, ends included, narrow them down', async () => {
    const store = await open();
    await store.addEvents([
      event(1, { kind: 'server' }),
      event(2, { kind: 'problem-raised', subject: 'nodes.yml:gone' }),
      event(3, { kind: 'problem-cleared', subject: 'nodes.yml:gone' }),
      event(4, { kind: 'problem-raised', subject: 'fetch' }),
      event(5),
    ]);
    const problems = ['problem-raised', 'problem-cleared'] as const;
    expect(summaries(await store.events({ kinds: problems, limit: 10 }))).toEqual(['at 4', 'at 3', 'at 2']);
    expect(summaries(await store.events({ kinds: problems, limit: 2, order: 'oldest' }))).toEqual(['at 2', 'at 3']);
    expect(summaries(await store.events({ kinds: ['problem-raised'], limit: 1 }))).toEqual(['at 4']);
    expect(await store.events({ kinds: [], limit: 10 })).toEqual([]);
    expect(summaries(await store.events({ subject: 'nodes.yml:gone', limit: 10 }))).toEqual(['at 3', 'at 2']);
    const cleared = { subject: 'nodes.yml:gone', kinds: ['problem-cleared', 'server'], limit: 10 } as const;
    expect(summaries(await store.events(cleared))).toEqual(['at 3']);
    expect(summaries(await store.events({ since: at(2), until: at(4), limit: 10 }))).toEqual(['at 4', 'at 3', 'at 2']);
  });

  test('none is missed by one who asks for those after the last seen, though the clock was set back', async () => {
    const store = await open();
    const [seen] = await store.addEvents([event(100)]);
    await store.addEvents([event(50), event(20, { kind: 'server' }), event(70)]);
    const after = { afterId: seen?.id ?? 0, order: 'oldest', limit: 10 } as const;
    expect(summaries(await store.events(after))).toEqual(['at 50', 'at 20', 'at 70']);
    expect(summaries(await store.events({ ...after, kinds: ['fetch'] }))).toEqual(['at 50', 'at 70']);
    expect(summaries(await store.events({ ...after, kinds: ['fetch'], subject: 'x' }))).toEqual([]);
  });

  test('calls made at once are recorded in the order in which they were made', async () => {
    const store = await open();
    await Promise.all(Array.from({ length: 50 }, (_, index) => store.addEvents([event(index)])));
    const found = await store.events({ afterId: 0, order: 'oldest', limit: 100 });
    expect(summaries(found)).toEqual(Array.from({ length: 50 }, (_, index) => `at ${index}`));
  });
}

function controlFiles(open: Open): void {
  const change = (seconds: number, text: string | null, quiet?: boolean) => ({
    file: 'tagstate',
    at: at(seconds),
    by: 'file owner alice',
    from: 'file',
    why: null,
    text,
    ...(quiet === undefined ? {} : { quiet }),
  });
  const changes = async (store: Store) =>
    (await store.events({ kinds: ['mark'], order: 'oldest', limit: 100 })).map((stored) => stored.summary);

  test('the text as of an instant is answered: absent is not the same as never recorded', async () => {
    const store = await open();
    await store.recordControl(change(10, null));
    await store.recordControl(change(20, 'a bad\n'));
    await store.recordControl(change(30, ''));
    await store.recordControl(change(40, 'a bad\n'));
    const texts = [9, 10, 20, 30, 39, 40, 99].map((seconds) => store.controlAt('tagstate', at(seconds)));
    expect(await Promise.all(texts)).toEqual([undefined, null, 'a bad\n', '', '', 'a bad\n', 'a bad\n']);
    expect(await store.controlAt('pins', at(99))).toBeUndefined();
  });

  test('the same text again is nothing, and a different one is an event that shows the lines', async () => {
    const store = await open();
    const lines = Array.from({ length: 100 }, (_, index) => `# line ${index}`);
    expect(await store.recordControl(change(0, lines.join('\n')))).toBe(true);
    expect(await store.recordControl(change(1, lines.join('\n')))).toBe(false);
    expect(await store.recordControl(change(2, lines.with(50, 'a bad').toSpliced(51, 0, 'b bad').join('\n')))).toBe(
      true,
    );
    const [found] = await store.events({ kinds: ['mark'], limit: 1 });
    expect(found).toMatchObject({
      at: at(2),
      by: 'file owner alice',
      subject: 'tagstate',
      before: '# line 50',
      after: 'a bad\nb bad',
      summary: 'tagstate: 2 lines added, 1 line removed',
    });
  });

  test('that a file comes and goes is told; that one was never there is not', async () => {
    const store = await open();
    expect(await store.recordControl(change(0, null))).toBe(true);
    expect(await store.recordControl(change(1, null))).toBe(false);
    await store.recordControl(change(2, 'a\nb\n'));
    await store.recordControl(change(3, 'b\na\n'));
    await store.recordControl(change(4, null));
    await store.recordControl(change(5, ''));
    expect(await changes(store)).toEqual([
      'tagstate was created (2 lines)',
      'tagstate: only the order of its lines, or its last line end, changed',
      'tagstate was removed (it had 2 lines)',
      'tagstate was created (0 lines)',
    ]);
  });

  test('a quiet version is kept without an event', async () => {
    const store = await open();
    expect(await store.recordControl(change(0, 'a', true))).toBe(true);
    expect(await changes(store)).toEqual([]);
    expect(await store.controlAt('tagstate', at(0))).toBe('a');
  });

  test('an event of a large change is cut, and the version is whole', async () => {
    const store = await open();
    const text = 'web1.example: [web]\n'.repeat(50_000);
    await store.recordControl({ ...change(0, text), file: 'nodes.yml' });
    const [found] = await store.events({ limit: 1 });
    expect(found?.after?.length).toBeLessThan(40_000);
    expect(found?.after).toMatch(/… \(\d+ more characters; sha256 of all: [0-9a-f]{64}\)$/);
    expect(await store.controlAt('nodes.yml', at(0))).toBe(text);
  });
}

function tags(open: Open): void {
  test('a tag exists from its creation until it is pruned', async () => {
    const store = await open();
    await store.copyTags([record('09'), record('08'), record('10')]);
    await store.markPruned([tag('08'), tag('11')], at(5 * 3600));
    const names = async (seconds: number) => (await store.tagsAt(at(seconds))).map((found) => found.name);
    expect(await names(-1)).toEqual([]);
    expect(await names(3600)).toEqual([tag('08'), tag('09')]);
    expect(await names(5 * 3600 - 1)).toEqual([tag('08'), tag('09'), tag('10')]);
    expect(await names(5 * 3600)).toEqual([tag('09'), tag('10')]);
  });

  test('copying again changes what is known of a tag, not that it was pruned, nor when', async () => {
    const store = await open();
    await store.copyTags([record('08'), record('09')]);
    await store.markPruned([tag('08')], at(60));
    await store.markPruned([tag('08')], at(90));
    await store.copyTags([record('08'), record('09', { broken: 'holds a submodule' })]);
    expect(await store.tagsAt(at(59))).toEqual([record('08')]);
    expect(await store.tagsAt(at(60))).toEqual([]);
    expect(await store.tagsAt(at(3600))).toEqual([record('09', { broken: 'holds a submodule' })]);
  });
}

function pruning(open: Open): void {
  const never = { at: at(0), reports: 0, events: 0, nodes: 0, runs: 0 };

  test('older reports go, and a node without any left stays', async () => {
    const store = await open();
    await store.recordPolls([poll('web1', 0), poll('web2', 0)]);
    await store.recordReport(host('web1'), report('run-00000001'), { at: at(0) });
    await store.recordReport(host('web2'), report('run-00000002'), { at: at(0) });
    await store.recordReport(host('web2'), report('run-00000003'), { at: at(60) });
    await store.prune({ ...never, reports: at(60) });
    expect((await store.nodes()).map((node) => node.lastReport?.runId)).toEqual([undefined, 'run-00000003']);
    expect(await store.reports(host('web1'), 10)).toEqual([]);
    expect(await store.reports(host('web2'), 10)).toHaveLength(1);
  });

  test('older events go, many at a time, and their ids are not given again', async () => {
    const store = await open();
    await store.addEvents(Array.from({ length: 5000 }, (_, index) => event(index)));
    const [last] = await store.events({ limit: 1 });
    await store.prune({ ...never, events: at(4999) });
    expect((await store.events({ limit: 10 })).map((stored) => stored.at)).toEqual([at(4999)]);
    await store.prune({ ...never, events: at(9999) });
    const [next] = await store.addEvents([event(0)]);
    expect(next?.id).toBeGreaterThan(last?.id ?? 0);
  });

  test('the past can still be answered from the oldest instant kept on', async () => {
    const store = await open();
    for (const [seconds, hour] of [
      [0, '08'],
      [60, '09'],
      [120, '10'],
    ] as const) {
      await store.recordPolls([poll('web1', seconds, { tag: tag(hour) })]);
      await store.recordControl({ file: 'pins', at: at(seconds), by: 'x', from: null, why: null, text: hour });
    }
    await store.copyTags([record('08'), record('09')]);
    await store.markPruned([tag('08')], at(2 * 3600));
    await store.prune({ ...never, events: at(90) });
    expect(await store.toldAt(host('web1'), at(59))).toBeUndefined();
    expect((await store.toldAt(host('web1'), at(90)))?.tag).toBe(tag('09'));
    expect((await store.node(host('web1')))?.told?.tag).toBe(tag('10'));
    expect(await store.controlAt('pins', at(59))).toBeUndefined();
    expect(await store.controlAt('pins', at(90))).toBe('09');
    expect(await store.controlAt('pins', at(120))).toBe('10');
    await store.prune({ ...never, events: at(3 * 3600) });
    expect((await store.toldAt(host('web1'), at(3 * 3600)))?.tag).toBe(tag('10'));
    expect(await store.controlAt('pins', at(3 * 3600))).toBe('10');
    expect((await store.tagsAt(at(3600))).map((found) => found.name)).toEqual([tag('09')]);
  });

  test('nodes that were not seen since go, with what they were told, and may come back', async () => {
    const store = await open();
    await store.recordPolls([poll('web1', 0), poll('web2', 60)]);
    await store.prune({ ...never, events: at(60), nodes: at(60) });
    expect((await store.nodes()).map((node) => node.hostname)).toEqual([host('web2')]);
    expect(await store.toldAt(host('web1'), at(99))).toBeUndefined();
    await store.recordPolls([poll('web1', 120), poll('web2', 120)]);
    expect(await store.node(host('web1'))).toMatchObject({ firstSeen: at(120), told: told(120) });
    expect((await store.node(host('web2')))?.told).toEqual(told(60));
  });
}

function whole(open: Open): void {
  test('a store in good order can be written and has no trouble', async () => {
    const store = await open();
    await store.checkWritable();
    await store.checkWritable();
    expect(store.trouble()).toBeNull();
  });

  test('a batch of 10,000 polls is stored whole', async () => {
    const store = await open();
    const polls = Array.from({ length: 10_000 }, (_, index) => poll(`web${index}`, index));
    await store.recordPolls(polls);
    await store.recordPolls(polls.map((one) => ({ ...one, at: one.at + 60_000 })));
    expect(await store.nodes()).toHaveLength(10_000);
    expect(await store.events({ kinds: ['assignment'], limit: 20_000 })).toHaveLength(10_000);
  });

  test('a batch that cannot be stored whole is not stored at all, and harms no other call', async () => {
    const store = await open();
    const bad = poll('web2', 0, { wave: null as unknown as string });
    const [batch, other] = await Promise.allSettled([
      store.recordPolls([poll('web1', 0), bad]),
      store.addEvents([event(1)]),
    ]);
    expect([batch.status, other.status]).toEqual(['rejected', 'fulfilled']);
    expect(await store.nodes()).toEqual([]);
    expect((await store.events({ limit: 10 })).map((stored) => stored.at)).toEqual([at(1)]);
  });

  test('what was asked before closing is stored, and closing twice is once', async () => {
    const store = await open();
    const added = store.addEvents([event(1)]);
    await Promise.all([store.close(), store.close()]);
    await expect(added).resolves.toHaveLength(1);
    await expect(store.addEvents([event(2)])).rejects.toThrow('closed');
  });
}
