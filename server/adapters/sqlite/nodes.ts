import { type RawBuilder, sql } from 'kysely';
import type { Hostname } from '../../../protocol/names.ts';
import type { NodeFilter, NodeRow, SeatRow, Told } from '../../ports/store.ts';
import { type Answer, answersById } from './answers.ts';
import { portions } from './portions.ts';
import { receivedReport } from './reports.ts';
import type { Db } from './schema.ts';

type JoinedRow = Awaited<ReturnType<ReturnType<typeof nodesWithReports>['execute']>>[number];

/** `seenSince` in milliseconds since 1970. */
export interface NodePage {
  readonly seenSince: number | null;
  readonly after: Hostname | null;
  readonly limit: number;
  readonly filter: NodeFilter;
}

/** By hostname. */
export async function findNodes(db: Db, { seenSince, after, limit, filter }: NodePage): Promise<NodeRow[]> {
  const page = filtered(nodesWithReports(db), filter)
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
    const { facts = {}, outcome = null } = lastReport ?? {};
    return { hostname, firstSeen, lastSeen, running, told: shared, facts, outcome };
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

function filtered(select: ReturnType<typeof nodesWithReports>, filter: NodeFilter): typeof select {
  const { environment, wave, name, seenBefore, outcomes, drifted, unlikeTold } = filter;
  return select
    .$if(environment !== undefined, (to) => to.where(ofAnswer(sql`environment = ${environment}`)))
    .$if(wave !== undefined, (to) => to.where(ofAnswer(sql`wave = ${wave}`)))
    .$if(name !== undefined, (to) => to.where(isNamed(name ?? '')))
    .$if(seenBefore !== undefined, (to) => to.where('nodes.last_seen', '<', seenBefore ?? 0))
    .$if(outcomes !== undefined, (to) => to.where(hasOutcome(outcomes ?? [])))
    .$if(drifted === true, (to) => to.where(sql<boolean>`reports.body ->> '$.drifted.count' > 0`))
    .$if(unlikeTold === true, (to) => to.where(ofAnswer(sql`digest is not null and digest is not nodes.running`)));
}

/** Looked up for each node in turn, by its id: in the order of their names, a page ends when it is full. */
function ofAnswer(condition: RawBuilder<unknown>): RawBuilder<boolean> {
  return sql<boolean>`exists (select 1 from answers where answers.id = nodes.answer_id and ${condition})`;
}

function hasOutcome(outcomes: NonNullable<NodeFilter['outcomes']>): RawBuilder<boolean> {
  const named = JSON.stringify(outcomes.filter((outcome) => outcome !== null));
  const none = outcomes.includes(null) ? sql`reports.id is null` : sql`false`;
  return sql<boolean>`(${none} or reports.body ->> '$.outcome' in (select value from json_each(${named})))`;
}

/** A part of a host name, or with `*` all of it. */
export function isNamed(name: string): RawBuilder<boolean> {
  if (!name.includes('*')) return sql<boolean>`instr(nodes.hostname, ${name}) > 0`;
  return sql<boolean>`nodes.hostname glob ${name.replace(/[[?]/g, '[$&]')}`;
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
