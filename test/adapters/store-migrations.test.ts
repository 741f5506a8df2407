import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { type Kysely, sql } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';
import { openForWriting } from '../../server/adapters/sqlite/connection.ts';
import { MIGRATIONS, type Migration, migrate, versionOf } from '../../server/adapters/sqlite/migrations.ts';
import type { Schema } from '../../server/adapters/sqlite/schema.ts';
import { openStore, openStoreForReading } from '../../server/adapters/sqlite/store.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { at, host, poll, record, report, tag, told } from './store-samples.ts';

const VERSION_1 = new URL('store-version-1.sql', import.meta.url);

async function emptyFile(): Promise<string> {
  return join(await disposableDirectory(), 'history.sqlite');
}

/** A file as the first release wrote it. */
async function version1(): Promise<string> {
  const file = await emptyFile();
  const database = new Database(file);
  database.exec(await readFile(VERSION_1, 'utf8'));
  database.close();
  return file;
}

function schemaOf(file: string): unknown[] {
  const database = new Database(file, { readonly: true });
  const rows = database.prepare('select type, name, sql from sqlite_master where sql is not null order by 1, 2').all();
  database.close();
  return rows;
}

async function connected(file: string): Promise<Kysely<Schema>> {
  const { db, close } = await openForWriting(file);
  onTestFinished(close);
  return db;
}

const addColumn: Migration = {
  name: 'a column more',
  apply: (db) => db.schema.alterTable('nodes').addColumn('room', 'text').execute(),
};
const failing: Migration = {
  name: 'fails half way',
  async apply(db) {
    await addColumn.apply(db);
    await sql`insert into nowhere values (1)`.execute(db);
  },
};

test('opening a file a second time changes nothing', async () => {
  const file = await emptyFile();
  await (await openStore(file)).close();
  const before = await readFile(file);
  await (await openStore(file)).close();
  expect(await readFile(file)).toEqual(before);
});

test('a file of the first release is brought to exactly what a new one is', async () => {
  const [made, brought] = [await emptyFile(), await version1()];
  for (const file of [made, brought]) await connected(file);
  expect(schemaOf(brought)).toEqual(schemaOf(made));
});

test('a file of the first release, with all that is in it, can be used', async () => {
  const store = await openStore(await version1());
  onTestFinished(() => store.close());
  expect((await store.nodes()).map((node) => [node.hostname, node.told?.tag, node.lastReport?.runId])).toEqual([
    [host('web1'), tag('09'), 'run-00000001'],
    [host('web2'), tag('08'), undefined],
  ]);
  expect(await store.toldAt(host('web1'), at(59))).toEqual(told(0));
  expect(await store.events({ limit: 10 })).toHaveLength(4);
  expect(await store.controlAt('tagstate', at(5))).toBe('# none\n');
  expect(await store.tagsAt(at(0))).toEqual([record('08')]);
  expect(await store.recordReport(host('web1'), report('run-00000001'), { at: at(99) })).toBe('known');
  await store.recordPolls([poll('web3', 99)]);
  expect(await store.nodes()).toHaveLength(3);
});

test('what nodes reported to the first release counts for where they are', async () => {
  const file = await version1();
  const database = new Database(file);
  const drifted = `json_set(body, '$.outcome', 'failed', '$.drifted', json('{"count":2,"paths":[]}'))`;
  const values = `'web2.example', 'run-00000002', 1795161661000, ${drifted}`;
  database.exec(`insert into reports select 2, ${values} from reports`);
  database.exec(`update nodes set last_report_id = 2 where hostname = 'web2.example'`);
  database.close();
  const store = await openStore(file);
  onTestFinished(() => store.close());
  const found = await store.whereabouts({ seenSince: at(0), silentBefore: at(0) });
  const shown = found.map(({ told, running, failing, drifted }) => [told, running, failing, drifted]).sort();
  expect(shown).toEqual([
    [tag('08'), 'unknown', 1, 1],
    [tag('09'), tag('09'), 0, 0],
  ]);
});

test('the events of the first release are chained when it is brought up, with the end of the chain kept beside it', async () => {
  const file = await version1();
  const store = await openStore(file);
  onTestFinished(() => store.close());
  expect(await store.lookAtChain(undefined)).toMatchObject({ chained: 1, apart: 3, flaws: [], head: { id: 4 } });
  expect(await store.events({ kinds: ['mark'], limit: 9 })).toMatchObject([{ subject: 'tagstate', from: null }]);
  const database = new Database(file);
  database.exec(`update events set by = 'mallory' where id = 4`);
  database.close();
  expect((await store.lookAtChain(undefined)).flawCount).toBe(1);
});

test('a migration that is added is applied once, however many ask, and keeps the data', async () => {
  const file = await version1();
  const [one, two] = [await connected(file), await connected(file)];
  for (const db of [one, two, one]) await migrate(db, file, [...MIGRATIONS, addColumn]);
  expect(await versionOf(one)).toBe(MIGRATIONS.length + 1);
  const rooms = await sql<{ room: string | null }>`select room from nodes`.execute(two);
  expect(rooms.rows).toEqual([{ room: null }, { room: null }]);
});

test('a migration that fails leaves the file as it was, and can be tried again', async () => {
  const file = await version1();
  const db = await connected(file);
  const before = schemaOf(file);
  await expect(migrate(db, file, [...MIGRATIONS, failing])).rejects.toThrow('nowhere');
  expect(schemaOf(file)).toEqual(before);
  expect(await versionOf(db)).toBe(MIGRATIONS.length);
  await migrate(db, file, [...MIGRATIONS, addColumn]);
  expect(await versionOf(db)).toBe(MIGRATIONS.length + 1);
});

test('a file of a newer version is refused, in words, and left alone', async () => {
  const file = await version1();
  const database = new Database(file);
  database.exec("insert into migrations values (2, 'as here'), (98, 'from the future'), (99, 'and more')");
  database.close();
  const before = await readFile(file);
  const refused = { name: 'StoreError', code: 'newer', message: expect.stringContaining('newer version') };
  await expect(openStore(file)).rejects.toMatchObject(refused);
  await expect(openStoreForReading(file)).rejects.toMatchObject(refused);
  const after = new Database(file, { readonly: true });
  onTestFinished(() => void after.close());
  expect(after.prepare('select count(*) as n from nodes').get()).toEqual({ n: 2 });
  expect((await readFile(file)).length).toBe(before.length);
});

test('a file that would have to be converted first is refused by a reader', async () => {
  const file = await emptyFile();
  new Database(file).exec('create table something (x)').close();
  await expect(openStoreForReading(file)).rejects.toMatchObject({ name: 'StoreError', code: 'older' });
});
