import { floorHour, type Hour, type ObjectId, startOf, tagNameOf } from '../../protocol/names.ts';
import type { Problem } from '../core/problem.ts';
import { hoursBack, isLate, planBackfill, planTag } from '../core/snapshot-plan.ts';
import type { Attempt } from '../ports/common.ts';
import type { Commit, Fetched, FetchedTip } from '../ports/repository.ts';
import { type Actor, type Context, THE_SERVER } from './context.ts';
import { fetchSource } from './fetch.ts';
import { type Made, makeTag } from './make-tag.ts';
import { refreshShelf } from './refresh-shelf.ts';

/** Sees to it that the current hour has its tag. Called on the hour and once a minute; does nothing where it exists. */
export async function tagCurrentHour(context: Context): Promise<Attempt<Made> | 'exists'> {
  await refreshShelf(context);
  const now = context.time.now();
  const hour = floorHour(now);
  if (context.shelf.current().byName.has(tagNameOf(hour))) {
    context.problems.set('snapshot', []);
    return 'exists';
  }
  const made = await tagHour(context, hour, now);
  const isHole = !made.ok && (await isPast(context, hour));
  context.problems.set('snapshot', made.ok || isHole ? [] : [noTag(hour, made)]);
  if (!made.ok)
    context.log[isHole ? 'debug' : 'error']('no tag made', { tag: tagNameOf(hour), sentence: made.sentence });
  return made;
}

/**
 * Nobody can do anything any more about an hour that began with a tip that nobody signed who may: a tag of the commit before
 * would not be what the hour had, and one of the commit after would come to production early. The next hour has its tag.
 */
async function isPast({ repository }: Context, hour: Hour): Promise<boolean> {
  const [then, tip] = [await repository.tipAt(startOf(hour)), await repository.tip()];
  if (then === undefined || tip === undefined || then.commit === tip.commit) return false;
  return !(await repository.verify(then.commit)).ok && (await repository.verify(tip.commit)).ok;
}

async function tagHour(context: Context, hour: Hour, now: number): Promise<Attempt<Made>> {
  const doubt = context.time.doubt();
  if (doubt !== null) return { ok: false, sentence: doubt, hint: 'no tag is made until the clock is steady again' };
  const tipAtHour = isLate(hour, now) ? await context.repository.tipAt(hour * 3_600_000) : undefined;
  const fetched = tipAtHour === undefined ? await fetchSource(context) : undefined;
  const failure = fetched !== undefined && !fetched.ok ? fetched : undefined;
  const tip = await context.repository.tip();
  const plan = planTag<ObjectId>({ hour, now, tip, tipAtHour, fetchFailure: failure?.sentence ?? null });
  if (plan === undefined)
    return (
      failure ?? { ok: false, sentence: 'nothing was ever fetched', hint: 'see that the repository can be fetched' }
    );
  // While the tip is one that nobody signed who may, no tag is made, not even of an earlier one.
  const signed = tip === undefined ? undefined : await context.repository.verify(tip.commit, { afresh: true });
  if (signed !== undefined && !signed.ok) return signed;
  return makeTag(context, { ...plan, hour, actor: THE_SERVER });
}

function noTag(hour: Hour, { sentence, hint }: { sentence: string; hint: string }): Problem {
  return {
    id: 'snapshot:no-tag',
    severity: 'error',
    sentence: `${tagNameOf(hour)} could not be made: ${sentence}`,
    hint,
  };
}

export interface ManualSnapshot {
  readonly hour?: Hour;
  /** A commit id, or an unambiguous beginning of one. */
  readonly commit?: string;
  readonly actor: Actor;
}

export type ManualResult =
  | { readonly kind: 'made'; readonly made: Made }
  /** The tag exists with another commit, which is never replaced; or its commits would have skipped their soak. */
  | { readonly kind: 'conflict'; readonly sentence: string; readonly hint: string }
  | { readonly kind: 'failed'; readonly sentence: string; readonly hint: string };

/** Fetches, then makes one tag by hand. Never replaces one. */
export async function snapshotByHand(context: Context, { hour, commit, actor }: ManualSnapshot): Promise<ManualResult> {
  await refreshShelf(context);
  const now = context.time.now();
  const wanted = hour ?? floorHour(now);
  if (wanted > floorHour(now))
    return {
      kind: 'failed',
      sentence: `${tagNameOf(wanted)} lies ahead of now`,
      hint: 'name the current hour or an earlier one',
    };
  const doubt = context.time.doubt();
  if (doubt !== null)
    return { kind: 'failed', sentence: doubt, hint: 'no tag is made until the clock is steady again' };
  const fetched = await fetchSource(context);
  const tip = await context.repository.tip();
  if (tip === undefined) return { kind: 'failed', ...failureOf(fetched) };
  const named = commit === undefined ? undefined : await context.repository.commit(commit);
  if (commit !== undefined && named === undefined)
    return {
      kind: 'failed',
      sentence: `there is no commit ${commit.slice(0, 40)} in the repository`,
      hint: 'name a commit of the configuration branch',
    };
  const unsoaked = named === undefined ? await refuseUnsoaked(context, wanted, now) : undefined;
  if (unsoaked !== undefined) return unsoaked;
  const made = await makeTag(context, {
    ...(await chooseCommit(context, { wanted, named, tip, fetched })),
    hour: wanted,
    origin: 'manual',
    actor,
  });
  if (!made.ok) return { kind: 'failed', ...failureOf(made) };
  if (named !== undefined && made.value.record.commit !== named.id)
    return {
      kind: 'conflict',
      sentence: `${made.value.record.name} exists and is ${made.value.record.commit.slice(0, 12)}, not ${named.id.slice(0, 12)}; a tag is never replaced`,
      hint: "mark it bad, and make the next hour's tag from the commit you want",
    };
  return { kind: 'made', made: made.value };
}

/** A past hour without a tip of that time would take today's commits past everybody who has a say before production. */
async function refuseUnsoaked(context: Context, wanted: Hour, now: number): Promise<ManualResult | undefined> {
  const name = tagNameOf(wanted);
  if (wanted === floorHour(now) || context.shelf.current().byName.has(name)) return undefined;
  if ((await context.repository.tipAt(wanted * 3_600_000)) !== undefined) return undefined;
  return {
    kind: 'conflict',
    sentence: `nothing had been fetched by the hour of ${name}, so it is not known what the tip was then`,
    hint: 'name the commit with --commit, or fill in the past from history with --backfill',
  };
}

interface CommitChoice {
  readonly wanted: Hour;
  readonly named: Commit | undefined;
  readonly tip: FetchedTip;
  readonly fetched: Attempt<Fetched>;
}

/** The commit that was named; else, as for every tag, the tip as it was at that hour, so that no soak is cut short by accident. */
async function chooseCommit(context: Context, { wanted, named, tip, fetched }: CommitChoice) {
  const now = context.time.now();
  if (named !== undefined)
    return {
      commit: named.id,
      stale: false,
      fetched: named.id === tip.commit ? tip.at : null,
      reasons: ['made by hand from a named commit'],
    };
  const tipAtHour = isLate(wanted, now) ? await context.repository.tipAt(wanted * 3_600_000) : undefined;
  const plan = planTag<ObjectId>({
    hour: wanted,
    now,
    tip,
    tipAtHour,
    fetchFailure: fetched.ok ? null : fetched.sentence,
  });
  return plan === undefined
    ? { commit: tip.commit, stale: !fetched.ok, fetched: tip.at, reasons: ['made by hand'] }
    : { ...plan, reasons: ['made by hand', ...plan.reasons] };
}

function failureOf(attempt: Attempt<unknown>): { sentence: string; hint: string } {
  return attempt.ok
    ? { sentence: 'nothing was ever fetched', hint: 'see that the repository can be fetched' }
    : { sentence: attempt.sentence, hint: attempt.hint };
}

export type Backfilled =
  /** `without`: why hours have no tag whose commit nobody signed who may. */
  | { readonly kind: 'done'; readonly tags: readonly Made[]; readonly without: readonly string[] }
  | { readonly kind: 'refused'; readonly sentence: string; readonly hint: string };

/** Makes the past hours' tags from first-parent history, so that every wave has one on the first day. Only before the first regular tag. */
export async function backfill(context: Context, hours: number, actor: Actor): Promise<Backfilled> {
  const fetched = await fetchSource(context);
  if (!fetched.ok) return { kind: 'refused', sentence: fetched.sentence, hint: fetched.hint };
  const regular = context.shelf.current().tags.find((record) => record.origin !== 'backfill');
  if (regular !== undefined)
    return {
      kind: 'refused',
      sentence: `${regular.name} exists already: the past can be filled in only before the first regular tag`,
      hint: 'nothing needs to be done; every hour gets its tag from now on',
    };
  const wanted = hoursBack(context.time.now(), hours);
  const history = await context.repository.history((wanted[0] ?? 0) * 3_600_000);
  const tags: Made[] = [];
  const without = new Map<ObjectId, Extract<Attempt<never>, { ok: false }>>();
  for (const { hour, commit } of planBackfill(history, wanted)) {
    const signed = await context.repository.verify(commit.id);
    if (!signed.ok) {
      without.set(commit.id, signed);
      continue;
    }
    const reasons = ['filled in from history by committer date'];
    const made = await makeTag(context, {
      hour,
      commit: commit.id,
      origin: 'backfill',
      stale: false,
      fetched: null,
      reasons,
      actor,
    });
    if (!made.ok) return { kind: 'refused', sentence: made.sentence, hint: made.hint };
    tags.push(made.value);
  }
  const [refused] = without.values();
  if (tags.length === 0 && refused !== undefined)
    return { kind: 'refused', sentence: refused.sentence, hint: refused.hint };
  return { kind: 'done', tags, without: [...without.values()].map(({ sentence }) => sentence) };
}
