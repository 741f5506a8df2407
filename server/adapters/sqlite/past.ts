import { type RawBuilder, sql } from 'kysely';
import type { Hostname } from '../../../protocol/names.ts';
import type { PastNode, Told } from '../../ports/store.ts';
import { answerOf, answersById } from './answers.ts';
import { isNamed } from './nodes.ts';
import { receivedReport } from './reports.ts';
import type { Db } from './schema.ts';

/** The last assignment recorded of those that were made by an instant: a clock that was wrong for a while does no harm. */
export async function toldAt(db: Db, hostname: Hostname, at: number): Promise<Told | undefined> {
  const row = await db
    .selectFrom('assignments')
    .innerJoin('answers', 'answers.id', 'assignments.answer_id')
    .selectAll('answers')
    .select('assignments.told_at')
    .where('assignments.hostname', '=', hostname)
    .where('assignments.at', '<=', at)
    .orderBy('assignments.id', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row && { at: row.told_at, ...answerOf(row) };
}

/** Newest first. */
export async function toldHistory(db: Db, hostname: Hostname, limit: number): Promise<Told[]> {
  const rows = await db
    .selectFrom('assignments')
    .innerJoin('answers', 'answers.id', 'assignments.answer_id')
    .selectAll('answers')
    .select('assignments.at')
    .where('assignments.hostname', '=', hostname)
    .orderBy('assignments.id', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ at: row.at, ...answerOf(row) }));
}

interface PastQuery {
  readonly at: number;
  readonly after: Hostname | null;
  readonly limit: number;
  readonly name?: string | undefined;
}

interface PastRow {
  readonly hostname: Hostname;
  readonly first_seen: number;
  readonly at: number | null;
  readonly told_at: number | null;
  readonly answer_id: number | null;
  readonly runs: number | null;
  readonly received_at: number | null;
  readonly body: string | null;
}

/** Of each node on the page, the last assignment and the last report of those that were made by then. */
export async function findNodesAt(db: Db, { at, after, limit, name }: PastQuery): Promise<PastNode[]> {
  const named: RawBuilder<boolean> = name === undefined ? sql<boolean>`true` : isNamed(name);
  const { rows } = await sql<PastRow>`
    select nodes.hostname, nodes.first_seen, assignments.at, assignments.told_at, assignments.answer_id,
      tag_runs.since <= ${at} and (tag_runs.until is null or tag_runs.until > ${at}) as runs, reports.received_at, reports.body
    from nodes
    left join assignments on assignments.id = (
      select id from assignments where hostname = nodes.hostname and at <= ${at} order by id desc limit 1)
    left join answers on answers.id = assignments.answer_id
    left join tag_runs on tag_runs.tag = answers.tag and tag_runs.hostname = nodes.hostname
    left join reports on reports.id = (
      select id from reports where hostname = nodes.hostname and received_at <= ${at} order by id desc limit 1)
    where nodes.hostname > ${after ?? ''} and nodes.first_seen <= ${at} and ${named}
    order by nodes.hostname limit ${limit}`.execute(db);
  const answers = await answersById(
    db,
    rows.map((row) => row.answer_id).filter((id) => id !== null),
  );
  return rows.map((row) => {
    const answer = row.answer_id === null ? undefined : answers.get(row.answer_id);
    return {
      hostname: row.hostname,
      firstSeen: row.first_seen,
      told: answer === undefined || row.told_at === null ? null : { at: row.told_at, ...answer },
      toldAt: row.at,
      running: row.runs === 1 ? (answer?.digest ?? null) : null,
      lastReport: row.body === null ? null : receivedReport(row.body, row.received_at ?? 0),
    };
  });
}
