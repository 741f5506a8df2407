import { floorHour, type Hostname, type ObjectId, tagNameOf } from '../../protocol/names.ts';
import { type Choice, chooseBySchedule, chooseFirst, place } from '../core/choose.ts';
import { NODE_GROUPS_RULES, NODES_RULES, PINS_RULES, SCHEDULE_RULES } from '../core/control-rules.ts';
import type { Decision } from '../core/decide.ts';
import { lookFromText, NO_KILLSWITCH, readKillswitch } from '../core/killswitch.ts';
import { groupByTag, marksFromJson } from '../core/marks.ts';
import { environmentsOf } from '../core/schedule.ts';
import type { FileRules } from '../core/settle.ts';
import type { TagRecord } from '../core/tag.ts';
import { parseTagstate } from '../core/tagstate.ts';
import type { Placed, World } from '../core/world.ts';
import type { Attempt } from '../ports/common.ts';
import type { Store } from '../ports/store.ts';
import { choose, contentOf, holdUnfit, whereIs } from './assign.ts';
import type { Context } from './context.ts';
import { experienceReasons } from './experience.ts';
import { MARKS_IN_EFFECT } from './held.ts';
import { inputsOf } from './known-nodes.ts';
import { type Ready, worldNow } from './world.ts';

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
  const now = floorHour(world.now);
  if (floorHour(at) > now + FARTHEST_HOURS)
    return { ok: false, sentence: 'that lies more than a year ahead', hint: 'ask for an earlier time' };
  const made = new Set(world.tags.map((record) => record.hour));
  const tags = [...world.tags];
  for (let hour = now + 1; hour <= floorHour(at); hour++) if (!made.has(hour)) tags.push(futureTag(hour, world));
  tags.sort((one, other) => one.hour - other.hour);
  const notes = ["with today's marks, pins and groups, and one unmarked tag an hour from now on"];
  if (context.programs.nodetagger().kind === 'ready')
    notes.push('a nodetagger that looks at the clock answers as of now');
  return explainIn(context, { world: { ...world, now: at, tags }, hostname, tense: 'future', notes });
}

function futureTag(hour: number, world: World): TagRecord {
  const id = world.trunk?.commit ?? ('0'.repeat(40) as ObjectId);
  return {
    name: tagNameOf(hour),
    hour,
    broken: null,
    commit: id,
    tree: world.trunk?.tree ?? id,
    author: '',
    subject: 'not made yet',
    created: new Date(hour * 3_600_000).toISOString(),
    fetched: null,
    origin: 'cron',
    stale: false,
    commits: null,
  };
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

function nothingKnown(at: number): Attempt<never> {
  return {
    ok: false,
    sentence: `nothing is known of ${new Date(at).toISOString()}: the history begins later, or was lost`,
    hint: 'ask for a later instant; "tagwave-server events" shows what is recorded',
  };
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

/** The world as of an instant, from what was recorded; undefined where nothing was recorded yet. */
async function worldAt(context: Context, at: number): Promise<World | undefined> {
  const { store } = context;
  const trunk = context.shelf.current().trunk;
  const state = context.desk.look();
  const mayApprove = state.kind === 'ready' && state.controls.settings.tagstate.repositoryMayApprove;
  const scheduleText = await store.controlAt('schedule.yml', at);
  if (scheduleText === undefined) return undefined;
  const schedule = meaning(SCHEDULE_RULES, scheduleText);
  const environments = environmentsOf(schedule);
  const marks = marksFromJson((await store.controlAt(MARKS_IN_EFFECT, at)) ?? '');
  if (!marks.ok) return undefined;
  const repository = parseTagstate((await store.controlAt('tagstate in the repository', at)) ?? '', 'repository', {
    mayApprove,
  });
  const killswitch = await store.controlAt('killswitch', at);
  return {
    now: at,
    tags: await store.tagsAt(at),
    trunk,
    marks: { base: marks.marks, repository: groupByTag(repository.lines), environments },
    schedule,
    nodes: meaning(NODES_RULES, await store.controlAt('nodes.yml', at)),
    nodeGroups: meaning(NODE_GROUPS_RULES, await store.controlAt('nodegroups.yml', at)),
    pins: meaning(PINS_RULES, await store.controlAt('pins', at)),
    killswitch: killswitch ? readKillswitch(lookFromText(killswitch), environments).killswitch : NO_KILLSWITCH,
    clientTags: 'any',
  };
}

function meaning<Meaning>(rules: FileRules<Meaning>, text: string | null | undefined): Meaning {
  if (text === null || text === undefined) return rules.absent;
  const parsed = rules.parse(text);
  return parsed.ok ? parsed.value : rules.absent;
}
