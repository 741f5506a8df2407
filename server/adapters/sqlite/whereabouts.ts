import { sql } from 'kysely';
import type { Report } from '../../../protocol/assignment.ts';
import type { Digest, TagName } from '../../../protocol/names.ts';
import {
  countWhereabouts,
  digestsToLookUp,
  type Known,
  type ToldLast,
  type Whereabouts,
} from '../../core/whereabouts.ts';
import type { Db } from './schema.ts';

type Nullable<Row> = { [Key in keyof Row]: Row[Key] | null };

/** So many nodes of which all that counts is the same. */
interface Group extends Nullable<ToldLast> {
  readonly nodes: number;
  readonly running: Digest | null;
  readonly reported: Report['outcome'] | null;
  readonly reported_tag: Report['tag'];
  readonly reported_digest: Report['digest'];
  readonly drifted: number;
  readonly silent: number;
}

/** As the list of nodes has it: what was reported after the last poll is newer than what that poll said. */
const RUNNING = sql`case
  when last_report_id is not null and reported in ('applied', 'unchanged') and reported_digest is not running
    and reported_digest is not null and (select received_at from reports where id = last_report_id) >= last_seen
  then reported_digest else running end`;

/** Of nodes seen at or after an instant. Looks at each of them once; silent are those not seen at or after `silentBefore`. */
export async function whereabouts(
  db: Db,
  { seenSince, silentBefore }: { readonly seenSince: number; readonly silentBefore: number },
): Promise<Whereabouts[]> {
  const { rows } = await sql<Group>`
    select environment, wave, outcome, tag, digest, hold, running, reported, reported_tag, reported_digest, drifted, silent, nodes
    from (
      select answer_id, ${RUNNING} as running,
        case when last_report_id is not null then reported end as reported, reported_tag, reported_digest,
        last_report_id is not null and drifted as drifted, last_seen < ${silentBefore} as silent, count(*) as nodes
      from nodes where last_seen >= ${seenSince} group by 1, 2, 3, 4, 5, 6, 7
    ) as known left join answers on answers.id = known.answer_id`.execute(db);
  const known = rows.map(knownOf);
  const tags = new Map((await tagsOf(db, [...digestsToLookUp(known)])).map(({ digest, tag }) => [digest, tag]));
  return countWhereabouts(known, (digest) => tags.get(digest));
}

function knownOf({ nodes, running, reported, reported_tag, reported_digest, drifted, silent, ...told }: Group): Known {
  return {
    nodes,
    told: isTold(told) ? told : null,
    running,
    reported: reported === null ? null : { outcome: reported, tag: reported_tag, digest: reported_digest },
    drifted: drifted === 1,
    silent: silent === 1,
  };
}

function isTold(told: Nullable<ToldLast>): told is ToldLast {
  return told.outcome !== null;
}

/** The newest tag that somebody was told with each content. */
export async function tagsOf(
  db: Db,
  digests: readonly Digest[],
): Promise<{ digest: Digest; tag: TagName | 'trunk' }[]> {
  if (digests.length === 0) return [];
  // The name of trunk sorts after those of tags.
  const { rows } = await sql<{ digest: Digest; tag: TagName | 'trunk' }>`
    select sought.value as digest, coalesce(max(nullif(tag, 'trunk')), 'trunk') as tag
    from json_each(${JSON.stringify(digests)}) as sought cross join answers on answers.digest = sought.value
    where tag is not null group by sought.value`.execute(db);
  return rows;
}

interface PastGroup extends Nullable<ToldLast> {
  readonly nodes: number;
  readonly runs: number;
  readonly failed: number;
}

/**
 * What nodes had been told at an instant, those that were seen at or after another. Whether they ran it, or had reported that it
 * failed, as far as that is kept.
 */
export async function whereaboutsAt(
  db: Db,
  { at, seenSince }: { readonly at: number; readonly seenSince: number },
): Promise<Whereabouts[]> {
  const { rows } = await sql<PastGroup>`
    select answers.environment, answers.wave, answers.outcome, answers.tag, answers.hold, count(*) as nodes,
      coalesce(tag_runs.since <= ${at} and (tag_runs.until is null or tag_runs.until > ${at}), 0) as runs,
      tag_runs.outcome is not null and tag_runs.at <= ${at} as failed
    from (
      select hostname, (
        select id from assignments
        where assignments.hostname = nodes.hostname and at <= ${at} order by at desc, id desc limit 1) as id
      from nodes where first_seen <= ${at} and last_seen >= ${seenSince}
    ) as node
    left join assignments on assignments.id = node.id
    left join answers on answers.id = assignments.answer_id
    left join tag_runs on tag_runs.tag = answers.tag and tag_runs.hostname = node.hostname
    group by 1, 2, 3, 4, 5, 7, 8`.execute(db);
  return countWhereabouts(rows.map(pastOf), () => undefined);
}

/** Any content will do to say that it was what they were told. */
const SOME = `sha256:${'0'.repeat(64)}` as Digest;

function pastOf({ nodes, runs, failed, ...answer }: PastGroup): Known {
  const told = { ...answer, digest: SOME };
  return {
    nodes,
    told: isTold(told) ? told : null,
    running: runs === 1 ? SOME : null,
    reported: failed === 1 ? { outcome: 'failed', tag: answer.tag, digest: null } : null,
    drifted: false,
    silent: false,
  };
}

/** When the last node heard that is now told of a killswitch, at or after an instant; null where none has. */
export async function lastStopped(
  db: Db,
  { environment, since }: { readonly environment: string | null; readonly since: number },
): Promise<number | null> {
  const there = environment === null ? sql`true` : sql`answers.environment = ${environment}`;
  const { rows } = await sql<{ at: number | null }>`
    select max((select max(at) from assignments where answer_id = answers.id and at >= ${since})) as at
    from told_counts cross join answers on answers.id = told_counts.answer_id
    where answers.outcome = 'killswitch' and ${there}`.execute(db);
  return rows[0]?.at ?? null;
}

/** Since when all that decides is recorded; null where nothing is. */
export async function recordedSince(db: Db): Promise<number | null> {
  const { rows } = await sql<{ first: number | null; oldest: number | null }>`
    select (select at from control_versions where file = 'schedule.yml' order by id limit 1) as first,
      (select min(at) from events) as oldest`.execute(db);
  const { first = null, oldest = null } = rows[0] ?? {};
  return first === null ? null : Math.max(first, oldest ?? first);
}
