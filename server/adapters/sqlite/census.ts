import { sql } from 'kysely';
import type { Hostname } from '../../../protocol/names.ts';
import type { CountedNodes, ToldCount } from '../../ports/store.ts';
import type { Db } from './schema.ts';

const HOUR_MS = 3_600_000;

/**
 * How many nodes seen at or after an instant were told what: from the counts that are kept up, less those that were not seen
 * since. That takes as long as there are different answers, and nodes that have fallen silent.
 */
export async function toldCounts(db: Db, seenSince: number): Promise<ToldCount[]> {
  const hour = Math.floor(seenSince / HOUR_MS);
  const found = await sql<ToldCount>`
    select environment, wave, outcome, tag, hold, sum(counted) as nodes from (
      select answer_id, nodes as counted from told_counts
      union all
      select coalesce(answer_id, 0), -count(*) from nodes where seen_hour < ${hour} group by answer_id
      union all
      select coalesce(answer_id, 0), -count(*) from nodes
      where seen_hour = ${hour} and last_seen < ${seenSince} group by answer_id
    ) as part left join answers on answers.id = part.answer_id
    group by environment, wave, outcome, tag, hold having sum(counted) > 0`.execute(db);
  return found.rows;
}

/** Nodes seen at or after `seenSince`, but not at or after `before`. */
export async function silentNodes(
  db: Db,
  { seenSince, before, limit }: { seenSince: number; before: number; limit: number },
): Promise<CountedNodes> {
  const count = (await countBefore(db, before)) - (await countBefore(db, Math.min(seenSince, before)));
  if (count === 0) return { count, first: [] };
  const first = await sql<{ hostname: Hostname }>`
    select hostname from nodes
    where seen_hour between ${Math.floor(seenSince / HOUR_MS)} and ${Math.floor(before / HOUR_MS)}
      and last_seen >= ${seenSince} and last_seen < ${before} limit ${limit}`.execute(db);
  return { count, first: inOrder(first.rows, limit) };
}

async function countBefore(db: Db, instant: number): Promise<number> {
  const hour = Math.floor(instant / HOUR_MS);
  const found = await sql<{ nodes: number }>`
    select (select count(*) from nodes where seen_hour < ${hour})
      + (select count(*) from nodes where seen_hour = ${hour} and last_seen < ${instant}) as nodes`.execute(db);
  return found.rows[0]?.nodes ?? 0;
}

interface Unstopped {
  readonly seenSince: number;
  /** Null = any, also nodes that were told nothing. */
  readonly environment: string | null;
  readonly since: number;
  readonly limit: number;
}

/** Nodes that were not told of a killswitch, or not at or after `since`. */
export async function unstoppedNodes(db: Db, query: Unstopped): Promise<CountedNodes> {
  const { seenSince, environment, limit } = query;
  const counts = await toldCounts(db, seenSince);
  const others = counts.filter((one) => environment === null || one.environment === environment);
  const notTold = others.filter(({ outcome }) => outcome !== 'killswitch').reduce((sum, { nodes }) => sum + nodes, 0);
  const early = await toldEarlier(db, query);
  const count = notTold + early.count;
  const wanted = sql`nodes.last_seen >= ${seenSince}`;
  const first = await sql<{ hostname: Hostname }>`
    select hostname from told_counts
    cross join answers on answers.id = told_counts.answer_id
    cross join nodes on nodes.answer_id = told_counts.answer_id
    where answers.outcome <> 'killswitch' and ${inEnvironment(environment)} and ${wanted}
    limit ${limit}`.execute(db);
  const nothing =
    environment === null
      ? await sql<{ hostname: Hostname }>`
          select hostname from nodes where answer_id is null and ${wanted} limit ${limit}`.execute(db)
      : { rows: [] };
  return { count, first: inOrder([...first.rows, ...nothing.rows, ...early.first], limit) };
}

/** Those that were told of a killswitch, but before the one that stands now. */
async function toldEarlier(db: Db, { seenSince, environment, since, limit }: Unstopped) {
  const from = sql`
    from told_counts
    cross join answers on answers.id = told_counts.answer_id
    cross join nodes on nodes.answer_id = told_counts.answer_id
    where answers.outcome = 'killswitch' and ${inEnvironment(environment)}
      and nodes.seen_hour between ${Math.floor(seenSince / HOUR_MS)} and ${Math.floor(since / HOUR_MS)}
      and nodes.last_seen >= ${seenSince} and nodes.last_seen < ${since}`;
  const counted = await sql<{ nodes: number }>`select count(*) as nodes ${from}`.execute(db);
  const first = await sql<{ hostname: Hostname }>`select hostname ${from} limit ${limit}`.execute(db);
  return { count: counted.rows[0]?.nodes ?? 0, first: first.rows };
}

function inEnvironment(environment: string | null) {
  return environment === null ? sql`true` : sql`answers.environment = ${environment}`;
}

function inOrder(rows: readonly { readonly hostname: Hostname }[], limit: number): Hostname[] {
  return rows
    .map(({ hostname }) => hostname)
    .sort()
    .slice(0, limit);
}
