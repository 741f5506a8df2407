import { floorHour, type Hostname, startOf } from '../../protocol/names.ts';
import { lookFromText } from '../core/killswitch.ts';
import { type MarkState, markOf } from '../core/marks.ts';
import type { StandingProblem } from '../core/problem.ts';
import type { TagRecord } from '../core/tag.ts';
import type { World } from '../core/world.ts';
import type { NodeRow, StoredEvent } from '../ports.ts';
import type { Context } from './context.ts';
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
  readonly silent: readonly Hostname[];
}

export interface Status {
  /** RFC 3339, the time that decisions are made by. */
  readonly now: string;
  readonly killswitch: readonly KillswitchStatus[];
  readonly waves: readonly WaveStatus[];
  readonly tags: { readonly count: number; readonly newest: string | null; readonly oldest: string | null };
  readonly trunk: World['trunk'];
  readonly nodes: { readonly known: number; readonly silent: readonly Hostname[] };
  readonly problems: readonly StandingProblem[];
}

/** What runs where, and what an operator should look at. */
export async function status(context: Context): Promise<Status | NotReady> {
  const ready = worldNow(context);
  if (ready.kind === 'not-ready') return ready;
  const { world } = ready;
  const rows = await knownNodes(context, ready);
  const silentSince = world.now - ready.controls.settings.fleet.silentAfterMinutes * 60_000;
  return {
    now: new Date(world.now).toISOString(),
    killswitch: await killswitchStatus(context, rows),
    waves: waveStatus(world, rows),
    tags: { count: world.tags.length, newest: world.tags.at(-1)?.name ?? null, oldest: world.tags[0]?.name ?? null },
    trunk: world.trunk,
    nodes: { known: rows.length, silent: rows.filter((row) => row.lastSeen < silentSince).map((row) => row.hostname) },
    problems: context.problems.standing(),
  };
}

/** Nodes seen within `fleet.forget_after_days`. */
async function knownNodes(context: Context, { world, controls }: Ready): Promise<NodeRow[]> {
  return context.fleet.rows({ seenSince: world.now - controls.settings.fleet.forgetAfterDays * DAY_MS });
}

function waveStatus(world: World, rows: readonly NodeRow[]): WaveStatus[] {
  return world.schedule.waves.map((wave) => {
    const members = rows.filter((row) => row.told?.wave === wave.name);
    const told: Record<string, number> = {};
    for (const row of members) {
      const answer = toldAnswer(row);
      told[answer] = (told[answer] ?? 0) + 1;
    }
    const { name, environment, hours } = wave;
    return { wave: name, environment, hours, answer: waveAnswer(world, wave), nodes: members.length, told };
  });
}

/** What a node was told last, in the words of the effect: a tag, `trunk`, `hold CODE` or `killswitch`. */
export function toldAnswer(row: NodeRow): string {
  if (row.told === null) return 'nothing';
  if (row.told.outcome === 'serve') return row.told.tag ?? 'nothing';
  return row.told.outcome === 'hold' ? `hold ${row.told.hold ?? ''}` : 'killswitch';
}

/** Who has been told of each killswitch that stands: a node that has asked since, and was stopped. */
export async function killswitchStatus(context: Context, rows: readonly NodeRow[]): Promise<KillswitchStatus[]> {
  const stops = killswitches(context);
  if (stops.length === 0) return [];
  const query = { kinds: ['control-file'], subject: 'killswitch', limit: 50 } as const;
  const events = await context.store.events(query).catch((): StoredEvent[] => []);
  const known = knownEnvironments(context);
  return stops.map(({ environment, message, version }) => {
    const stopsAll = environment === null || !known.has(environment);
    const since = standingSince(events, environment);
    const concerned = stopsAll ? rows : rows.filter((row) => row.told?.environment === environment);
    const missed = concerned.filter((row) => row.told?.outcome !== 'killswitch' || row.lastSeen < since);
    const silent = missed.map((row) => row.hostname);
    return { environment, stopsAll, message, version, told: concerned.length - silent.length, silent };
  });
}

/** Since when a killswitch has stood without a break, by what is recorded, newest first; 0 where nothing is. */
function standingSince(events: readonly StoredEvent[], environment: string | null): number {
  let since = 0;
  for (const { at, after } of events) {
    if (after === null || !names(after, environment)) break;
    since = at;
  }
  return since;
}

function names(recorded: string, environment: string | null): boolean {
  const look = lookFromText(recorded);
  return environment === null ? look.global !== null : look.environments.has(environment);
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
  for (const row of await knownNodes(context, ready)) {
    const tag = row.told?.tag;
    if (tag != null) counts.set(tag, (counts.get(tag) ?? 0) + 1);
  }
  return world.tags.map((record) => listed(world, record, counts.get(record.name) ?? 0)).reverse();
}

function listed(world: World, record: TagRecord, nodes: number): ListedTag {
  const marks = [...world.marks.environments].flatMap((environment) => {
    const mark = markOf(world.marks, record.name, environment);
    return mark === undefined ? [] : [[environment, mark] as const];
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

/** The fleet, by hostname. */
export async function listNodes(context: Context): Promise<readonly ListedNode[] | NotReady> {
  const ready = worldNow(context);
  if (ready.kind === 'not-ready') return ready;
  const silentSince = ready.world.now - ready.controls.settings.fleet.silentAfterMinutes * 60_000;
  const rows = await knownNodes(context, ready);
  return rows.map((row) => ({ ...row, answer: toldAnswer(row), silent: row.lastSeen < silentSince }));
}
