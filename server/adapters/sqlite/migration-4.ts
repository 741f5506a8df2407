import { type Kysely, sql } from 'kysely';
import type { Schema } from './schema.ts';

/** From where each change came, and why it was made. What was changed in which file is found by a kind of its own. */
export async function chainedEvents(db: Kysely<Schema>): Promise<void> {
  await db.schema.alterTable('events').addColumn('from', 'text').execute();
  await db.schema.alterTable('events').addColumn('why', 'text').execute();
  await sql`
    update events set kind = case subject
      when 'pins' then 'pin'
      when 'server.yml' then 'setting'
      when 'killswitch' then case when after is null then 'resume' else 'kill' end
      else 'mark'
    end
    where kind = 'control-file' and subject in ('tagstate', 'tagstate in the repository', 'pins', 'server.yml', 'killswitch')`.execute(
    db,
  );
}
