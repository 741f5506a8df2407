import { type Kysely, sql } from 'kysely';
import type { Schema } from './schema.ts';

/**
 * What it takes to say where all nodes are, now and in the past: what each reported last is in its own row, its assignments are
 * found by time, the last one of an answer too, and a tag by its content.
 */
export async function locatedNodes(db: Kysely<Schema>): Promise<void> {
  const { schema } = db;
  for (const name of ['reported', 'reported_tag', 'reported_digest'])
    await schema.alterTable('nodes').addColumn(name, 'text').execute();
  await schema
    .alterTable('nodes')
    .addColumn('drifted', 'integer', (column) => column.notNull().defaultTo(0))
    .execute();
  await sql`
    update nodes set
      reported = report.body ->> '$.outcome',
      reported_tag = report.body ->> '$.tag',
      reported_digest = report.body ->> '$.digest',
      drifted = coalesce(report.body ->> '$.drifted.count', 0) > 0
    from reports as report where report.id = nodes.last_report_id`.execute(db);
  await schema.createIndex('assignments_hostname_at').on('assignments').columns(['hostname', 'at']).execute();
  await schema.dropIndex('assignments_answer_id').execute();
  await schema.createIndex('assignments_answer_id_at').on('assignments').columns(['answer_id', 'at']).execute();
  await schema.createIndex('answers_digest').on('answers').column('digest').execute();
}
