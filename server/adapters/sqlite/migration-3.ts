import { type Kysely, sql } from 'kysely';
import type { Schema } from './schema.ts';

/**
 * How often nodes have asked, and what it takes to count a fleet without looking at each of its nodes: how many were told what,
 * kept up with every change of a node, and in which hour each was last seen, which changes once an hour, not with every poll.
 */
export async function countedNodes(db: Kysely<Schema>): Promise<void> {
  const { schema } = db;
  await schema
    .alterTable('nodes')
    .addColumn('polls', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  await schema
    .alterTable('nodes')
    .addColumn('seen_hour', 'bigint', (column) => column.notNull().defaultTo(0))
    .execute();
  await sql`update nodes set seen_hour = last_seen / 3600000`.execute(db);
  await schema.dropIndex('nodes_answer_id').execute();
  await schema.createIndex('nodes_answer_id_seen_hour').on('nodes').columns(['answer_id', 'seen_hour']).execute();
  await schema.createIndex('nodes_seen_hour_answer_id').on('nodes').columns(['seen_hour', 'answer_id']).execute();
  await countTold(db);
  await runsOfOld(db);
}

/** 0 stands for nodes that were told nothing. */
async function countTold(db: Kysely<Schema>): Promise<void> {
  await db.schema
    .createTable('told_counts')
    .addColumn('answer_id', 'integer', (column) => column.primaryKey())
    .addColumn('nodes', 'bigint', (column) => column.notNull())
    .execute();
  await sql`
    insert into told_counts (answer_id, nodes)
    select coalesce(answer_id, 0), count(*) from nodes group by answer_id`.execute(db);
  const come = sql`
    insert into told_counts (answer_id, nodes) values (coalesce(new.answer_id, 0), 1)
    on conflict (answer_id) do update set nodes = nodes + 1`;
  const go = sql`
    update told_counts set nodes = nodes - 1 where answer_id = coalesce(old.answer_id, 0);
    delete from told_counts where answer_id = coalesce(old.answer_id, 0) and nodes <= 0`;
  await sql`create trigger nodes_come after insert on nodes begin ${come}; end`.execute(db);
  await sql`create trigger nodes_go after delete on nodes begin ${go}; end`.execute(db);
  await sql`
    create trigger nodes_change after update of answer_id on nodes when old.answer_id is not new.answer_id
    begin ${go}; ${come}; end`.execute(db);
}

/** From now on a run is noted when a poll says something new: those that have begun before are noted here. */
async function runsOfOld(db: Kysely<Schema>): Promise<void> {
  await sql`
    insert into tag_runs (tag, hostname, wave, digest, since, until, outcome, at)
    select tag, hostname, wave, digest, last_seen, null, null, last_seen
    from nodes join answers on answers.id = nodes.answer_id
    where digest = running and tag <> 'trunk'
    on conflict (tag, hostname) do nothing`.execute(db);
}
