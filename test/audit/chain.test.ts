import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type Database from 'better-sqlite3';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { openStoreForReading } from '../../server/adapters/sqlite/store.ts';
import type { EventKind, StoredEvent } from '../../server/core/event.ts';
import { copyOf, historyOf, lookAt, openHistory, tamper } from './history.ts';
import { AT, event } from './sample.ts';

const KINDS: readonly EventKind[] = [
  'mark',
  'report',
  'kill',
  'fetch',
  'resume',
  'pin',
  'assignment',
  'setting',
  'token',
  'report',
  'refusal',
  'login',
];
const CHAINED = KINDS.flatMap((kind, index) => (['report', 'fetch', 'assignment'].includes(kind) ? [] : [index + 1]));
const COLUMNS = ['at', 'kind', 'by', 'from', 'subject', 'before', 'after', 'why', 'summary', 'hash', 'id'] as const;

const row = fc.constantFrom(...CHAINED);
const edited = fc.record({
  what: fc.constant('edit'),
  id: row,
  column: fc.constantFrom(...COLUMNS),
  value: fc.string(),
});
const removed = fc.record({ what: fc.constant('remove'), ids: fc.uniqueArray(row, { minLength: 1 }) });
const swapped = fc.record({ what: fc.constant('swap'), ids: fc.uniqueArray(row, { minLength: 2, maxLength: 2 }) });
const inserted = fc.record({
  what: fc.constant('insert'),
  id: fc.integer({ min: -3, max: 40 }),
  like: row,
  hashed: fc.boolean(),
});
const hidden = fc.record({ what: fc.constant('hide'), id: row });
const meddling = fc.oneof(edited, removed, swapped, inserted, hidden);
type Meddling = typeof meddling extends fc.Arbitrary<infer Value> ? Value : never;

/** False where what it asks for changes nothing. */
function meddle(database: Database.Database, meddling: Meddling): boolean {
  if ('column' in meddling) return edit(database, meddling);
  if ('like' in meddling) return insert(database, meddling);
  if ('ids' in meddling && meddling.what === 'swap') return swap(database, meddling.ids);
  if ('ids' in meddling) {
    for (const id of meddling.ids) database.prepare('delete from events where id = ?').run(id);
    return true;
  }
  return database.prepare(`update events set kind = 'report', hash = null where id = ?`).run(meddling.id).changes === 1;
}

function edit(
  database: Database.Database,
  { id, column, value }: { id: number; column: string; value: string },
): boolean {
  const before = database.prepare(`select "${column}" as value from events where id = ?`).get(id) as { value: unknown };
  const next = column === 'at' || column === 'id' ? 1000 + value.length : value;
  if (before.value === next) return false;
  return database.prepare(`update events set "${column}" = ? where id = ?`).run(next, id).changes === 1;
}

function swap(database: Database.Database, [a, b]: readonly number[]): boolean {
  const move = database.prepare('update events set id = ? where id = ?');
  for (const [to, from] of [
    [999, a],
    [a, b],
    [b, 999],
  ])
    move.run(to, from);
  return true;
}

function insert(
  database: Database.Database,
  { id, like, hashed }: { id: number; like: number; hashed: boolean },
): boolean {
  const taken = database.prepare('select 1 from events where id = ?').get(id);
  if (taken !== undefined) return false;
  const columns = 'at, kind, by, "from", subject, before, after, why, summary';
  const hash = hashed ? 'hash' : 'null';
  database
    .prepare(`insert into events (id, ${columns}, hash) select ?, ${columns}, ${hash} from events where id = ?`)
    .run(id, like);
  return true;
}

let whole = '';
beforeAll(async () => {
  whole = await historyOf(KINDS);
  return () => rm(dirname(whole), { recursive: true, force: true });
});

describe('the chain of events', () => {
  test('is whole as it was recorded, and what is not chained is counted', async () => {
    const look = await lookAt(whole);
    expect(look).toMatchObject({ chained: CHAINED.length, apart: 4, flawCount: 0, flaws: [], droppedUpTo: null });
    expect(look.first).toEqual({ id: 1, at: AT });
    expect(look.head).toMatchObject({ id: 12, hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  });

  test('any event that was edited, taken away, moved, put in or made one of another kind is found', async () => {
    await fc.assert(
      fc.asyncProperty(meddling, async (how) => {
        const copy = await copyOf(whole);
        let hasChanged = false;
        tamper(copy, (database) => {
          hasChanged = meddle(database, how);
        });
        fc.pre(hasChanged);
        const { flawCount } = await lookAt(copy);
        await rm(dirname(copy), { recursive: true });
        return flawCount > 0;
      }),
      { numRuns: 150 },
    );
  });

  test.each([
    ['the first', 1, 'event 3, the first, does not go on from the beginning'],
    ['one in the middle', 6, 'event 8 does not go on from event 5'],
    ['the last', 12, 'event 12 with the hash'],
  ])('without %s is told to be so, with where', async (_, id, said) => {
    const copy = await copyOf(whole);
    tamper(copy, (database) => database.prepare('delete from events where id = ?').run(id));
    expect((await lookAt(copy)).flaws).toEqual([expect.stringContaining(said)]);
  });

  test('that was made anew from some event on is found by a hash that was kept elsewhere, and only so', async () => {
    const kept = (await lookAt(whole)).head?.hash ?? '';
    const copy = await copyOf(whole);
    tamper(copy, (database) => database.exec('delete from events where id > 5'));
    await rm(join(dirname(copy), 'audit-head'));
    const { store } = await openHistory(copy);
    await store.addEvents([event(99)]);
    expect((await store.lookAtChain(undefined)).flawCount).toBe(0);
    expect((await store.lookAtChain(kept)).flaws).toEqual([
      expect.stringContaining(`the hash ${kept} is that of no event`),
    ]);
    expect((await lookAt(whole, kept)).flawCount).toBe(0);
  });

  test('is not believed without the file that names its end', async () => {
    const copy = await copyOf(whole);
    await rm(join(dirname(copy), 'audit-head'));
    expect((await lookAt(copy)).flaws).toEqual([expect.stringContaining('there is no audit-head')]);
  });

  test('can be looked at by somebody who may not write it', async () => {
    const store = await openStoreForReading(whole);
    expect((await store.lookAtChain(undefined)).flawCount).toBe(0);
    await store.close();
  });

  test('can be followed in an export with SHA-256 alone', async () => {
    const { store } = await openHistory(await copyOf(whole));
    const events = await store.events({ afterId: 0, order: 'oldest', limit: 100 });
    expect(followed(events.map(lineOf))).toEqual({ checked: CHAINED.length, isWhole: true });
    const forged = events.map((stored) => (stored.id === 6 ? { ...stored, by: 'mallory' } : stored));
    expect(followed(forged.map(lineOf)).isWhole).toBe(false);
  });

  test('holds text that is no Unicode as it will be read again', async () => {
    const { store } = await openHistory();
    await store.addEvents([{ ...event(1), by: 'half \ud800 a pair', after: '\udc00\u0000\ufeff' }]);
    expect(await store.lookAtChain(undefined)).toMatchObject({ chained: 1, flawCount: 0 });
  });
});

describe('the end of the chain, kept beside the history', () => {
  const end = async (file: string) => readFile(join(dirname(file), 'audit-head'), 'utf8');

  test('is where the last event is once it is recorded', async () => {
    const { file, store } = await openHistory();
    const [stored] = await store.addEvents([event(1), event(2, 'report')]);
    expect(await end(file)).toBe(`${stored?.id} ${stored?.hash}\n`);
    expect(await store.chainHead()).toEqual({ id: stored?.id, hash: stored?.hash });
  });

  test('stays as it is when events were cut off, also when others are added, and the trouble is told until it is taken away', async () => {
    const file = await copyOf(whole);
    const before = await end(file);
    tamper(file, (database) => database.exec('delete from events where id = 12'));
    const { store } = await openHistory(file);
    expect(store.trouble()).toContain('events are missing');
    await store.addEvents([event(20)]);
    expect(await end(file)).toBe(before);
    expect((await store.lookAtChain(undefined)).flawCount).toBe(1);
    await rm(join(dirname(file), 'audit-head'));
    await store.addEvents([event(21)]);
    expect([store.trouble(), (await store.lookAtChain(undefined)).flawCount]).toEqual([null, 0]);
  });

  test('shows that a whole history was replaced by a new one', async () => {
    const file = await copyOf(whole);
    await rm(file);
    const { store } = await openHistory(file);
    await store.addEvents([event(1)]);
    expect(store.trouble()).toContain('events are missing');
    expect((await store.lookAtChain(undefined)).flaws).toEqual([
      expect.stringContaining('which audit-head names, is not there'),
    ]);
  });

  test('that cannot be read counts as none', async () => {
    const file = await copyOf(whole);
    await writeFile(join(dirname(file), 'audit-head'), 'nonsense');
    expect((await lookAt(file)).flawCount).toBe(1);
  });
});

describe('dropping what is too old', () => {
  const never = { reports: 0, nodes: 0, runs: 0 };

  test('leaves a chain that can be followed, and an event that says up to where', async () => {
    const file = await copyOf(whole);
    const kept = (await lookAt(file)).head?.hash ?? '';
    const { store } = await openHistory(file);
    const before = await store.events({ order: 'oldest', limit: 100 });
    await store.prune({ ...never, at: AT + 3_600_000, events: AT + 5000 });
    const look = await store.lookAtChain(kept);
    expect(look).toMatchObject({ flawCount: 0, droppedUpTo: 5, first: { id: 6 } });
    const [told] = await store.events({ kinds: ['prune'], limit: 1 });
    const hash = before.find(({ id }) => id === 5)?.hash;
    expect(told).toMatchObject({ by: 'server', before: JSON.stringify({ id: 5, hash, events: 3 }), subject: 'events' });
    const all = await store.events({ afterId: 0, order: 'oldest', limit: 100 });
    expect(followed(all.map(lineOf)).isWhole).toBe(true);
    await store.prune({ ...never, at: AT + 7_200_000, events: AT + 60_000 });
    expect(await store.lookAtChain(undefined)).toMatchObject({ flawCount: 0, droppedUpTo: 12 });
    await store.prune({ ...never, at: AT + 7_200_000, events: AT + 10_800_000 });
    await store.addEvents([event(9999)]);
    expect((await store.lookAtChain(undefined)).flawCount).toBe(0);
    expect((await store.lookAtChain(kept)).flawCount).toBe(1);
  });

  test('takes no event before an older one that is young, though the clock was set back', async () => {
    const { store } = await openHistory();
    await store.addEvents([event(1), event(900), event(2), event(901)]);
    await store.prune({ ...never, at: AT + 3_600_000, events: AT + 100_000 });
    expect(
      (await store.events({ order: 'oldest', limit: 9, kinds: ['mark'] })).map(({ at }) => (at - AT) / 1000),
    ).toEqual([2, 900, 901]);
    expect((await store.lookAtChain(undefined)).flawCount).toBe(0);
  });

  test('hides nothing else: an event taken away afterwards is found', async () => {
    const file = await copyOf(whole);
    const { store } = await openHistory(file);
    await store.prune({ ...never, at: AT + 3_600_000, events: AT + 5000 });
    await store.close();
    tamper(file, (database) => database.exec('delete from events where id = 6'));
    expect((await lookAt(file)).flaws).toEqual([
      expect.stringContaining('event 8, the first, does not go on from event 5'),
    ]);
  });
});

/** As an export is documented: the hash is the last key of each line. */
function lineOf({ id, at, kind, by, from, subject, before, after, why, summary, hash }: StoredEvent): string {
  return JSON.stringify({ id, at, kind, by, from, subject, before, after, why, summary, hash });
}

/** What the documentation says about checking an export, done with nothing but SHA-256. */
function followed(lines: readonly string[]): { checked: number; isWhole: boolean } {
  const start = lines.map((line) => JSON.parse(line)).findLast(({ kind }) => kind === 'prune');
  let { id: after, hash: previous } = start === undefined ? { id: 0, hash: '0'.repeat(64) } : JSON.parse(start.before);
  let checked = 0;
  let isWhole = true;
  for (const line of lines) {
    const [, body, hash] = /^(.*),"hash":"([0-9a-f]{64})"\}$/s.exec(line) ?? [];
    if (hash === undefined || JSON.parse(line).id <= after) continue;
    isWhole &&= createHash('sha256').update(`${previous}${body}}`).digest('hex') === hash;
    previous = hash;
    after = JSON.parse(line).id;
    checked += 1;
  }
  return { checked, isWhole };
}
