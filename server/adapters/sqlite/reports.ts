import { sql } from 'kysely';
import type { Report } from '../../../protocol/assignment.ts';
import type { Hostname } from '../../../protocol/names.ts';
import type { Db } from './schema.ts';
import { recordOutcomes } from './tag-runs.ts';

export type ReceivedReport = Report & { readonly receivedAt: number };

export interface Reported {
  readonly hostname: Hostname;
  readonly report: Report;
  readonly at: number;
  /** The wave in which it counts for its tag. */
  readonly countsIn: string | null;
}

interface StoredReport {
  readonly id: number;
  readonly hostname: Hostname;
  readonly run_id: string;
}

/**
 * Answers for each report whether it is new, in their order. One of a host that never polled makes it known, as seen when the
 * report came.
 */
export async function recordReports(tx: Db, reported: readonly Reported[]): Promise<('new' | 'known')[]> {
  const once = new Map<string, Reported>();
  for (const one of reported) if (!once.has(keyOf(one))) once.set(keyOf(one), one);
  const stored = new Map((await insertReports(tx, [...once.values()])).map((row) => [keyOfRow(row), row]));
  const fresh = [...once].filter(([key]) => stored.has(key));
  await noteLast(
    tx,
    fresh.map(([key, one]) => ({ ...one, id: stored.get(key)?.id ?? null })),
  );
  await recordOutcomes(
    tx,
    fresh.map(([, one]) => one),
  );
  return reported.map((one) => (stored.has(keyOf(one)) && once.get(keyOf(one)) === one ? 'new' : 'known'));
}

/** One statement, however many there are: its text is always the same, and is read and planned once. Answers the new ones. */
async function insertReports(tx: Db, reported: readonly Reported[]): Promise<StoredReport[]> {
  const rows = reported.map(({ hostname, report, at }) => [hostname, report.runId, at, JSON.stringify(report)]);
  const inserted = await sql<StoredReport>`
    insert into reports (hostname, run_id, received_at, body)
    select value ->> 0, value ->> 1, value ->> 2, value ->> 3 from json_each(${JSON.stringify(rows)}) where true
    on conflict (hostname, run_id) do nothing
    returning id, hostname, run_id`.execute(tx);
  return inserted.rows;
}

async function noteLast(tx: Db, fresh: readonly (Reported & { readonly id: number | null })[]): Promise<void> {
  const rows = fresh.map(({ hostname, at, id, report: { outcome, tag, digest, drifted } }) => {
    return [hostname, at, id, outcome, tag, digest, (drifted?.count ?? 0) > 0 ? 1 : 0];
  });
  await sql`
    insert into nodes (
      hostname, first_seen, last_seen, seen_hour, last_report_id, reported, reported_tag, reported_digest, drifted)
    select value ->> 0, value ->> 1, value ->> 1, (value ->> 1) / 3600000, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
    from json_each(${JSON.stringify(rows)}) where true
    on conflict (hostname) do update set
      last_report_id = excluded.last_report_id,
      reported = excluded.reported,
      reported_tag = excluded.reported_tag,
      reported_digest = excluded.reported_digest,
      drifted = excluded.drifted`.execute(tx);
}

/** Newest first. */
export async function reportsOf(db: Db, hostname: Hostname, limit: number): Promise<ReceivedReport[]> {
  const rows = await db
    .selectFrom('reports')
    .select(['received_at', 'body'])
    .where('hostname', '=', hostname)
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => receivedReport(row.body, row.received_at));
}

export function receivedReport(body: string, receivedAt: number): ReceivedReport {
  return { ...(JSON.parse(body) as Report), receivedAt };
}

function keyOf({ hostname, report }: Reported): string {
  return `${hostname} ${report.runId}`;
}

function keyOfRow({ hostname, run_id }: StoredReport): string {
  return `${hostname} ${run_id}`;
}
