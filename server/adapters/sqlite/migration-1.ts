import type { Kysely } from 'kysely';
import type { Schema } from './schema.ts';

/** The tables that the first release had. */
export async function firstTables(db: Kysely<Schema>): Promise<void> {
  await answersAndAssignments(db);
  await reportsAndNodes(db);
  await events(db);
  await controlFiles(db);
  await tags(db);
  await db.schema
    .createTable('write_probe')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('writes', 'bigint', (column) => column.notNull())
    .execute();
  await db.insertInto('write_probe').values({ id: 1, writes: 0 }).execute();
}

async function answersAndAssignments(db: Kysely<Schema>): Promise<void> {
  await table(db, 'answers')
    .addColumn('hash', 'text', (column) => column.notNull().unique())
    .addColumn('environment', 'text', (column) => column.notNull())
    .addColumn('wave', 'text', (column) => column.notNull())
    .addColumn('groups', 'text', (column) => column.notNull())
    .addColumn('outcome', 'text', (column) => column.notNull())
    .addColumn('tag', 'text')
    .addColumn('digest', 'text')
    .addColumn('hold', 'text')
    .addColumn('message', 'text')
    .addColumn('reasons', 'text', (column) => column.notNull())
    .execute();
  await table(db, 'assignments')
    .addColumn('hostname', 'text', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('told_at', 'bigint', (column) => column.notNull())
    .addColumn('answer_id', 'integer', (column) => column.notNull().references('answers.id'))
    .execute();
  await index(db, 'assignments', ['hostname', 'id']);
  await index(db, 'assignments', ['answer_id']);
}

async function reportsAndNodes(db: Kysely<Schema>): Promise<void> {
  await table(db, 'reports')
    .addColumn('hostname', 'text', (column) => column.notNull())
    .addColumn('run_id', 'text', (column) => column.notNull())
    .addColumn('received_at', 'bigint', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addUniqueConstraint('reports_once', ['hostname', 'run_id'])
    .execute();
  await index(db, 'reports', ['hostname', 'id']);
  await index(db, 'reports', ['received_at']);
  await db.schema
    .createTable('nodes')
    .addColumn('hostname', 'text', (column) => column.primaryKey().notNull())
    .addColumn('first_seen', 'bigint', (column) => column.notNull())
    .addColumn('last_seen', 'bigint', (column) => column.notNull())
    .addColumn('running', 'text')
    .addColumn('told_at', 'bigint')
    .addColumn('answer_id', 'integer', (column) => column.references('answers.id'))
    .addColumn('last_report_id', 'integer', (column) => column.references('reports.id').onDelete('set null'))
    .execute();
  // Without these, dropping an answer or a report would look through all nodes for references to it.
  await index(db, 'nodes', ['answer_id']);
  await index(db, 'nodes', ['last_report_id']);
}

async function events(db: Kysely<Schema>): Promise<void> {
  await table(db, 'events')
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('by', 'text', (column) => column.notNull())
    .addColumn('subject', 'text', (column) => column.notNull())
    .addColumn('before', 'text')
    .addColumn('after', 'text')
    .addColumn('summary', 'text', (column) => column.notNull())
    .execute();
  await index(db, 'events', ['at', 'id']);
  await index(db, 'events', ['kind', 'at', 'id']);
  await index(db, 'events', ['subject', 'kind', 'at', 'id']);
}

async function controlFiles(db: Kysely<Schema>): Promise<void> {
  await db.schema
    .createTable('control_texts')
    .addColumn('hash', 'text', (column) => column.primaryKey().notNull())
    .addColumn('text', 'text', (column) => column.notNull())
    .execute();
  await table(db, 'control_versions')
    .addColumn('file', 'text', (column) => column.notNull())
    .addColumn('at', 'bigint', (column) => column.notNull())
    .addColumn('by', 'text', (column) => column.notNull())
    .addColumn('text_hash', 'text', (column) => column.references('control_texts.hash'))
    .execute();
  await index(db, 'control_versions', ['file', 'id']);
  await index(db, 'control_versions', ['text_hash']);
}

async function tags(db: Kysely<Schema>): Promise<void> {
  await db.schema
    .createTable('tags')
    .addColumn('name', 'text', (column) => column.primaryKey().notNull())
    .addColumn('created', 'bigint', (column) => column.notNull())
    .addColumn('pruned_at', 'bigint')
    .addColumn('record', 'text', (column) => column.notNull())
    .execute();
}

/** A table whose ids only ever grow: one that was dropped is not given again, so that "after this id" stays true. */
function table(db: Kysely<Schema>, name: string) {
  return db.schema.createTable(name).addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement());
}

function index(db: Kysely<Schema>, on: string, columns: string[]): Promise<void> {
  return db.schema
    .createIndex([on, ...columns].join('_'))
    .on(on)
    .columns(columns)
    .execute();
}
