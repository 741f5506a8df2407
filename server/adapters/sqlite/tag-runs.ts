import { type ExpressionBuilder, sql } from 'kysely';
import type { TagName } from '../../../protocol/names.ts';
import type { Poll, TagFailures, TagRuns } from '../../ports/store.ts';
import type { Reported } from './reports.ts';
import type { Db, Schema } from './schema.ts';

/** So many of those that failed are named. */
const NAMED = 5;

/**
 * After the polls themselves, of those that said something new: who runs what it was told, does so from its first poll that said
 * so until the first one that says otherwise. A node has one run of each tag, however often it comes back to it.
 */
export async function recordRuns(tx: Db, polls: readonly Poll[]): Promise<void> {
  const saying = polls.filter((poll) => poll.running !== null);
  if (saying.length > 0) await closeRuns(tx, saying);
  const rows = saying.flatMap(({ hostname, at, running, told }) => {
    const { tag, digest, wave } = told;
    if (tag === null || tag === 'trunk' || digest === null || digest !== running) return [];
    return [[tag, hostname, wave, digest, at]];
  });
  if (rows.length === 0) return;
  await sql`
    insert into tag_runs (tag, hostname, wave, digest, since, at)
    select value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 4
    from json_each(${JSON.stringify(rows)}) where true
    on conflict (tag, hostname) do update set digest = excluded.digest, since = excluded.since
    where tag_runs.since is null`.execute(tx);
}

/** Ends the runs of content that these nodes run no more. */
async function closeRuns(tx: Db, polls: readonly Poll[]): Promise<void> {
  const rows = polls.map(({ hostname, at, running }) => [hostname, at, running]);
  await sql`
    update tag_runs set until = said.value ->> 1
    from json_each(${JSON.stringify(rows)}) as said
    where tag_runs.hostname = said.value ->> 0 and tag_runs.digest <> said.value ->> 2
      and tag_runs.since is not null and tag_runs.until is null`.execute(tx);
}

/** A failure makes the node one of those that count; that it applied the tag after all takes it out again. In their order. */
export async function recordOutcomes(tx: Db, reported: readonly Reported[]): Promise<void> {
  let applied: Reported[] = [];
  for (const one of reported) {
    const { tag, outcome } = one.report;
    if (tag === null || tag === 'trunk' || one.countsIn === null) continue;
    if (outcome === 'applied') applied.push(one);
    if (outcome !== 'failed' && outcome !== 'rolled-back') continue;
    await clearFailures(tx, applied);
    applied = [];
    await recordFailure(tx, { ...one, tag, outcome, countsIn: one.countsIn });
  }
  await clearFailures(tx, applied);
}

async function clearFailures(tx: Db, applied: readonly Reported[]): Promise<void> {
  if (applied.length === 0) return;
  const rows = applied.map(({ hostname, report: { tag } }) => [tag, hostname]);
  await sql`
    update tag_runs set outcome = null
    where (tag, hostname) in (select value ->> 0, value ->> 1 from json_each(${JSON.stringify(rows)}))
      and outcome is not null`.execute(tx);
}

type Failure = Pick<Reported, 'hostname' | 'at'> & {
  readonly tag: TagName;
  readonly outcome: 'failed' | 'rolled-back';
  readonly countsIn: string;
};

async function recordFailure(tx: Db, { hostname, tag, outcome, at, countsIn }: Failure): Promise<void> {
  await tx
    .insertInto('tag_runs')
    .values({ tag, hostname, wave: countsIn, digest: null, since: null, until: null, outcome, at })
    .onConflict((conflict) => conflict.columns(['tag', 'hostname']).doUpdateSet({ outcome, at, wave: countsIn }))
    .execute();
}

export async function tagFailures(db: Db, tag: TagName, since = 0): Promise<TagFailures[]> {
  const counted = await db
    .selectFrom('tag_runs')
    .select(['wave', 'outcome'])
    .select((is) => is.fn.countAll<number>().as('nodes'))
    .where('tag', '=', tag)
    .where('outcome', 'is not', null)
    .where('at', '>=', since)
    .groupBy(['wave', 'outcome'])
    .orderBy('wave')
    .execute();
  const first = await firstFailures(db, tag, since);
  return [...new Set(counted.map((row) => row.wave))].map((wave) => {
    const nodes = (outcome: string) =>
      Number(counted.find((row) => row.wave === wave && row.outcome === outcome)?.nodes ?? 0);
    const named = first.filter((row) => row.wave === wave).map((row) => row.hostname);
    return { wave, failed: nodes('failed'), rolledBack: nodes('rolled-back'), first: named };
  });
}

async function firstFailures(db: Db, tag: TagName, since: number) {
  const ranked = db
    .selectFrom('tag_runs')
    .select(['wave', 'hostname', 'at'])
    .select((is) => nthOfWave(is).as('nth'))
    .where('tag', '=', tag)
    .where('outcome', 'is not', null)
    .where('at', '>=', since);
  const first = db.selectFrom(ranked.as('ranked')).select(['wave', 'hostname']).where('nth', '<=', NAMED);
  return first.orderBy('at').orderBy('hostname').execute();
}

function nthOfWave(is: ExpressionBuilder<Schema, 'tag_runs'>) {
  return is.fn.agg<number>('row_number').over((over) => over.partitionBy('wave').orderBy('at').orderBy('hostname'));
}

export async function tagRuns(db: Db, tag: TagName, at: number): Promise<TagRuns[]> {
  const rows = await db
    .selectFrom('tag_runs')
    .select('wave')
    .select((is) => is.fn.count<number>('since').as('nodes'))
    .select(sql<number>`sum(coalesce(until, ${at}) - since)`.as('milliseconds'))
    .where('tag', '=', tag)
    .where('since', 'is not', null)
    .groupBy('wave')
    .orderBy('wave')
    .execute();
  return rows.map(({ wave, nodes, milliseconds }) => ({
    wave,
    nodes: Number(nodes),
    milliseconds: Math.max(0, Number(milliseconds)),
  }));
}
