import { floorHour, hourOf, parseTagName, startOf, type TagName } from '../../protocol/names.ts';
import { stops } from './marks.ts';
import { lookUp } from './named-tag.ts';
import { findTag } from './tag.ts';
import { instant } from './wording.ts';
import type { World } from './world.ts';

/** A node as far as it counts for whether a tag has arrived. */
export interface Traveller {
  readonly hostname: string;
  readonly wave: string;
  /** A tag, `trunk` or `unknown`. */
  readonly running: string;
  readonly told: string;
  /** What it gets now. */
  readonly due: string;
  /** Runs other content than it was told, whatever it is. */
  readonly behind: boolean;
  readonly silent: boolean;
  readonly pinned: boolean;
}

export interface Arrival<Node extends Traveller> {
  readonly there: number;
  /** Those that are to get there still. */
  readonly missing: readonly Node[];
  /** Have not asked for long: nobody knows what they run, and nobody waits for them. */
  readonly silent: readonly Node[];
  /** A pin keeps them elsewhere, as somebody wanted it. */
  readonly pinned: readonly Node[];
}

/**
 * Where a tag is on its way. A node has it that runs its content, or a newer tag (or trunk, which is ahead of all): whoever waits
 * for a change wants to know that it is everywhere, and a later tag holds it too. `countsTold`: of a node that never says what it
 * runs, being told is enough.
 */
export function arrivalOf<Node extends Traveller>(
  world: Pick<World, 'tags'>,
  tag: TagName,
  { nodes, countsTold }: { readonly nodes: Iterable<Node>; readonly countsTold: boolean },
): Arrival<Node> {
  const missing: Node[] = [];
  const silent: Node[] = [];
  const pinned: Node[] = [];
  let there = 0;
  for (const node of nodes) {
    const runs = node.running === 'unknown' && !node.behind && countsTold ? node.told : node.running;
    if (holds(world, tag, runs)) there += 1;
    else if (node.silent) silent.push(node);
    else if (node.pinned && !holds(world, tag, node.due)) pinned.push(node);
    else missing.push(node);
  }
  return { there, missing, silent, pinned };
}

function holds({ tags }: Pick<World, 'tags'>, tag: TagName, runs: string): boolean {
  if (runs === 'trunk') return true;
  const name = parseTagName(runs);
  if (name === undefined) return false;
  if (hourOf(name) >= hourOf(tag)) return true;
  const content = findTag(tags, tag)?.tree;
  return content !== undefined && findTag(tags, name)?.tree === content;
}

/** Why a tag will never be in an environment, as things stand; undefined where it may still come. */
export function whyNever(world: World, tag: TagName, environment: string): string | undefined {
  const { mark, described, flaw } = lookUp(world, environment, tag);
  if (stops(mark?.state)) return described;
  if (flaw === null) return undefined;
  // The tag of this hour may be being made.
  const mayCome = flaw.kind === 'unknown' && hourOf(tag) >= floorHour(world.now);
  return mayCome ? undefined : flaw.why;
}

/** Why nothing moves now, or when the waves of an environment are due a tag that they are not due yet; empty where all are. */
export function whatHolds(world: World, tag: TagName, environment: string): string[] {
  const { global, environments } = world.killswitch;
  if (global !== null) return ['the killswitch stops everything'];
  if (environments.has(environment)) return [`killswitch.d/${environment} stops ${environment}`];
  const { mark } = lookUp(world, environment, tag);
  return world.schedule.waves
    .filter((wave) => wave.environment === environment)
    .flatMap((wave) => {
      const at = startOf(hourOf(tag) + wave.hours);
      if (at > world.now) return [`${wave.name} is due it at ${instant(at)}`];
      return wave.require === 'good' && mark?.state !== 'good' ? [`${wave.name} takes only what is marked good`] : [];
    });
}
