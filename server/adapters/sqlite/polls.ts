import { sql } from 'kysely';
import type { Digest, Hostname } from '../../../protocol/names.ts';
import type { NewEvent } from '../../core/event.ts';
import type { Poll } from '../../ports/store.ts';
import { type Answer, answersById, sameAnswer, storeAnswers } from './answers.ts';
import { assignmentEvent } from './assignment-event.ts';
import type { Db } from './schema.ts';
import { recordRuns } from './tag-runs.ts';

const HOUR_MS = 3_600_000;

/** What is stored of a node that has asked before. */
interface Known {
  readonly answer: Answer | null;
  readonly running: Digest | null;
  readonly seenHour: number;
}

/** All that a node has asked in one batch: its last poll, for all of them. */
interface Asked extends Poll {
  readonly firstAt: number;
  readonly count: number;
}

/** A poll that was answered with something else than the node's poll before. */
interface Change {
  readonly poll: Poll;
  readonly before: Answer | null;
}

interface Told {
  readonly toldAt: number;
  readonly answerId: number;
}

/**
 * Records polls in the order in which they came, which is what counts where their instants say otherwise. Each statement takes
 * all rows at once, as one JSON text: its own text is always the same, and is read and planned once.
 */
export async function recordPolls(tx: Db, polls: readonly Poll[]): Promise<void> {
  const latest = byNode(polls);
  const known = await findKnown(tx, [...latest.keys()]);
  const told = await storeChanges(tx, changesAmong(polls, known));
  const asked = [...latest.values()];
  const same = asked.filter(({ hostname }) => !told.has(hostname));
  const still = same.filter((one) => isAsBefore(one, known.get(one.hostname)));
  const moved = same.filter((one) => !isAsBefore(one, known.get(one.hostname)));
  await updateTold(tx, told, latest);
  await updateSeen(tx, still);
  await updateMoved(tx, moved);
  const news = asked.filter((one) => told.has(one.hostname) || known.get(one.hostname)?.running !== one.running);
  if (news.length > 0) await recordRuns(tx, news);
}

function byNode(polls: readonly Poll[]): Map<Hostname, Asked> {
  const latest = new Map<Hostname, Asked>();
  for (const poll of polls) {
    const { firstAt, count } = latest.get(poll.hostname) ?? { firstAt: poll.at, count: 0 };
    const { hostname, at, running, told } = poll;
    // Each by its name: a copy of another object has a shape of its own, and is looked up slowly.
    latest.set(hostname, { hostname, at, running, told, firstAt, count: count + (poll.count ?? 1) });
  }
  return latest;
}

/** Nothing but the time of its last poll and their number changes in the node's row, which is in no index. */
function isAsBefore({ at, running }: Poll, known: Known | undefined): boolean {
  return known?.running === running && known.seenHour === Math.floor(at / HOUR_MS);
}

async function findKnown(tx: Db, hostnames: readonly Hostname[]): Promise<Map<Hostname, Known>> {
  const found = await sql<{
    hostname: Hostname;
    answer_id: number | null;
    running: Digest | null;
    seen_hour: number;
  }>`
    select hostname, answer_id, running, seen_hour from json_each(${JSON.stringify(hostnames)}) as asked
    cross join nodes on nodes.hostname = asked.value`.execute(tx);
  const ids = new Set(found.rows.map((node) => node.answer_id).filter((id) => id !== null));
  const answers = await answersById(tx, [...ids]);
  return new Map(
    found.rows.map(({ hostname, answer_id, running, seen_hour }) => {
      const answer = answer_id === null ? null : (answers.get(answer_id) ?? null);
      return [hostname, { answer, running, seenHour: seen_hour }];
    }),
  );
}

function changesAmong(polls: readonly Poll[], known: ReadonlyMap<Hostname, Known>): Change[] {
  const last = new Map<Hostname, Answer>();
  const changes: Change[] = [];
  for (const poll of polls) {
    const before = last.get(poll.hostname) ?? known.get(poll.hostname)?.answer ?? null;
    if (before !== null && sameAnswer(before, poll.told)) continue;
    changes.push({ poll, before });
    last.set(poll.hostname, poll.told);
  }
  return changes;
}

/** Answers, for each node concerned, what it was told last. */
async function storeChanges(tx: Db, changes: readonly Change[]): Promise<Map<Hostname, Told>> {
  const told = new Map<Hostname, Told>();
  if (changes.length === 0) return told;
  const answerIds = await storeAnswers(tx, new Set(changes.map(({ poll }) => poll.told)));
  const rows = changes.map(({ poll: { hostname, at, told: answer } }) => {
    const answerId = answerIds.get(answer) ?? notStored(hostname);
    told.set(hostname, { toldAt: answer.at, answerId });
    return [hostname, at, answer.at, answerId];
  });
  await sql`
    insert into assignments (hostname, at, told_at, answer_id)
    select value ->> 0, value ->> 1, value ->> 2, value ->> 3 from json_each(${JSON.stringify(rows)})`.execute(tx);
  await insertEvents(
    tx,
    changes.map(({ poll, before }) => assignmentEvent(poll, before)),
  );
  return told;
}

/** These are put together from names and digests: there is nothing in them that JSON could not carry as it is. */
async function insertEvents(tx: Db, events: readonly NewEvent[]): Promise<void> {
  const rows = events.map(({ at, kind, by, subject, before, after, summary }) => {
    return [at, kind, by, subject, before, after, summary];
  });
  await sql`
    insert into events (at, kind, by, subject, before, after, summary)
    select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
    from json_each(${JSON.stringify(rows)})`.execute(tx);
}

async function updateTold(
  tx: Db,
  told: ReadonlyMap<Hostname, Told>,
  latest: ReadonlyMap<Hostname, Asked>,
): Promise<void> {
  if (told.size === 0) return;
  const rows = [...told].map(([hostname, { toldAt, answerId }]) => {
    const { firstAt, at, running, count } = latest.get(hostname) ?? notStored(hostname);
    return [hostname, firstAt, at, running, toldAt, answerId, count, Math.floor(at / HOUR_MS)];
  });
  await sql`
    insert into nodes (hostname, first_seen, last_seen, running, told_at, answer_id, polls, seen_hour)
    select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
    from json_each(${JSON.stringify(rows)}) where true
    on conflict (hostname) do update set
      last_seen = excluded.last_seen,
      running = excluded.running,
      told_at = excluded.told_at,
      answer_id = excluded.answer_id,
      polls = nodes.polls + excluded.polls,
      seen_hour = excluded.seen_hour`.execute(tx);
}

async function updateSeen(tx: Db, asked: readonly Asked[]): Promise<void> {
  if (asked.length === 0) return;
  const rows = asked.map(({ hostname, at, count }) => [hostname, at, count]);
  await sql`
    update nodes set last_seen = said.value ->> 1, polls = polls + (said.value ->> 2)
    from json_each(${JSON.stringify(rows)}) as said where nodes.hostname = said.value ->> 0`.execute(tx);
}

/** Nodes that run something else now, or that ask for the first time in an hour. */
async function updateMoved(tx: Db, asked: readonly Asked[]): Promise<void> {
  if (asked.length === 0) return;
  const rows = asked.map(({ hostname, at, count, running }) => {
    return [hostname, at, count, running, Math.floor(at / HOUR_MS)];
  });
  await sql`
    update nodes set
      last_seen = said.value ->> 1, polls = polls + (said.value ->> 2),
      running = said.value ->> 3, seen_hour = said.value ->> 4
    from json_each(${JSON.stringify(rows)}) as said where nodes.hostname = said.value ->> 0`.execute(tx);
}

function notStored(hostname: Hostname): never {
  throw new Error(`what ${hostname} was told was just stored and is not there`);
}
