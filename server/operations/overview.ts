import { floorHour, type Hostname, startOf } from '../../protocol/names.ts';
import type { StoredEvent } from '../core/event.ts';
import { type MarkState, markOf } from '../core/marks.ts';
import type { StandingProblem } from '../core/problem.ts';
import { stoodSince } from '../core/stood-since.ts';
import type { TagRecord } from '../core/tag.ts';
import type { World } from '../core/world.ts';
import type { NodeRow, ToldCount } from '../ports/store.ts';
import { countSilent, countTold, countUnstopped } from './census.ts';
import type { Context } from './context.ts';
import { type Waiting, waitingHosts } from './enrolments.ts';
import { killswitches } from './kill.ts';
import { knownEnvironments } from './mark.ts';
import { waveAnswer } from './preview.ts';
import type { NotReady, Ready } from './world.ts';
import { worldNow } from './world.ts';

const DAY_MS = 24 * 3_600_000;

export interface WaveStatus {
  readonly wave: string;
  readonly environment: string;
  readonly hours: number;
  /** What the schedule gives it now: a tag, `hold CODE` or `killswitch`. */
  readonly answer: string;
  readonly nodes: number;
  /** How many nodes were told what, by answer. */
  readonly told: Readonly<Record<string, number>>;
}

export interface KillswitchStatus {
  /** Null = the global one. */
  readonly environment: string | null;
  /** Also where the name is no environment's. */
  readonly stopsAll: boolean;
  readonly message: string;
  readonly version: string;
  /** How many of the known nodes concerned have been told since. */
  readonly told: number;
  /** Of those that have not, the first thousand. */
  readonly silent: readonly Hostname[];
  readonly silentCount: number;
}

export interface Status {
  /** RFC 3339, the time that decisions are made by. */
  readonly now: string;
  readonly killswitch: readonly KillswitchStatus[];
  readonly waves: readonly WaveStatus[];
  readonly tags: { readonly count: number; readonly newest: string | null; readonly oldest: string | null };
  readonly trunk: World['trunk'];
  /** `silent`: the first thousand of them. */
  readonly nodes: { readonly known: number; readonly silent: readonly Hostname[]; readonly silentCount: number };
  /** The hosts that wait to be let in, oldest first. */
  readonly enrolments: readonly Waiting[];
  readonly problems: readonly StandingProblem[];
}

/** What runs where, and what an operator should look at. Takes no longer for a larger fleet. */
export async function status(context: Context): Promise<Status | NotReady> {
  const ready = worldNow(context);
  if (ready.kind === 'not-ready') return ready;
  const { world } = ready;
  const seenSince = knownSince(ready);
  const before = world.now - ready.controls.settings.fleet.silentAfterMinutes * 60_000;
  const [told, silent, killswitch] = await Promise.all([
    countTold(context, seenSince),
    countSilent(context, { seenSince, before }),
    killswitchStatus(context, seenSince),
  ]);
  const known = told.reduce((sum, { nodes }) => sum + nodes, 0);
  return {
    now: new Date(world.now).toISOString(),
    killswitch,
    waves: waveStatus(world, told),
    tags: { count: world.tags.length, newest: world.tags.at(-1)?.name ?? null, oldest: world.tags[0]?.name ?? null },
    trunk: world.trunk,
    nodes: { known, silent: silent.first, silentCount: silent.count },
    enrolments: waitingHosts(context),
    problems: context.problems.standing(),
  };
}

/** A node that was not seen since is known no more (`fleet.forget_after_days`). Milliseconds since 1970. */
export function knownSince({ world, controls }: Ready): number {
  return world.now - controls.settings.fleet.forgetAfterDays * DAY_MS;
}

function waveStatus(world: World, counts: readonly ToldCount[]): WaveStatus[] {
  return world.schedule.waves.map((wave) => {
    const members = counts.filter((one) => one.wave === wave.name);
    const told: Record<string, number> = {};
    for (const one of members) {
      const answer = inWords(one);
      told[answer] = (told[answer] ?? 0) + one.nodes;
    }
    const { name, environment, hours } = wave;
    const nodes = members.reduce((sum, one) => sum + one.nodes, 0);
    return { wave: name, environment, hours, answer: waveAnswer(world, wave), nodes, told };
  });
}

/** What a node was told last, in the words of the effect: a tag, `trunk`, `hold CODE` or `killswitch`. */
export function toldAnswer({ told }: Pick<NodeRow, 'told'>): string {
  return told === null ? 'nothing' : inWords(told);
}

function inWords({ outcome, tag, hold }: Pick<ToldCount, 'outcome' | 'tag' | 'hold'>): string {
  if (outcome === null || outcome === 'serve') return tag ?? 'nothing';
  return outcome === 'hold' ? `hold ${hold ?? ''}` : 'killswitch';
}

/** Who has been told of each killswitch that stands: a node, seen since an instant, that has asked since and was stopped. */
export async function killswitchStatus(context: Context, seenSince: number): Promise<KillswitchStatus[]> {
  const stops = killswitches(context);
  if (stops.length === 0) return [];
  const query = { kinds: ['kill', 'resume'], subject: 'killswitch', limit: 50 } as const;
  const events = await context.store.events(query).catch((): StoredEvent[] => []);
  const known = knownEnvironments(context);
  const told = await countTold(context, seenSince);
  return Promise.all(
    stops.map(async ({ environment, message, version }) => {
      const stopsAll = environment === null || !known.has(environment);
      const concerns = stopsAll ? null : environment;
      const since = stoodSince(events, environment)?.since ?? 0;
      const concerned = told.filter((one) => concerns === null || one.environment === concerns);
      const nodes = concerned.reduce((sum, one) => sum + one.nodes, 0);
      const { count, first } = await countUnstopped(context, { seenSince, environment: concerns, since });
      return { environment, stopsAll, message, version, told: nodes - count, silent: first, silentCount: count };
    }),
  );
}

export interface ListedTag extends TagRecord {
  /** By environment; an environment that is not named has no mark. */
  readonly marks: Readonly<
    Record<
      string,
      { readonly state: MarkState; readonly reason: string; readonly source: string; readonly line: number }
    >
  >;
  /** How many nodes were told this tag last. */
  readonly nodes: number;
  readonly ahead: boolean;
}

/** All tags, newest first, with their marks and the nodes on them. */
export async function listTags(context: Context): Promise<readonly ListedTag[] | NotReady> {
  const ready = worldNow(context);
  if (ready.kind === 'not-ready') return ready;
  const { world } = ready;
  const counts = new Map<string, number>();
  for (const { tag, nodes } of await countTold(context, knownSince(ready)))
    if (tag !== null) counts.set(tag, (counts.get(tag) ?? 0) + nodes);
  return world.tags.map((record) => listedTag(world, record, counts.get(record.name) ?? 0)).reverse();
}

function listedTag(world: World, record: TagRecord, nodes: number): ListedTag {
  const marks = [...world.marks.environments].flatMap((environment) => {
    const mark = markOf(world.marks, record.name, environment);
    if (mark === undefined) return [];
    const { state, reason, source, line } = mark;
    return [[environment, { state, reason, source, line }] as const];
  });
  return {
    ...record,
    marks: Object.fromEntries(marks),
    nodes,
    ahead: startOf(record.hour) > startOf(floorHour(world.now)),
  };
}

export interface ListedNode extends NodeRow {
  readonly answer: string;
  readonly silent: boolean;
}

export interface NodePage {
  /** Those after this one. */
  readonly after?: Hostname | undefined;
  /** So many. */
  readonly limit?: number | undefined;
}

/** The fleet, by hostname, a page at a time: so that a large one need not be in memory at once. */
export function listNodes(context: Context, page: NodePage = {}): AsyncGenerator<readonly ListedNode[]> | NotReady {
  const ready = worldNow(context);
  if (ready.kind === 'not-ready') return ready;
  const silentSince = ready.world.now - ready.controls.settings.fleet.silentAfterMinutes * 60_000;
  return listed(context.fleet.pages({ ...page, seenSince: knownSince(ready) }), silentSince);
}

async function* listed(
  pages: AsyncIterable<readonly NodeRow[]>,
  silentSince: number,
): AsyncGenerator<readonly ListedNode[]> {
  for await (const rows of pages)
    yield rows.map((row) => ({ ...row, answer: toldAnswer(row), silent: row.lastSeen < silentSince }));
}
