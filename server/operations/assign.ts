import { createHash } from 'node:crypto';
import type { Hostname, ObjectId, TagName } from '../../protocol/names.ts';
import { asNodesMayKnow } from '../core/broken.ts';
import { type Choice, chooseBySchedule, chooseFirst, judgeNodetagger, place } from '../core/choose.ts';
import type { Decision } from '../core/decide.ts';
import { moduleContextOf } from '../core/module-context.ts';
import { pinOf } from '../core/pins.ts';
import type { Placed, World } from '../core/world.ts';
import { UnfitContent, type View } from '../ports/content.ts';
import type { Told } from '../ports/store.ts';
import type { Context } from './context.ts';
import { experienceReasons } from './experience.ts';
import { inputsOf } from './known-nodes.ts';
import { type NotReady, worldNow } from './world.ts';

export type Serve = Extract<Choice, { outcome: 'serve' }>;

/** `etag` covers what matters to the node; `told` keeps when this answer began. Neither names the node: it may stand for many. */
export interface ServeAnswer {
  readonly kind: 'serve';
  readonly told: Told;
  readonly etag: string;
  readonly tag: TagName | 'trunk';
  readonly commit: ObjectId;
  /** How many hours the wave lags. */
  readonly hours: number;
  readonly view: View;
  /** It is the view of a whole tree, which everybody may have by its digest. */
  readonly isCommon: boolean;
}

export interface StopAnswer {
  readonly kind: 'hold' | 'killswitch';
  readonly told: Told;
  readonly etag: string;
}

/** An answer that stands for as long as nothing that decides changes. */
export type StandingAnswer = ServeAnswer | StopAnswer;

/** What a node is answered. */
export type Answer =
  | ServeAnswer
  | StopAnswer
  | { readonly kind: 'refused'; readonly choice: Extract<Choice, { outcome: 'refused' }> }
  | NotReady
  /** The decision is made, and its content cannot be read or stored. */
  | { readonly kind: 'unavailable'; readonly sentence: string; readonly hint: string };

export interface Question {
  readonly hostname: Hostname;
  /** `?tag=`: a tag, `trunk`, or anything else that a client may send. */
  readonly asked?: string;
  /** The world is not the present one: the nodetagger's answers from and for now don't count. */
  readonly afresh?: boolean;
  /** For all nodes of the kind, at once: without what this one was told before, and what earlier waves experienced. */
  readonly forKind?: boolean;
}

/**
 * For whom an answer is as good: for every node of the same wave and groups that no pin names, for this node alone, or for
 * this moment alone, because programs or the client itself had a say in it.
 */
export type Scope = 'kind' | 'node' | 'moment';

export interface Worked {
  readonly answer: Answer;
  readonly scope: Scope;
}

/** Decides what a node gets now. Reads the site's programs where they are in use; changes nothing. */
export async function assign(context: Context, question: Question): Promise<Answer> {
  return (await workOut(context, question)).answer;
}

/** As `assign`, and for whom the answer is as good. */
export async function workOut(context: Context, question: Question): Promise<Worked> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const began = context.clock.monotonic();
    const ready = worldNow(context);
    if (ready.kind === 'not-ready') return { answer: stoppedWhileStarting(context) ?? ready, scope: 'moment' };
    const shelf = context.shelf.current();
    const worked = await workOutIn(context, ready.world, question);
    if (context.clock.monotonic() - began < AT_ONCE_MS) return worked;
    // A program or a large view took its time: what was pulled or marked meanwhile counts.
    const now = worldNow(context);
    if (now.kind === 'ready' && now.controls === ready.controls && context.shelf.current() === shelf) return worked;
  }
  return { answer: TOO_FAST, scope: 'moment' };
}

const TOO_FAST: NotReady = {
  kind: 'not-ready',
  sentence: 'the control files change faster than an answer can be worked out',
  hint: 'ask again in a few seconds',
};

const MOST_TRIES = 3;
/** An answer that took no longer is as good as one to a request that came so much earlier. */
const AT_ONCE_MS = 5;

async function workOutIn(context: Context, world: World, question: Question): Promise<Worked> {
  const { hostname, forKind = false } = question;
  const before = forKind ? undefined : context.fleet.told(hostname);
  const chosen = await choose(context, world, question);
  const { placed } = chosen;
  const choice = asNodesMayKnow(chosen.choice, world);
  if (choice.outcome === 'refused') return { answer: { kind: 'refused', choice }, scope: 'moment' };
  const scope = scopeOf(context, world, { placed, question });
  const stop = (stopped: Exclude<Decision, { outcome: 'serve' }>): StopAnswer => {
    const told = tell(world, { placed, choice: stopped, view: null, before });
    return { kind: stopped.outcome, told, etag: etagOf(told) };
  };
  if (choice.outcome !== 'serve') return { answer: stop(choice), scope };
  const { tag } = choice;
  const content = contentOf(context, tag);
  if (content === undefined || placed.wave === null)
    return { answer: unavailable(tag, 'it has just been removed'), scope: 'moment' };
  try {
    const view = await context.views.ofNode(content.tree, inputsOf(context, placed));
    const isCommon = await context.views.isCommon(view.digest);
    const begun = tell(world, { placed, choice, view, before });
    const isBegun = begun !== before && !forKind;
    const told = isBegun ? await withExperience(context, world, { placed, told: begun }) : begun;
    const { commit } = content;
    const { hours } = placed.wave;
    const answer: ServeAnswer = { kind: 'serve', told, etag: etagOf(told), tag, commit, hours, view, isCommon };
    // That others have the same view of another tree does not make it theirs of this one.
    const isForKind = scope === 'kind' && (await context.views.isOneForAll(content.tree));
    return { answer, scope: scope === 'kind' && !isForKind ? 'node' : scope };
  } catch (error) {
    if (error instanceof UnfitContent)
      return { answer: stop(holdUnfit(placed, choice, error.message)), scope: scope === 'kind' ? 'node' : scope };
    const reason = error instanceof Error ? error.message : String(error);
    context.log.error('content cannot be given out', { tag, hostname, reason });
    const why = 'the server cannot read or store its files now; its log says why';
    return { answer: unavailable(tag, why), scope: 'moment' };
  }
}

function scopeOf(context: Context, world: World, { placed, question }: { placed: Placed; question: Question }): Scope {
  const { programs } = context;
  const hasPrograms = programs.nodetagger().kind !== 'none' || programs.nodegrouper().kind !== 'none';
  if (question.asked !== undefined || placed.wave === null || hasPrograms) return 'moment';
  return pinOf(world, placed.hostname) === undefined ? 'kind' : 'node';
}

/** The decision for a node in a world, asking the site's programs as far as they are in use. */
export async function choose(
  context: Context,
  world: World,
  { hostname, asked, afresh = false }: Question,
): Promise<{ placed: Placed; choice: Choice }> {
  const placed = place(world, hostname, await groupsFromProgram(context, hostname));
  const first = chooseFirst(world, placed, asked);
  if (first !== undefined) return { placed, choice: first };
  const nodetagger = context.programs.nodetagger();
  if (nodetagger.kind === 'none') return { placed, choice: chooseBySchedule(world, placed) };
  if (nodetagger.kind === 'unusable')
    return { placed, choice: judgeNodetagger(world, placed, { failed: nodetagger.why }) };
  if ('failed' in placed) return { placed, choice: chooseBySchedule(world, placed) };
  const answer = await context.programs.askNodetagger(hostname, () => moduleContextOf(world, placed), { afresh });
  return { placed, choice: judgeNodetagger(world, placed, answer) };
}

async function groupsFromProgram(
  context: Context,
  hostname: Hostname,
): Promise<readonly string[] | { failed: string }> {
  const grouper = context.programs.nodegrouper();
  if (grouper.kind === 'none') return [];
  if (grouper.kind === 'unusable') return { failed: grouper.why };
  const answer = await context.programs.askNodegrouper(hostname);
  return 'failed' in answer ? answer : answer.groups;
}

/** Of a tag it is known from the start, for the nodes of then; a new node, or trunk, is looked at when it comes. */
export function holdUnfit({ hostname }: Placed, choice: Serve, flaw: string): Extract<Choice, { outcome: 'hold' }> {
  const what = choice.tag === 'trunk' ? 'trunk is broken' : `${choice.tag} cannot be made for ${hostname}`;
  const message = `${what}: ${flaw}; ${hostname} keeps what it has until that is corrected`;
  return { outcome: 'hold', hold: 'broken-tag', message, reasons: [...choice.reasons, `${what}: ${flaw}`] };
}

export function contentOf(
  context: Context,
  tag: TagName | 'trunk',
): { readonly tree: ObjectId; readonly commit: ObjectId } | undefined {
  const shelf = context.shelf.current();
  return tag === 'trunk' ? (shelf.trunk ?? undefined) : shelf.byName.get(tag);
}

interface Telling {
  readonly placed: Placed;
  readonly choice: Decision;
  readonly view: View | null;
  readonly before: Told | undefined;
}

/** The same `Told` object as before where nothing that matters to the node changed, so that its time and reasons stay. */
function tell(world: World, { placed, choice, view, before }: Telling): Told {
  const told: Told = {
    at: world.now,
    ...whereIs(placed),
    outcome: choice.outcome,
    tag: choice.outcome === 'serve' ? choice.tag : null,
    digest: view?.digest ?? null,
    hold: choice.outcome === 'hold' ? choice.hold : null,
    message: choice.outcome === 'serve' ? null : choice.message,
    reasons: choice.reasons,
  };
  return before !== undefined && isSame(before, told) ? before : told;
}

/** An answer that begins says also what earlier waves experienced. */
export async function withExperience(
  context: Context,
  world: World,
  { placed, told }: { readonly placed: Placed; readonly told: Told },
): Promise<Told> {
  if (told.tag === null) return told;
  const reasons = await experienceReasons(context, world, { placed, tag: told.tag });
  return reasons.length === 0 ? told : { ...told, reasons: [...told.reasons, ...reasons] };
}

/** Empty where it could not be worked out. */
export function whereIs(placed: Placed): { environment: string; wave: string; groups: readonly string[] } {
  if ('failed' in placed) return { environment: '', wave: '', groups: [] };
  return { environment: placed.wave.environment, wave: placed.wave.name, groups: placed.groups };
}

/** The same answer, as somebody knows it who was told it before: with its time and its reasons of then. */
export function asToldBefore<Given extends StandingAnswer>(answer: Given, before: Told | null | undefined): Given {
  if (before == null || before === answer.told || etagOf(before) !== answer.etag) return answer;
  return { ...answer, told: before };
}

/** What matters to a node: outcome, tag, digest, environment, wave and groups; for a hold or a killswitch also what it says. */
const COVERED = ['outcome', 'tag', 'digest', 'environment', 'wave', 'groups', 'hold', 'message'] as const;

/** Whether the entity tags are the same, without making one. */
function isSame(before: Told, now: Told): boolean {
  return COVERED.every((key) => (key === 'groups' ? sameGroups(before.groups, now.groups) : before[key] === now[key]));
}

function sameGroups(before: readonly string[], now: readonly string[]): boolean {
  return before.length === now.length && before.every((group, index) => group === now[index]);
}

const etags = new WeakMap<Told, string>();

export function etagOf(told: Told): string {
  const known = etags.get(told);
  if (known !== undefined) return known;
  const covered = JSON.stringify(COVERED.map((key) => told[key]));
  const etag = `"${createHash('sha256').update(covered).digest('hex').slice(0, 32)}"`;
  etags.set(told, etag);
  return etag;
}

/** A global killswitch stops also while the other files are not settled yet. */
function stoppedWhileStarting(context: Context): StopAnswer | undefined {
  const state = context.desk.look();
  if (state.kind === 'ready' || state.killswitch.global === null) return undefined;
  const { message } = state.killswitch.global;
  const told: Told = {
    at: context.time.now(),
    environment: '',
    wave: '',
    groups: [],
    outcome: 'killswitch',
    tag: null,
    digest: null,
    hold: null,
    message,
    reasons: ['the killswitch is on for everyone'],
  };
  return { kind: 'killswitch', told, etag: etagOf(told) };
}

function unavailable(tag: string, why: string): Answer {
  return {
    kind: 'unavailable',
    sentence: `the content of ${tag} cannot be given out: ${why}`,
    hint: 'check the disk that holds the state directory; hosts keep what they have and ask again',
  };
}
