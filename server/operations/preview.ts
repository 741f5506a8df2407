import { floorHour, type TagName } from '../../protocol/names.ts';
import { chooseBySchedule, chooseFirst, chooseForWave, judgeNodetagger, place } from '../core/choose.ts';
import { answerOf, compareAnswers, directionOf, type Effect, type Move, type NodeAnswer } from '../core/effect.ts';
import { tagsUntil } from '../core/forecast.ts';
import { readKillswitch } from '../core/killswitch.ts';
import { hoursUntilPast, type Later, laterTrouble } from '../core/later.ts';
import { groupByTag, lineFor, type MarkState, stops } from '../core/marks.ts';
import { editPins, type NewPin, parsePins } from '../core/pins.ts';
import { sentenceOf } from '../core/problem.ts';
import { parseTagstate } from '../core/tagstate.ts';
import { editTagstate } from '../core/tagstate-edit.ts';
import { count } from '../core/wording.ts';
import type { Placed, World } from '../core/world.ts';
import type { Attempt } from '../ports/common.ts';
import type { NodeRow } from '../ports/store.ts';
import { whereIs } from './assign.ts';
import type { Context } from './context.ts';
import { type Insight, insightInto } from './insight.ts';
import { missingTag } from './mark.ts';
import { unfitPin } from './pin.ts';
import { type Ready, worldNow } from './world.ts';

/** Changes that somebody thinks of making. */
export interface Proposal {
  readonly marks?: readonly {
    readonly tag: TagName;
    readonly state: MarkState | 'none';
    readonly environments?: readonly string[] | undefined;
  }[];
  readonly pins?: readonly { readonly host: string; readonly pin: NewPin | null }[];
  /** `on` false = resume. */
  readonly killswitch?: readonly { readonly environment: string | null; readonly on: boolean }[];
}

export interface Preview extends Effect, Insight {
  /** What the schedule's own rule gives each wave, also where no node of it is known. */
  readonly waves: readonly Omit<Move, 'nodes'>[];
  /** RFC 3339: when it would count. */
  readonly takesEffect: { readonly at: string; readonly isAtOnce: boolean; readonly settleSeconds: number };
  readonly later: readonly (Omit<Later, 'at'> & { readonly at: string; readonly nodes: number })[];
}

export interface PreviewOptions {
  /** How long the repository may take to say what changes. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 10_000;

/** What a proposal would move, if it were made and settled now. Runs none of the site's programs: their last answers count. */
export async function preview(
  context: Context,
  proposal: Proposal,
  { patienceMs = PATIENCE_MS }: PreviewOptions = {},
): Promise<Attempt<Preview>> {
  const ready = worldNow(context);
  if (ready.kind === 'not-ready') return { ok: false, sentence: ready.sentence, hint: ready.hint };
  const proposed = propose(context, ready.world, proposal);
  if (!proposed.ok) return proposed;
  const worlds = { before: ready.world, after: proposed.value };
  const { effect, following, untold } = await effectOf(context, ready, worlds);
  const waves = waveMoves(worlds);
  const { marks = [] } = proposal;
  const insight = await insightInto(context, { ...worlds, moves: effect.moves, waves, marks, patienceMs });
  return {
    ok: true,
    value: {
      ...effect,
      ...insight,
      waves,
      takesEffect: takesEffect(ready, proposal, worlds),
      later: laterOf(context, worlds, { marks, following }),
      unknown: [...strangers(context, marks), ...unknowns(context, untold), ...insight.unknown],
    },
  };
}

interface Worlds {
  readonly before: World;
  readonly after: World;
}

async function effectOf(context: Context, ready: Ready, worlds: Worlds) {
  const seenSince = ready.world.now - ready.controls.settings.fleet.forgetAfterDays * 24 * 3_600_000;
  const before: NodeAnswer[] = [];
  const after: NodeAnswer[] = [];
  const following = new Map<string, number>();
  let untold = 0;
  for await (const rows of context.fleet.pages({ seenSince })) {
    before.push(...answers(context, worlds.before, rows));
    const then = answers(context, worlds.after, rows);
    after.push(...then);
    for (const { wave, pinned } of then) if (!pinned) following.set(wave, (following.get(wave) ?? 0) + 1);
    untold += rows.filter((row) => row.told?.tag == null).length;
  }
  return { effect: compareAnswers(before, after), following, untold };
}

/** What stops counts from the next decision; anything else once its file has been unchanged for a moment. */
function takesEffect(
  { world, controls }: Ready,
  { marks = [], pins = [] }: Proposal,
  { before, after }: Worlds,
): Preview['takesEffect'] {
  const { settleSeconds } = controls.settings;
  const waits =
    pins.length > 0 ||
    marks.some(({ tag }) =>
      [...before.marks.environments].some((environment) => {
        const [was, is] = [before, after].map(
          ({ marks: { base, environments } }) => lineFor(base.get(tag), environment, environments)?.state,
        );
        return was !== is && !(stops(is) && !stops(was));
      }),
    );
  const at = new Date(world.now + (waits ? settleSeconds * 1000 : 0)).toISOString();
  return { at, isAtOnce: !waits, settleSeconds };
}

/** Where a program decides, the schedule says nothing about later. */
function laterOf(
  context: Context,
  worlds: Worlds,
  {
    marks,
    following,
  }: { readonly marks: readonly { readonly tag: TagName }[]; readonly following: ReadonlyMap<string, number> },
): Preview['later'] {
  if (context.programs.nodetagger().kind !== 'none') return [];
  const { before, after } = worlds;
  const hours = hoursUntilPast(
    after,
    marks.map(({ tag }) => tag),
  );
  const tags = tagsUntil(before, floorHour(before.now) + hours);
  return laterTrouble({ before: { ...before, tags }, after: { ...after, tags }, hours }).map((one) => ({
    ...one,
    at: new Date(one.at).toISOString(),
    nodes: following.get(one.wave) ?? 0,
  }));
}

function propose(context: Context, world: World, { marks = [], pins = [], killswitch = [] }: Proposal): Attempt<World> {
  const marked = proposeMarks(context, world, marks);
  if (!marked.ok) return marked;
  const pinned = proposePins(context, world, pins);
  if (!pinned.ok) return pinned;
  const stopped = killswitch.length === 0 ? world.killswitch : switched(context, world, killswitch);
  return { ok: true, value: { ...world, marks: marked.value, pins: pinned.value, killswitch: stopped } };
}

function proposeMarks(
  context: Context,
  { marks }: World,
  proposed: NonNullable<Proposal['marks']>,
): Attempt<World['marks']> {
  if (proposed.length === 0) return { ok: true, value: marks };
  const { look } = context.files.sighting('tagstate', 0);
  if (look.kind === 'unreadable') return unreadable('tagstate', look.why);
  let text = look.kind === 'text' ? look.text : '';
  for (const mark of proposed) {
    const edited = editTagstate(text, { ...mark, known: marks.environments });
    if ('refused' in edited) return { ok: false, sentence: edited.refused, hint: edited.hint };
    text = edited.text;
  }
  return { ok: true, value: { ...marks, base: groupByTag(parseTagstate(text, 'tagstate').lines) } };
}

function proposePins(
  context: Context,
  { pins }: World,
  proposed: NonNullable<Proposal['pins']>,
): Attempt<World['pins']> {
  if (proposed.length === 0) return { ok: true, value: pins };
  for (const { pin } of proposed) {
    const refusal = unfitPin(context, pin);
    if (refusal !== undefined) return refusal;
  }
  const { look } = context.files.sighting('pins', 0);
  if (look.kind === 'unreadable') return unreadable('pins', look.why);
  const parsed = parsePins(proposed.reduce((text, pin) => editPins(text, pin), look.kind === 'text' ? look.text : ''));
  const [error] = parsed.errors;
  if (!parsed.hostsUnreadable || error === undefined) return { ok: true, value: parsed.pins };
  return {
    ok: false,
    sentence: `no change of pins counts as long as one of its lines names no host: ${sentenceOf(error)}`,
    hint: 'correct or remove that line first; "tagwave-server check" shows all errors',
  };
}

function unreadable(file: string, why: string): Attempt<never> {
  return { ok: false, sentence: `${file} cannot be read: ${why}`, hint: `put ${file} right first` };
}

/** By the same rules as the files themselves: a name that is no environment stops everything. */
function switched(
  context: Context,
  { marks }: World,
  switches: NonNullable<Proposal['killswitch']>,
): World['killswitch'] {
  const look = context.files.killswitch();
  const environments = new Map(look.environments);
  let { global } = look;
  for (const { environment, on } of switches) {
    if (environment === null) global = on ? '' : null;
    else if (on) environments.set(environment, '');
    else environments.delete(environment);
  }
  return readKillswitch({ ...look, global, environments }, marks.environments).killswitch;
}

function answers(context: Context, world: World, rows: readonly NodeRow[]): NodeAnswer[] {
  const nodetagger = context.programs.nodetagger();
  const grouped = context.programs.nodegrouper().kind !== 'none';
  return rows.map((row): NodeAnswer => {
    const placed = place(world, row.hostname, grouped ? (row.told?.groups ?? []) : []);
    const first = chooseFirst(world, placed);
    const choice =
      first ?? (nodetagger.kind === 'none' ? chooseBySchedule(world, placed) : lastAnswer(world, placed, row));
    const pinned = first?.outcome === 'serve';
    return { hostname: row.hostname, wave: whereIs(placed).wave, answer: answerOf(choice), pinned };
  });
}

function lastAnswer(world: World, placed: Placed, row: NodeRow) {
  const tag = row.told?.tag;
  return judgeNodetagger(world, placed, tag ? { text: tag } : { failed: 'its last answer is not known' });
}

function waveMoves({ before, after }: Worlds): Omit<Move, 'nodes'>[] {
  return before.schedule.waves.map((wave) => {
    const [from, to] = [before, after].map((world) => waveAnswer(world, wave)) as [string, string];
    return { wave: wave.name, from, to, direction: directionOf(from, to) };
  });
}

/** What a node of the wave gets that nothing else is said about. */
export function waveAnswer(world: World, wave: World['schedule']['waves'][number]): string {
  return answerOf(chooseForWave(world, wave));
}

/** A mark of a tag that does not exist moves nobody: that is mostly a mistyped hour. */
function strangers(context: Context, marks: NonNullable<Proposal['marks']>): string[] {
  return marks.flatMap(({ tag, state }) => {
    const missing = missingTag(context, { tag, state });
    return missing?.ok === false ? [missing.sentence] : [];
  });
}

function unknowns(context: Context, untold: number): string[] {
  if (context.programs.nodetagger().kind === 'none') return [];
  return [
    'the nodetagger decides here: its last answers were taken as they are, and it may answer differently after the change',
    ...(untold === 0 ? [] : [`no last answer is known of ${count(untold, 'node')}`]),
  ];
}
