import { floorHour, hourOf } from '../../../protocol/names.ts';
import { type Dropped, droppedText } from '../../core/chain.ts';
import type { NewEvent } from '../../core/event.ts';
import { appendEvents, lastEventId } from './chain.ts';
import type { Db } from './schema.ts';
import type { Work } from './writer.ts';

export interface PruneBefore {
  /** When it is done. */
  readonly at: number;
  readonly reports: number;
  readonly events: number;
  readonly nodes: number;
  /** Of tags whose hour was before. */
  readonly runs: number;
}

/** Rows a transaction: few enough that requests are answered in between. */
const ROWS_AT_ONCE = 500;

/**
 * Drops what is older, in many short transactions. Of what changes seldom, the version that was in effect at the oldest
 * instant kept stays, so that the past can be answered from there on.
 */
export async function prune(
  write: <Result>(work: Work<Result>) => Promise<Result>,
  before: PruneBefore,
): Promise<void> {
  await whileAny(() => write((tx) => dropReports(tx, before.reports)));
  await whileAny(() => write((tx) => dropEvents(tx, before.events)));
  const last = await write(lastEventId);
  await whileAny(() => write((tx) => dropChained(tx, before, last)));
  await whileAny(() => write((tx) => dropRuns(tx, before.runs)));
  await whileAny(() => write((tx) => dropNodes(tx, before.nodes)));
  let from: number | undefined = 0;
  while (from !== undefined) {
    const after: number = from;
    from = await write((tx) => dropAssignments(tx, after, before.events));
  }
  await write((tx) => dropControlVersions(tx, before.events));
  await write((tx) => tx.deleteFrom('tags').where('pruned_at', '<', before.events).execute());
  await write(dropUnusedAnswers);
}

async function whileAny(drop: () => Promise<bigint>): Promise<void> {
  while ((await drop()) > 0n);
}

async function dropReports(tx: Db, before: number): Promise<bigint> {
  const old = tx.selectFrom('reports').select('id').where('received_at', '<', before).orderBy('received_at');
  const result = await tx.deleteFrom('reports').where('id', 'in', old.limit(ROWS_AT_ONCE)).executeTakeFirst();
  return result.numDeletedRows;
}

/** Those outside of the chain. */
async function dropEvents(tx: Db, before: number): Promise<bigint> {
  const kinds = tx.selectFrom('events').select('id').where('hash', 'is', null);
  const old = kinds.where('at', '<', before).orderBy('at').orderBy('id');
  const result = await tx.deleteFrom('events').where('id', 'in', old.limit(ROWS_AT_ONCE)).executeTakeFirst();
  return result.numDeletedRows;
}

const CHAINED_AT_ONCE = 5_000;

/**
 * The oldest of the chain, as far as all of them are old, whatever a clock that was set back has left in between. In the same
 * transaction it is recorded up to where (none of these records is itself dropped then), so that at any moment what is left can be followed from there.
 */
async function dropChained(tx: Db, { at, events: before }: PruneBefore, until: number): Promise<bigint> {
  const chained = tx.selectFrom('events').select(['id', 'at', 'hash']).where('hash', 'is not', null);
  const rows = await chained.where('id', '<=', until).orderBy('id').limit(CHAINED_AT_ONCE).execute();
  const kept = rows.findIndex((row) => row.at >= before);
  const old = kept === -1 ? rows : rows.slice(0, kept);
  const last = old.at(-1);
  if (last?.hash == null) return 0n;
  const dropped = { id: last.id, hash: last.hash, events: old.length };
  await appendEvents(tx, [pruneEvent(dropped, { at, before })]);
  const gone = tx.deleteFrom('events').where('hash', 'is not', null).where('id', '<=', last.id);
  return (await gone.executeTakeFirst()).numDeletedRows;
}

function pruneEvent(dropped: Dropped, { at, before }: { readonly at: number; readonly before: number }): NewEvent {
  const { events, id } = dropped;
  return {
    at,
    kind: 'prune',
    by: 'server',
    from: null,
    subject: 'events',
    before: droppedText(dropped),
    after: null,
    why: `they were older than ${new Date(before).toISOString()} (store.event_days)`,
    summary: `${events} ${events === 1 ? 'event' : 'events'} up to event ${id} ${events === 1 ? 'was' : 'were'} dropped`,
  };
}

/** Those of the oldest tag, where its hour is over for good. */
async function dropRuns(tx: Db, before: number): Promise<bigint> {
  const oldest = await tx.selectFrom('tag_runs').select('tag').orderBy('tag').limit(1).executeTakeFirst();
  if (oldest === undefined || hourOf(oldest.tag) >= floorHour(before)) return 0n;
  const runs = tx.selectFrom('tag_runs').select('hostname').where('tag', '=', oldest.tag).limit(ROWS_AT_ONCE);
  const some = tx.deleteFrom('tag_runs').where('tag', '=', oldest.tag).where('hostname', 'in', runs);
  return (await some.executeTakeFirst()).numDeletedRows;
}

async function dropNodes(tx: Db, before: number): Promise<bigint> {
  const old = tx
    .selectFrom('nodes')
    .select('hostname')
    .where('seen_hour', '<=', floorHour(before))
    .where('last_seen', '<', before)
    .limit(ROWS_AT_ONCE);
  return (await tx.deleteFrom('nodes').where('hostname', 'in', old).executeTakeFirst()).numDeletedRows;
}

/** Looks at some assignments after an id. Answers the id to go on from; undefined when all old ones were looked at. */
async function dropAssignments(tx: Db, after: number, before: number): Promise<number | undefined> {
  const portion = tx.selectFrom('assignments').select(['id', 'at']).where('id', '>', after).orderBy('id');
  const rows = await portion.limit(ROWS_AT_ONCE).execute();
  const last = rows.at(-1);
  if (last === undefined || rows.every((row) => row.at >= before)) return undefined;
  await tx
    .deleteFrom('assignments')
    .where('id', '>', after)
    .where('id', '<=', last.id)
    .where('at', '<', before)
    .where((is) =>
      is.or([
        is.exists(
          is
            .selectFrom('assignments as later')
            .select('later.id')
            .whereRef('later.hostname', '=', 'assignments.hostname')
            .whereRef('later.id', '>', 'assignments.id')
            .where('later.at', '<=', before),
        ),
        is.not(
          is.exists(
            is.selectFrom('nodes').select('nodes.hostname').whereRef('nodes.hostname', '=', 'assignments.hostname'),
          ),
        ),
      ]),
    )
    .execute();
  return last.id;
}

async function dropControlVersions(tx: Db, before: number): Promise<void> {
  await tx
    .deleteFrom('control_versions')
    .where('at', '<', before)
    .where((is) =>
      is.exists(
        is
          .selectFrom('control_versions as later')
          .select('later.id')
          .whereRef('later.file', '=', 'control_versions.file')
          .whereRef('later.id', '>', 'control_versions.id')
          .where('later.at', '<=', before),
      ),
    )
    .execute();
  const used = tx.selectFrom('control_versions').select('text_hash').where('text_hash', 'is not', null);
  await tx.deleteFrom('control_texts').where('hash', 'not in', used.$castTo<{ text_hash: string }>()).execute();
}

async function dropUnusedAnswers(tx: Db): Promise<void> {
  await tx
    .deleteFrom('answers')
    .where((is) =>
      is.not(is.exists(is.selectFrom('assignments').select('id').whereRef('assignments.answer_id', '=', 'answers.id'))),
    )
    .execute();
}
