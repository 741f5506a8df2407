import { type Kysely, sql } from 'kysely';
import type { Schema } from './schema.ts';

/** Runs `read` on the file as it is at one moment, whatever others write meanwhile. */
export function atOneMoment<Result>(
  db: Kysely<Schema>,
  read: (tx: Kysely<Schema>) => Promise<Result>,
): Promise<Result> {
  return db.connection().execute(async (tx) => {
    await sql`begin`.execute(tx);
    try {
      return await read(tx);
    } finally {
      await sql`rollback`.execute(tx).catch(() => undefined);
    }
  });
}

/**
 * Runs `work` in a transaction that has the right to write from its beginning: one that only asks for it at its first
 * write cannot wait for another process, because what it has read may be stale by then.
 */
export function exclusively<Result>(
  db: Kysely<Schema>,
  work: (tx: Kysely<Schema>) => Promise<Result>,
): Promise<Result> {
  return db.connection().execute(async (tx) => {
    await sql`begin immediate`.execute(tx);
    try {
      const result = await work(tx);
      await sql`commit`.execute(tx);
      return result;
    } catch (error) {
      // Fails where SQLite has rolled back by itself, as on a full disk: what was wanted has happened.
      await sql`rollback`.execute(tx).catch(() => undefined);
      throw error;
    }
  });
}
