import type { Report } from '../../../protocol/assignment.ts';
import type { Hostname } from '../../../protocol/names.ts';
import type { Db } from './schema.ts';
import { recordOutcome } from './tag-runs.ts';

export type ReceivedReport = Report & { readonly receivedAt: number };

export interface Reported {
  readonly hostname: Hostname;
  readonly report: Report;
  readonly at: number;
  /** The wave in which it counts for its tag. */
  readonly countsIn: string | null;
}

/** A report of a host that never polled makes it known, as seen when the report came. */
export async function recordReport(tx: Db, { hostname, report, at, countsIn }: Reported): Promise<'new' | 'known'> {
  const inserted = await tx
    .insertInto('reports')
    .values({ hostname, run_id: report.runId, received_at: at, body: JSON.stringify(report) })
    .onConflict((conflict) => conflict.columns(['hostname', 'run_id']).doNothing())
    .returning('id')
    .executeTakeFirst();
  if (inserted === undefined) return 'known';
  await tx
    .insertInto('nodes')
    .values({ hostname, first_seen: at, last_seen: at, last_report_id: inserted.id })
    .onConflict((conflict) => conflict.column('hostname').doUpdateSet({ last_report_id: inserted.id }))
    .execute();
  if (countsIn !== null) await recordOutcome(tx, { hostname, report, at, countsIn });
  return 'new';
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
