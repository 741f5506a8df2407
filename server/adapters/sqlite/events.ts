import { type Selectable, type SelectQueryBuilder, sql } from 'kysely';
import type { EventKind, StoredEvent } from '../../core/event.ts';
import type { EventQuery, News } from '../../ports/store.ts';
import type { Db, Schema } from './schema.ts';

type EventSelect = SelectQueryBuilder<Schema, 'events', Selectable<Schema['events']>>;

/** `since` and `until` include their instants. By time; by id where they are asked for after an id, so that none is missed when the clock was set back. */
export async function findEvents(db: Db, query: EventQuery): Promise<StoredEvent[]> {
  const kinds = [...new Set(query.kinds ?? [])];
  if (query.kinds !== undefined && kinds.length === 0) return [];
  if (query.afterId !== undefined) return afterId(db, query, query.afterId);
  if (kinds.length < 2 || query.subject !== undefined) return byTime(db, query);
  // An index has the events of one kind in order, not those of several: a few of each are merged.
  const found = await Promise.all(kinds.map((kind) => byTime(db, { ...query, kinds: [kind] })));
  const sign = query.order === 'oldest' ? 1 : -1;
  return found
    .flat()
    .sort((a, b) => sign * (a.at - b.at || a.id - b.id))
    .slice(0, query.limit);
}

function byTime(db: Db, query: EventQuery): Promise<StoredEvent[]> {
  const direction = query.order === 'oldest' ? 'asc' : 'desc';
  const select = filtered(db, query).$if(query.kinds !== undefined, (found) =>
    found.where('kind', 'in', query.kinds ?? []),
  );
  return select.orderBy('at', direction).orderBy('id', direction).limit(query.limit).execute();
}

function afterId(db: Db, query: EventQuery, id: number): Promise<StoredEvent[]> {
  // The new ones are few: as an expression, the kind does not tempt the planner to look at all events of that kind.
  const select = filtered(db, query).$if(query.kinds !== undefined, (found) =>
    found.where(sql<string>`kind || ''`, 'in', query.kinds ?? []),
  );
  return select
    .where('id', '>', id)
    .orderBy('id', query.order === 'oldest' ? 'asc' : 'desc')
    .limit(query.limit)
    .execute();
}

function filtered(db: Db, { since, until, subject }: EventQuery): EventSelect {
  return db
    .selectFrom('events')
    .selectAll()
    .$if(since !== undefined, (select) => select.where('at', '>=', since ?? 0))
    .$if(until !== undefined, (select) => select.where('at', '<=', until ?? 0))
    .$if(subject !== undefined, (select) => select.where('subject', '=', subject ?? ''));
}

/** What kinds of events there are after one, and whether other nodes run what they were told. */
export async function newsSince(
  db: Db,
  { event, run }: { readonly event: number; readonly run: number },
): Promise<News> {
  const kinds = await sql<{
    kind: EventKind;
  }>`select distinct kind || '' as kind from events where id > ${event}`.execute(db);
  const last = await sql<{ event: number | null; run: number | null }>`
    select (select max(id) from events) as event, (select max(rowid) from tag_runs) as run`.execute(db);
  const found = { event: last.rows[0]?.event ?? 0, run: last.rows[0]?.run ?? 0 };
  return { ...found, kinds: kinds.rows.map(({ kind }) => kind), hasNewRuns: found.run !== run };
}
