import { type Kysely, sql } from 'kysely';
import { chainAll } from './chain.ts';
import type { Schema } from './schema.ts';

/** From where each change came, and why it was made. What was changed in which file is found by a kind of its own. */
export async function chainedEvents(db: Kysely<Schema>): Promise<void> {
  await db.schema.alterTable('events').addColumn('from', 'text').execute();
  await db.schema.alterTable('events').addColumn('why', 'text').execute();
  await db.schema.alterTable('events').addColumn('hash', 'text').execute();
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
  await chainAll(db);
  // What is not in the chain is many times as much, and may all come after its end.
  await sql`create index events_chained on events (id) where hash is not null`.execute(db);
}
