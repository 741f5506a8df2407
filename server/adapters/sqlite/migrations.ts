import { type Kysely, sql } from 'kysely';
import { firstTables } from './migration-1.ts';
import { tagRunsTable } from './migration-2.ts';
import { countedNodes } from './migration-3.ts';
import { chainedEvents } from './migration-4.ts';
import { locatedNodes } from './migration-5.ts';
import type { Schema } from './schema.ts';
import { StoreError } from './store-error.ts';
import { exclusively } from './transaction.ts';

export interface Migration {
  /** What it does, for people who look into the file. */
  readonly name: string;
  apply(db: Kysely<Schema>): Promise<void>;
}

/** A migration's number is its place in the list, from 1. What was released is never edited, only added to. */
export const MIGRATIONS: readonly Migration[] = [
  { name: 'first tables', apply: firstTables },
  { name: 'what nodes experienced with tags', apply: tagRunsTable },
  { name: 'nodes that are counted', apply: countedNodes },
  { name: 'events that are chained', apply: chainedEvents },
  { name: 'nodes that are located', apply: locatedNodes },
];

/** The number of the last migration applied to a file; 0 for an empty one. */
export async function versionOf(db: Kysely<Schema>): Promise<number> {
  const table = await sql`select 1 from sqlite_master where type = 'table' and name = 'migrations'`.execute(db);
  if (table.rows.length === 0) return 0;
  const last = await db.selectFrom('migrations').select('number').orderBy('number', 'desc').limit(1).executeTakeFirst();
  return last?.number ?? 0;
}

/**
 * Brings a file up to the last migration, each in a transaction of its own that looks again at what is there: of two
 * processes that open an old file at once, one waits for the other and finds nothing left to do.
 * Rejects with a `StoreError` `newer` where the file knows migrations that this program does not.
 */
export async function migrate(db: Kysely<Schema>, file: string, migrations = MIGRATIONS): Promise<void> {
  for (let version = await versionOf(db); version !== migrations.length; ) {
    if (version > migrations.length) throw newer(file, version, migrations.length);
    version = await exclusively(db, (tx) => applyNext(tx, migrations));
  }
}

async function applyNext(db: Kysely<Schema>, migrations: readonly Migration[]): Promise<number> {
  const version = await versionOf(db);
  const next = migrations[version];
  if (next === undefined) return version;
  if (version === 0) {
    await db.schema
      .createTable('migrations')
      .addColumn('number', 'integer', (column) => column.primaryKey())
      .addColumn('name', 'text', (column) => column.notNull())
      .execute();
  }
  await next.apply(db);
  await db
    .insertInto('migrations')
    .values({ number: version + 1, name: next.name })
    .execute();
  return version + 1;
}

function newer(file: string, version: number, known: number): StoreError {
  return new StoreError(
    'newer',
    `${file} was written by a newer version of this program (its format is ${version}, this program knows ${known})`,
    'run the newer version, or move the file away to begin a new history',
  );
}
