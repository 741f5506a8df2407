import { sql } from 'kysely';
import {
  type ChainLook,
  type Dropped,
  followChain,
  hashAfter,
  isChained,
  type Link,
  NO_HASH,
  readDropped,
  wellFormed,
} from '../../core/chain.ts';
import type { NewEvent, StoredEvent } from '../../core/event.ts';
import type { Db } from './schema.ts';

/**
 * Adds events at the end, those of the chain with their hash. In a transaction that has had the right to write from its
 * beginning: of two processes, the second goes on from what the first has added.
 */
export async function appendEvents(tx: Db, events: readonly NewEvent[]): Promise<StoredEvent[]> {
  let id = await lastEventId(tx);
  let previous = events.some(isChained) ? ((await headOf(tx))?.hash ?? NO_HASH) : NO_HASH;
  const stored: StoredEvent[] = [];
  for (const event of events) {
    id += 1;
    const row = rowOf(event, id);
    const hash = isChained(row) ? hashAfter(previous, row) : null;
    previous = hash ?? previous;
    stored.push({ ...row, hash });
    await tx
      .insertInto('events')
      .values({ ...row, hash })
      .execute();
  }
  return stored;
}

/** Only what the table has, whatever else the caller's object carries, and as it will be read again. */
function rowOf(event: NewEvent, id: number) {
  const { at, kind, by, from, subject, before, after, why, summary } = event;
  return {
    id,
    at,
    kind,
    by: wellFormed(by),
    from: wellFormed(from),
    subject: wellFormed(subject),
    before: wellFormed(before),
    after: wellFormed(after),
    why: wellFormed(why),
    summary: wellFormed(summary),
  };
}

export async function lastEventId(tx: Db): Promise<number> {
  const found = await sql<{ seq: number }>`select seq from sqlite_sequence where name = 'events'`.execute(tx);
  return found.rows[0]?.seq ?? 0;
}

/** The last event of the chain. */
export async function headOf(db: Db): Promise<Link | undefined> {
  const select = db.selectFrom('events').select(['id', 'hash']).where('hash', 'is not', null);
  const found = await select.orderBy('id', 'desc').limit(1).executeTakeFirst();
  return found === undefined ? undefined : { id: found.id, hash: found.hash ?? NO_HASH };
}

/** Whether the chain still has an event, or has dropped it as too old. */
export async function standsOn(db: Db, { id, hash }: Link): Promise<boolean> {
  const found = await db.selectFrom('events').select('hash').where('id', '=', id).executeTakeFirst();
  if (found !== undefined) return found.hash === hash;
  const dropped = await lastDropped(db);
  return dropped !== undefined && (id < dropped.id || (id === dropped.id && hash === dropped.hash));
}

/** By the newest record of it. */
async function lastDropped(db: Db): Promise<Dropped | undefined> {
  const select = db.selectFrom('events').select('before').where('kind', '=', 'prune');
  const found = await select.orderBy('id', 'desc').limit(1).executeTakeFirst();
  return readDropped(found?.before ?? null);
}

const ROWS_AT_ONCE = 1000;

/** Looks at every event as the file is at one moment, whatever others add meanwhile. Reads all of it. */
export async function lookAtChain(
  db: Db,
  { anchor, expected }: { readonly anchor: Link | undefined; readonly expected: string | undefined },
): Promise<ChainLook> {
  const chain = followChain({ dropped: await lastDropped(db), anchor, expected });
  for await (const rows of allEvents(db)) for (const row of rows) chain.see(row);
  return chain.end();
}

/** Gives the events that were recorded before there was a chain their hashes. */
export async function chainAll(tx: Db): Promise<void> {
  let previous = NO_HASH;
  for await (const rows of allEvents(tx)) {
    for (const row of rows.filter(isChained)) {
      previous = hashAfter(previous, row);
      await tx.updateTable('events').set({ hash: previous }).where('id', '=', row.id).execute();
    }
  }
}

/** By id, whatever ids somebody may have given them. */
async function* allEvents(db: Db): AsyncGenerator<StoredEvent[]> {
  const select = db.selectFrom('events').selectAll().orderBy('id').limit(ROWS_AT_ONCE);
  let rows: StoredEvent[] = await select.execute();
  for (;;) {
    yield rows;
    const last = rows.at(-1)?.id;
    // Beyond what a number holds exactly, nothing could be counted on; whoever sees such an id says so.
    if (last === undefined || !Number.isSafeInteger(last)) return;
    rows = await select.where('id', '>', last).execute();
  }
}
