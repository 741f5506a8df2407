import { type Kysely, sql } from 'kysely';
import type { Schema } from './schema.ts';

/** What nodes have experienced with a tag: who runs it or has run it, and who reports that it failed. */
export async function tagRunsTable(db: Kysely<Schema>): Promise<void> {
  await db.schema
    .createTable('tag_runs')
    .addColumn('tag', 'text', (column) => column.notNull())
    .addColumn('hostname', 'text', (column) => column.notNull())
    .addColumn('wave', 'text', (column) => column.notNull())
    .addColumn('digest', 'text')
    .addColumn('since', 'bigint')
    .addColumn('until', 'bigint')
    .addColumn('outcome', 'text')
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('tag_runs_once', ['tag', 'hostname'])
    .execute();
  // What a node runs now is asked with its polls, failures with each report of one: both are few among all rows.
  await db.schema
    .createIndex('tag_runs_open')
    .on('tag_runs')
    .column('hostname')
    .where(sql<boolean>`since is not null and until is null`)
    .execute();
  await db.schema
    .createIndex('tag_runs_failed')
    .on('tag_runs')
    .columns(['tag', 'wave', 'at', 'hostname'])
    .where(sql<boolean>`outcome is not null`)
    .execute();
}
