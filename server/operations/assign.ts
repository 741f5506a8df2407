import { createHash } from 'node:crypto';
import type { Hostname, ObjectId, TagName } from '../../protocol/names.ts';
import { asNodesMayKnow } from '../core/broken.ts';
import { type Choice, chooseBySchedule, chooseFirst, judgeNodetagger, place } from '../core/choose.ts';
import { moduleContextOf } from '../core/module-context.ts';
import type { Placed, World } from '../core/world.ts';
import { type Told, UnfitContent, type View } from '../ports.ts';
import type { Context } from './context.ts';
import { experienceReasons } from './experience.ts';
import { inputsOf } from './known-nodes.ts';
import { type NotReady, worldNow } from './world.ts';

export type Serve = Extract<Choice, { outcome: 'serve' }>;

/** What a node is answered. `etag` covers what matters to the node; `told` keeps when this answer began. */
export type Answer =
  | {
      readonly kind: 'serve';
      readonly placed: Placed;
      readonly choice: Serve;
      readonly view: View;
      /** It is the view of a whole tree, which everybody may have by its digest. */
      readonly isCommon: boolean;
      readonly commit: string;
      readonly told: Told;
      readonly etag: string;
    }
  | {
      readonly kind: 'hold';
      readonly choice: Extract<Choice, { outcome: 'hold' }>;
      readonly told: Told;
      readonly etag: string;
    }
  | {
      readonly kind: 'killswitch';
      readonly choice: Extract<Choice, { outcome: 'killswitch' }>;
      readonly told: Told;
      readonly etag: string;
    }
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
}

/** Decides what a node gets now. Reads the site's programs where they are in use; changes nothing. */
export async function assign(context: Context, question: Question): Promise<Answer> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const began = context.clock.monotonic();
    const ready = worldNow(context);
    if (ready.kind === 'not-ready') return stoppedWhileStarting(context, question.hostname) ?? ready;
    const shelf = context.shelf.current();
    const answer = await assignIn(context, ready.world, question);
    if (context.clock.monotonic() - began < AT_ONCE_MS) return answer;
    // A program or a large view took its time: what was pulled or marked meanwhile counts.
    const now = worldNow(context);
    if (now.kind === 'ready' && now.controls === ready.controls && context.shelf.current() === shelf) return answer;
  }
  return {
    kind: 'not-ready',
    sentence: 'the control files change faster than an answer can be worked out',
    hint: 'ask again in a few seconds',
  };
}

const MOST_TRIES = 3;
/** An answer that took no longer is as good as one to a request that came so much earlier. */
const AT_ONCE_MS = 5;

async function assignIn(context: Context, world: World, { hostname, asked }: Question): Promise<Answer> {
  const chosen = await choose(context, world, { hostname, ...(asked === undefined ? {} : { asked }) });
  const { placed } = chosen;
  const choice = asNodesMayKnow(chosen.choice, world);
  if (choice.outcome === 'refused') return { kind: 'refused', choice };
  if (choice.outcome !== 'serve') {
    const told = tell(context, world, { placed, choice, view: null });
    return choice.outcome === 'hold'
      ? { kind: 'hold', choice, told, etag: etagOf(told) }
      : { kind: 'killswitch', choice, told, etag: etagOf(told) };
  }
  const content = contentOf(context, choice.tag);
  if (content === undefined) return unavailable(choice.tag, 'it has just been removed');
  try {
    const view = await viewFor(context, placed, content.tree);
    const isCommon = await context.views.isCommon(view.digest);
    const told = await withExperience(context, world, { placed, told: tell(context, world, { placed, choice, view }) });
    return { kind: 'serve', placed, choice, view, isCommon, commit: content.commit, told, etag: etagOf(told) };
  } catch (error) {
    if (error instanceof UnfitContent) {
      const hold = holdUnfit(placed, choice, error.message);
      const told = tell(context, world, { placed, choice: hold, view: null });
      return { kind: 'hold', choice: hold, told, etag: etagOf(told) };
    }
    const reason = error instanceof Error ? error.message : String(error);
    context.log.error('content cannot be given out', { tag: choice.tag, hostname, reason });
    return unavailable(choice.tag, 'the server cannot read or store its files now; its log says why');
  }
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

/** What a node gets of a tree. Rejects with `UnfitContent` where it cannot have its view. */
function viewFor(context: Context, placed: Placed, tree: ObjectId): Promise<View> {
  if (placed.wave === null) throw new Error(`${placed.hostname} is served although its wave is not known`);
  return context.views.ofNode(tree, inputsOf(context, placed));
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
): { readonly tree: ObjectId; readonly commit: string } | undefined {
  const shelf = context.shelf.current();
  return tag === 'trunk' ? (shelf.trunk ?? undefined) : shelf.byName.get(tag);
}

/** The same `Told` object as before where nothing that matters to the node changed, so that its time and reasons stay. */
function tell(
  context: Context,
  world: World,
  given: { placed: Placed; choice: Exclude<Choice, { outcome: 'refused' }>; view: View | null },
): Told {
  const { placed, choice, view } = given;
  const told: Told = {
    hostname: placed.hostname,
    at: world.now,
    ...whereIs(placed),
    outcome: choice.outcome,
    tag: choice.outcome === 'serve' ? choice.tag : null,
    digest: view?.digest ?? null,
    hold: choice.outcome === 'hold' ? choice.hold : null,
    message: choice.outcome === 'serve' ? null : choice.message,
    reasons: choice.reasons,
  };
  const before = context.fleet.told(placed.hostname);
  return before !== undefined && isSame(before, told) ? before : told;
}

/** An answer that begins says also what earlier waves experienced; one that goes on says what it said. */
async function withExperience(
  context: Context,
  world: World,
  { placed, told }: { readonly placed: Placed; readonly told: Told },
): Promise<Told> {
  if (told.tag === null || context.fleet.told(told.hostname) === told) return told;
  const reasons = await experienceReasons(context, world, { placed, tag: told.tag });
  return reasons.length === 0 ? told : { ...told, reasons: [...told.reasons, ...reasons] };
}

/** Empty where it could not be worked out. */
export function whereIs(placed: Placed): { environment: string; wave: string; groups: readonly string[] } {
  if ('failed' in placed) return { environment: '', wave: '', groups: [] };
  return { environment: placed.wave.environment, wave: placed.wave.name, groups: placed.groups };
}

/** What matters to a node: outcome, tag, digest, environment, wave and groups; for a hold or a killswitch also what it says. */
const COVERED = ['outcome', 'tag', 'digest', 'environment', 'wave', 'groups', 'hold', 'message'] as const;

/** Whether the entity tags are the same, without making one: every poll comes by here. */
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
function stoppedWhileStarting(context: Context, hostname: Hostname): Answer | undefined {
  const state = context.desk.look();
  if (state.kind === 'ready' || state.killswitch.global === null) return undefined;
  const { message } = state.killswitch.global;
  const choice = {
    outcome: 'killswitch',
    environment: null,
    message,
    reasons: ['the killswitch is on for everyone'],
  } as const;
  const told: Told = {
    hostname,
    at: context.time.now(),
    environment: '',
    wave: '',
    groups: [],
    outcome: 'killswitch',
    tag: null,
    digest: null,
    hold: null,
    message,
    reasons: choice.reasons,
  };
  return { kind: 'killswitch', choice, told, etag: etagOf(told) };
}

function unavailable(tag: string, why: string): Answer {
  return {
    kind: 'unavailable',
    sentence: `the content of ${tag} cannot be given out: ${why}`,
    hint: 'check the disk that holds the state directory; hosts keep what they have and ask again',
  };
}
