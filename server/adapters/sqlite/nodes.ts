import type { Hostname } from '../../../protocol/names.ts';
import type { NodeRow, SeatRow, Told } from '../../ports/store.ts';
import { type Answer, answerOf, answersById } from './answers.ts';
import { portions } from './portions.ts';
import { receivedReport } from './reports.ts';
import type { Db } from './schema.ts';

type JoinedRow = Awaited<ReturnType<ReturnType<typeof nodesWithReports>['execute']>>[number];

/** `seenSince` in milliseconds since 1970. */
export interface NodePage {
  readonly seenSince: number | null;
  readonly after: Hostname | null;
  readonly limit: number;
}

/** By hostname. */
export async function findNodes(db: Db, { seenSince, after, limit }: NodePage): Promise<NodeRow[]> {
  const page = nodesWithReports(db)
    .where('nodes.hostname', '>', after ?? ('' as Hostname))
    .$if(seenSince !== null, (select) => select.where('nodes.last_seen', '>=', seenSince ?? 0));
  const rows = await page.orderBy('nodes.hostname').limit(limit).execute();
  const answers = new Map<number, Answer>();
  await learnAnswers(db, rows, answers);
  return rows.map((row) => nodeOf(row, answers));
}

export async function findNode(db: Db, hostname: Hostname): Promise<NodeRow | undefined> {
  const row = await nodesWithReports(db).where('nodes.hostname', '=', hostname).executeTakeFirst();
  if (row === undefined) return undefined;
  const answers = new Map<number, Answer>();
  await learnAnswers(db, [row], answers);
  return nodeOf(row, answers);
}

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

/** Those after a hostname, in its order. */
export async function findSeats(db: Db, after: Hostname | null, limit: number): Promise<SeatRow[]> {
  const page = nodesWithReports(db).where('nodes.hostname', '>', after ?? ('' as Hostname));
  const rows = await page.orderBy('nodes.hostname').limit(limit).execute();
  const answers = new Map<number, Answer>();
  await learnAnswers(db, rows, answers);
  const told = new Map<string, Told>();
  return rows.map((row) => {
    const { hostname, firstSeen, lastSeen, running, lastReport, told: own } = nodeOf(row, answers);
    const key = `${row.answer_id} ${row.told_at}`;
    const shared = own === null ? null : (told.get(key) ?? own);
    if (shared !== null) told.set(key, shared);
    return { hostname, firstSeen, lastSeen, running, told: shared, facts: lastReport?.facts ?? {} };
  });
}

export async function forgetNodes(tx: Db, hostnames: readonly Hostname[]): Promise<void> {
  for (const portion of portions(hostnames)) await tx.deleteFrom('nodes').where('hostname', 'in', portion).execute();
}

function nodesWithReports(db: Db) {
  return db
    .selectFrom('nodes')
    .leftJoin('reports', 'reports.id', 'nodes.last_report_id')
    .select(['nodes.hostname', 'first_seen', 'last_seen', 'running', 'polls', 'told_at', 'answer_id'])
    .select(['reports.received_at', 'reports.body']);
}

async function learnAnswers(db: Db, rows: readonly JoinedRow[], answers: Map<number, Answer>): Promise<void> {
  const ids = rows.map((row) => row.answer_id).filter((id) => id !== null);
  const unknown = new Set(ids.filter((id) => !answers.has(id)));
  for (const [id, answer] of await answersById(db, [...unknown])) answers.set(id, answer);
}

function nodeOf(row: JoinedRow, answers: ReadonlyMap<number, Answer>): NodeRow {
  const answer = row.answer_id === null ? undefined : answers.get(row.answer_id);
  return {
    hostname: row.hostname,
    firstSeen: row.first_seen,
    lastSeen: row.last_seen,
    told: answer === undefined || row.told_at === null ? null : { at: row.told_at, ...answer },
    running: row.running,
    polls: row.polls,
    lastReport: row.body === null ? null : receivedReport(row.body, row.received_at ?? 0),
  };
}
