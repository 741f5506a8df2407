import type { Hostname } from '../../../protocol/names.ts';
import type { Poll } from '../../ports.ts';
import { type Answer, answersById, sameAnswer, storeAnswers } from './answers.ts';
import { assignmentEvent } from './assignment-event.ts';
import { insertEvents } from './events.ts';
import { portions } from './portions.ts';
import type { Db } from './schema.ts';
import { recordRuns } from './tag-runs.ts';

/** A poll that was answered with something else than the node's poll before. */
interface Change {
  readonly poll: Poll;
  readonly before: Answer | null;
}

/** What a change leaves in the node's row. */
interface NewlyTold {
  readonly hostname: Hostname;
  readonly first_seen: number;
  readonly told_at: number;
  readonly answer_id: number;
}

/** Records polls in the order in which they came, which is what counts where their instants say otherwise. */
export async function recordPolls(tx: Db, polls: readonly Poll[]): Promise<void> {
  const latest = new Map(polls.map((poll) => [poll.hostname, poll]));
  const changes = changesAmong(polls, await lastTold(tx, [...latest.keys()]));
  const told = await storeChanges(tx, changes);
  await updateTold(tx, [...told.values()], latest);
  await updateSeen(
    tx,
    [...latest.values()].filter(({ hostname }) => !told.has(hostname)),
  );
  await recordRuns(tx, [...latest.values()]);
}

async function lastTold(tx: Db, hostnames: readonly Hostname[]): Promise<Map<Hostname, Answer>> {
  const nodes: { hostname: Hostname; answer_id: number | null }[] = [];
  for (const portion of portions(hostnames)) {
    const select = tx.selectFrom('nodes').select(['hostname', 'answer_id']).where('hostname', 'in', portion);
    nodes.push(...(await select.execute()));
  }
  const ids = new Set(nodes.map((node) => node.answer_id).filter((id) => id !== null));
  const answers = await answersById(tx, [...ids]);
  const last = new Map<Hostname, Answer>();
  for (const { hostname, answer_id } of nodes) {
    const answer = answer_id === null ? undefined : answers.get(answer_id);
    if (answer !== undefined) last.set(hostname, answer);
  }
  return last;
}

function changesAmong(polls: readonly Poll[], known: ReadonlyMap<Hostname, Answer>): Change[] {
  const last = new Map(known);
  const changes: Change[] = [];
  for (const poll of polls) {
    const before = last.get(poll.hostname) ?? null;
    if (before !== null && sameAnswer(before, poll.told)) continue;
    changes.push({ poll, before });
    last.set(poll.hostname, poll.told);
  }
  return changes;
}

/** Answers, for each node concerned, its last change. */
async function storeChanges(tx: Db, changes: readonly Change[]): Promise<Map<Hostname, NewlyTold>> {
  const answerIds = await storeAnswers(tx, new Set(changes.map(({ poll }) => poll.told)));
  const rows = changes.map(({ poll: { hostname, at, told } }) => {
    return { hostname, at, told_at: told.at, answer_id: answerIds.get(told) ?? notStored(hostname) };
  });
  for (const portion of portions(rows)) await tx.insertInto('assignments').values(portion).execute();
  const events = changes.map(({ poll, before }) => assignmentEvent(poll, before));
  await insertEvents(tx, events);
  const newlyTold = new Map<Hostname, NewlyTold>();
  for (const { hostname, at, told_at, answer_id } of rows) {
    const first_seen = newlyTold.get(hostname)?.first_seen ?? at;
    newlyTold.set(hostname, { hostname, first_seen, told_at, answer_id });
  }
  return newlyTold;
}

async function updateTold(tx: Db, told: readonly NewlyTold[], latest: ReadonlyMap<Hostname, Poll>): Promise<void> {
  const rows = told.map((row) => {
    const poll = latest.get(row.hostname);
    return { ...row, last_seen: poll?.at ?? row.first_seen, running: poll?.running ?? null };
  });
  for (const portion of portions(rows)) {
    const insert = tx.insertInto('nodes').values(portion);
    const upsert = insert.onConflict((conflict) =>
      conflict.column('hostname').doUpdateSet(({ ref }) => ({
        last_seen: ref('excluded.last_seen'),
        running: ref('excluded.running'),
        told_at: ref('excluded.told_at'),
        answer_id: ref('excluded.answer_id'),
      })),
    );
    await upsert.execute();
  }
}

/** Most polls only say that a node is there: that touches no index. */
async function updateSeen(tx: Db, polls: readonly Poll[]): Promise<void> {
  const rows = polls.map(({ hostname, at, running }) => ({ hostname, first_seen: at, last_seen: at, running }));
  for (const portion of portions(rows)) {
    const insert = tx.insertInto('nodes').values(portion);
    const upsert = insert.onConflict((conflict) =>
      conflict
        .column('hostname')
        .doUpdateSet(({ ref }) => ({ last_seen: ref('excluded.last_seen'), running: ref('excluded.running') })),
    );
    await upsert.execute();
  }
}

function notStored(hostname: Hostname): never {
  throw new Error(`what ${hostname} was told was just stored and is not there`);
}
