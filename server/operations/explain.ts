import { floorHour, type Hostname } from '../../protocol/names.ts';
import { type Choice, chooseBySchedule, chooseFirst, place } from '../core/choose.ts';
import type { Decision } from '../core/decide.ts';
import { worldLater } from '../core/forecast.ts';
import type { Placed, World } from '../core/world.ts';
import type { Attempt } from '../ports/common.ts';
import type { Store } from '../ports/store.ts';
import { choose, contentOf, holdUnfit, whereIs } from './assign.ts';
import type { Context } from './context.ts';
import { experienceReasons } from './experience.ts';
import { inputsOf } from './known-nodes.ts';
import { type Ready, worldNow } from './world.ts';
import { nothingKnown, worldAt } from './world-at.ts';

export interface Explanation {
  readonly hostname: Hostname;
  /** RFC 3339: the instant that is explained. */
  readonly at: string;
  readonly tense: 'past' | 'now' | 'future';
  /** Empty, as the wave, where the nodegrouper failed. */
  readonly environment: string;
  readonly wave: string;
  readonly groups: readonly string[];
  readonly decision: Decision;
  /** What was assumed, or is not known. */
  readonly notes: readonly string[];
}

/** Why a node gets, got or will get what it does. `at` in milliseconds since 1970; undefined = now. Rejects where the past is asked for and the history cannot be read. */
export async function explain(context: Context, hostname: Hostname, at?: number): Promise<Attempt<Explanation>> {
  const ready = worldNow(context);
  if (ready.kind === 'not-ready') return { ok: false, sentence: ready.sentence, hint: ready.hint };
  const { now } = ready.world;
  if (at === undefined) return explainIn(context, { world: ready.world, hostname, tense: 'now', notes: [] });
  if (at > now) return explainFuture(context, ready, { hostname, at });
  return explainPast(context, { hostname, at });
}

interface Asked {
  readonly world: World;
  readonly hostname: Hostname;
  readonly tense: Explanation['tense'];
  readonly notes: readonly string[];
}

async function explainIn(context: Context, { world, hostname, tense, notes }: Asked): Promise<Attempt<Explanation>> {
  const { placed, choice: chosen } = await choose(context, world, { hostname, afresh: tense === 'future' });
  const choice = tense === 'now' ? await judgeView(context, placed, chosen) : chosen;
  if (choice.outcome === 'refused') return { ok: false, sentence: choice.message, hint: 'ask without a tag' };
  const serves = tense === 'now' && choice.outcome === 'serve';
  const also = serves ? await experienceReasons(context, world, { placed, tag: choice.tag }) : [];
  return {
    ok: true,
    value: {
      hostname,
      at: new Date(world.now).toISOString(),
      tense,
      ...whereIs(placed),
      decision: also.length === 0 ? choice : { ...choice, reasons: [...choice.reasons, ...also] },
      notes,
    },
  };
}

/** A node that was not known when the tag was made may be one for which it cannot be made. */
async function judgeView(context: Context, placed: Placed, choice: Choice): Promise<Choice> {
  const content = choice.outcome === 'serve' ? contentOf(context, choice.tag) : undefined;
  if (choice.outcome !== 'serve' || content === undefined || placed.wave === null) return choice;
  try {
    const { flaw } = await context.views.check(content.tree, [inputsOf(context, placed)]);
    return flaw === null ? choice : holdUnfit(placed, choice, flaw);
  } catch {
    // Where the content cannot be read now, what decides can be told all the same.
    return choice;
  }
}

/** There is one tag for each hour until then. */
const FARTHEST_HOURS = 366 * 24;

/** Today's marks, pins and groups, with one unmarked tag an hour. */
async function explainFuture(
  context: Context,
  { world }: Ready,
  { hostname, at }: { readonly hostname: Hostname; readonly at: number },
): Promise<Attempt<Explanation>> {
  if (floorHour(at) > floorHour(world.now) + FARTHEST_HOURS)
    return { ok: false, sentence: 'that lies more than a year ahead', hint: 'ask for an earlier time' };
  const notes = ["with today's marks, pins and groups, and one unmarked tag an hour from now on"];
  if (context.programs.nodetagger().kind === 'ready')
    notes.push('a nodetagger that looks at the clock answers as of now');
  return explainIn(context, { world: worldLater(world, at), hostname, tense: 'future', notes });
}

async function explainPast(
  context: Context,
  { hostname, at }: { readonly hostname: Hostname; readonly at: number },
): Promise<Attempt<Explanation>> {
  await context.fleet.flush();
  const world = await worldAt(context, at);
  const told = await context.store.toldAt(hostname, at);
  const programs =
    context.programs.nodetagger().kind !== 'none' ||
    context.programs.nodegrouper().kind !== 'none' ||
    (told?.reasons.some((reason) => reason.includes('the nodetagger')) ?? false);
  if (told !== undefined && (world === undefined || programs))
    return { ok: true, value: fromRecord(hostname, told, at) };
  if (world === undefined) return nothingKnown(at);
  const placed = place(world, hostname, []);
  const choice = chooseFirst(world, placed) ?? chooseBySchedule(world, placed);
  if (choice.outcome === 'refused') return { ok: false, sentence: choice.message, hint: 'ask without a tag' };
  const notes = ['with the marks, pins, groups and tags as they were', whatWasTold(told)];
  if (programs) notes.push('without the nodetagger and nodegrouper, whose answers of then are not known');
  return {
    ok: true,
    value: { hostname, at: new Date(at).toISOString(), tense: 'past', ...whereIs(placed), decision: choice, notes },
  };
}

function whatWasTold(told: Told | undefined): string {
  if (told === undefined) return 'it had not asked by then';
  const what = [told.outcome, told.tag ?? told.hold].filter((word) => word !== null).join(' ');
  return `it had been told: ${what}, since ${new Date(told.at).toISOString()}`;
}

type Told = NonNullable<Awaited<ReturnType<Store['toldAt']>>>;

function fromRecord(hostname: Hostname, told: Told, at: number): Explanation {
  const { environment, wave, groups, reasons, message } = told;
  const decision: Decision =
    told.outcome === 'serve'
      ? { outcome: 'serve', tag: told.tag ?? 'trunk', reasons }
      : told.outcome === 'killswitch'
        ? { outcome: 'killswitch', environment: null, message: message ?? '', reasons }
        : { outcome: 'hold', hold: told.hold ?? 'nodetagger-failed', message: message ?? '', reasons };
  const notes = [`as it was told; this answer began at ${new Date(told.at).toISOString()}`];
  return { hostname, at: new Date(at).toISOString(), tense: 'past', environment, wave, groups, decision, notes };
}
