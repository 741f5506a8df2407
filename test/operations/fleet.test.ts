import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../server/adapters/sqlite/store.ts';
import { type Fleet, openFleet } from '../../server/operations/fleet.ts';
import { openJournal } from '../../server/operations/journal.ts';
import { at, digest, host, poll, report, tag } from '../adapters/store-samples.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { quiet } from '../rig/server.ts';

async function hostnames(fleet: Fleet): Promise<string[]> {
  const found: string[] = [];
  for await (const page of fleet.pages()) found.push(...page.map((row) => row.hostname));
  return found;
}

test('who has not asked for long is forgotten in memory too, and who has stays', async () => {
  const store = await openStore(join(await disposableDirectory(), 'history.sqlite'));
  onTestFinished(() => store.close());
  const journal = openJournal({ store, log: quiet, onTrouble: () => undefined });
  const fleet = await openFleet({ store, journal, mostNodes: () => 10, onHandedOut: () => undefined });
  for (const [name, seconds] of [
    ['gone', 0],
    ['there', 60],
  ] as const)
    fleet.note(poll(name, seconds));
  fleet.forget(at(60));
  expect(fleet.recent(0).map((row) => row.hostname)).toEqual([host('there')]);
  expect(fleet.told(host('gone'))).toBeUndefined();
  await fleet.flush();
  expect(await hostnames(fleet)).toEqual([host('gone'), host('there')]);
});

test('those are known that hold because a program failed, until they are told something else or forgotten', async () => {
  const store = await openStore(join(await disposableDirectory(), 'history.sqlite'));
  onTestFinished(() => store.close());
  const journal = openJournal({ store, log: quiet, onTrouble: () => undefined });
  const open = () => openFleet({ store, journal, mostNodes: () => 10, onHandedOut: () => undefined });
  const names = (one: Fleet): string[] => [...one.failedBy('nodetagger')].map((seat) => seat.hostname);
  const fleet = await open();
  const { told } = poll('one', 0);
  const failed = { ...told, outcome: 'hold', tag: null, digest: null, hold: 'nodetagger-failed' } as const;
  for (const name of ['one', 'two', 'three']) fleet.note({ ...poll(name, 0), told: failed });
  fleet.note(poll('four', 0));
  expect(names(fleet)).toEqual(['one', 'two', 'three'].map(host));
  await fleet.flush();
  expect(names(await open()).sort()).toEqual(['one', 'three', 'two'].map(host));
  fleet.note(poll('one', 1));
  fleet.note({ ...poll('two', 60), told: failed });
  fleet.forget(at(60));
  expect(names(fleet)).toEqual([host('two')]);
  expect([...fleet.failedBy('nodegrouper')]).toEqual([]);
});

describe('more names than are remembered', () => {
  const REMEMBERED = 100;

  async function fleetOf(mostNodes: number) {
    const store = await openStore(join(await disposableDirectory(), 'history.sqlite'));
    onTestFinished(() => store.close());
    const journal = openJournal({ store, log: quiet, onTrouble: () => undefined });
    const fleet = await openFleet({ store, journal, mostNodes: () => mostNodes, onHandedOut: () => undefined });
    return { store, fleet };
  }

  test('take no more memory by what they were given, be it that there is no room for them', async () => {
    const { fleet } = await fleetOf(REMEMBERED);
    for (let number = 0; number < 1_000; number++) fleet.hand(host(`made-up${number}`), digest('a'), at(1));
    const kept = Array.from({ length: 1_000 }, (_, number) => fleet.handedAt(host(`made-up${number}`), digest('a')));
    expect(kept.filter((one) => one !== undefined)).toHaveLength(REMEMBERED);
    expect(kept.at(-1)).toBe(at(1));
  });

  test('make room for one another, in memory and in the store, and never push out a host that is known', async () => {
    const { store, fleet } = await fleetOf(REMEMBERED);
    const known = Array.from({ length: 40 }, (_, number) => `known${number}`);
    for (const name of known) fleet.note(poll(name, 0));
    for (let number = 0; number < 20_000; number++) {
      fleet.note({ ...poll(`made-up${number}`, 1), running: null });
      if (number % 5_000 === 0) await fleet.flush();
    }
    await fleet.flush();
    const names = [...fleet.seats()].map((seat) => seat.hostname);
    expect(names.length).toBe(REMEMBERED);
    expect(names).toEqual(expect.arrayContaining(known.map(host)));
    expect(names).toContain(host('made-up19999'));
    expect((await store.nodes()).length).toBe(REMEMBERED);
    expect(fleet.turnedAway()).toBe(0);
  });

  test('are turned away where all that are remembered are known, and what is known of those stays', async () => {
    const { fleet } = await fleetOf(3);
    for (const name of ['one', 'two', 'three']) fleet.note(poll(name, 0));
    expect(fleet.note(poll('four', 1))).toBe(true);
    expect(fleet.seat(host('four'))).toBeUndefined();
    expect(fleet.turnedAway()).toBe(1);
    fleet.note(poll('one', 2));
    expect(fleet.seat(host('one'))?.lastSeen).toBe(at(2));
  });

  test('of two that were never known, the one that asked longest ago goes', async () => {
    const { fleet } = await fleetOf(2);
    for (const [name, seconds] of [
      ['one', 0],
      ['two', 1],
    ] as const)
      fleet.note({ ...poll(name, seconds), running: null });
    await fleet.flush();
    fleet.note({ ...poll('one', 2), running: null });
    fleet.note({ ...poll('three', 3), running: null });
    expect([...fleet.seats()].map((seat) => seat.hostname).sort()).toEqual([host('one'), host('three')]);
  });

  test('one that had to go and came back at once is in the store', async () => {
    const { store, fleet } = await fleetOf(1);
    for (const name of ['one', 'two', 'one']) fleet.note({ ...poll(name, 0), running: null });
    await fleet.flush();
    expect((await store.nodes()).map((row) => row.hostname)).toEqual([host('one')]);
  });

  test('a report makes a host known', async () => {
    const { fleet } = await fleetOf(2);
    fleet.note({ ...poll('one', 0), running: null });
    fleet.noteReport(host('one'), report('run-00000001'), at(0));
    for (const name of ['two', 'three', 'four']) fleet.note({ ...poll(name, 1), running: null });
    expect([...fleet.seats()].map((seat) => seat.hostname)).toEqual([host('one'), host('four')]);
  });
});

test('what nodes are told is counted by what they were told last', async () => {
  const store = await openStore(join(await disposableDirectory(), 'history.sqlite'));
  onTestFinished(() => store.close());
  const journal = openJournal({ store, log: quiet, onTrouble: () => undefined });
  const open = () => openFleet({ store, journal, mostNodes: () => 1000, onHandedOut: () => undefined });
  const fleet = await open();
  for (let number = 0; number < 30; number++) fleet.note(poll(`web${number}`, 0));
  for (let number = 0; number < 10; number++) fleet.note(poll(`web${number}`, 1, { tag: tag('07') }));
  fleet.note(poll('web0', 2));
  fleet.forget(0);
  const counts = (of: typeof fleet) => ['07', '08'].map((hour) => of.countTold((told) => told.tag === tag(hour)));
  expect(counts(fleet)).toEqual([9, 21]);
  await fleet.flush();
  const again = await open();
  expect(counts(again)).toEqual([9, 21]);
  expect(new Set([...again.seats()].map((seat) => seat.told)).size).toBeLessThanOrEqual(3);
});

test('of what was told between two flushes everything is recorded, and of the rest the last time only', async () => {
  const store = await openStore(join(await disposableDirectory(), 'history.sqlite'));
  onTestFinished(() => store.close());
  const handed: [string, number][] = [];
  const fleet = await openFleet({
    store,
    journal: openJournal({ store, log: quiet, onTrouble: () => undefined }),
    mostNodes: () => 10,
    onHandedOut: (digest, when) => handed.push([digest, when]),
  });
  fleet.note(poll('web1', 0));
  fleet.note(poll('web1', 1, { tag: tag('07') }));
  for (let seconds = 2; seconds < 100; seconds++) fleet.note(poll('web1', seconds, { tag: tag('07') }));
  await fleet.flush();
  const events = await store.events({ kinds: ['assignment'], order: 'oldest', limit: 10 });
  expect(events.map(({ at: when, after }) => [when, after?.split(' ')[1]])).toEqual([
    [at(0), tag('08')],
    [at(1), tag('07')],
  ]);
  expect((await store.node(host('web1')))?.lastSeen).toBe(at(99));
  expect(handed).toEqual([[digest('a'), at(99)]]);
});

test('each poll counts once, in however many lots they are written, and what cannot be written yet takes no more room', async () => {
  const directory = join(await disposableDirectory(), 'state');
  await mkdir(directory);
  const store = await openStore(join(directory, 'history.sqlite'));
  onTestFinished(() => store.close());
  const journal = openJournal({ store, log: quiet, onTrouble: () => undefined });
  const fleet = await openFleet({ store, journal, mostNodes: () => 5000, onHandedOut: () => undefined });
  const names = Array.from({ length: 2500 }, (_, index) => `web${index}`);
  const askAll = (seconds: number) => {
    for (const name of names) fleet.note(poll(name, seconds));
  };
  askAll(0);
  await fleet.flush();
  await rename(directory, `${directory}.away`);
  await writeFile(directory, 'in its place');
  for (const seconds of [60, 120, 180]) {
    askAll(seconds);
    await fleet.flush();
  }
  await rm(directory);
  await rename(`${directory}.away`, directory);
  fleet.note({ ...poll('web0', 240), count: 5 });
  await fleet.flush();
  const rows = await store.nodes();
  expect(rows.map((row) => row.polls)).toEqual(rows.map(({ hostname }) => (hostname === host('web0') ? 9 : 4)));
  expect(rows.map((row) => row.lastSeen)).toEqual(
    rows.map(({ hostname }) => at(hostname === host('web0') ? 240 : 180)),
  );
});
