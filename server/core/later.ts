import { floorHour, hourOf, parseTagName, startOf, type TagName } from '../../protocol/names.ts';
import { type Decision, decideBySchedule, type ScheduledWave } from './decide.ts';
import { answerOf, directionOf } from './effect.ts';
import type { Marks } from './marks.ts';
import type { Tag } from './tag.ts';
import { instant } from './wording.ts';

/** Something that would come of a change only hours after it is made. */
export interface Later {
  readonly wave: string;
  /** Milliseconds since 1970, a full hour. */
  readonly at: number;
  readonly from: string;
  readonly to: string;
  /** `back`: to an older tag than the wave has by then; `nothing-acceptable`: it is given none. */
  readonly kind: 'back' | 'nothing-acceptable';
  readonly sentence: string;
}

/** What of a world the schedule goes by. */
export interface Scheduled {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Those that there are, and those that the hours to come will bring; oldest first. */
  readonly tags: readonly Tag[];
  readonly marks: Marks;
  readonly schedule: { readonly waves: readonly ScheduledWave[] };
}

export interface TwoWorlds {
  readonly before: Scheduled;
  readonly after: Scheduled;
  /** How far to look. */
  readonly hours: number;
}

/** Farther than that nobody relies on what will be. */
const FARTHEST_HOURS = 14 * 24;
/** A tag has come by every wave when it is as old as the longest lag. */
const MARGIN_HOURS = 2;

/**
 * Where the schedule would send a wave backwards at one of the next full hours, or leave it nothing acceptable, if nothing is
 * changed after this and every hour brings an unmarked tag; without what would come of today's marks all the same. As if no
 * killswitch were there, since it will be removed. By time.
 */
export function laterTrouble({ before, after, hours }: TwoWorlds): Later[] {
  return after.schedule.waves
    .flatMap((wave) => {
      const now = answerOf(decideAt(before, wave, before.now));
      const known = new Set(troubleOf(before, { wave, hours, has: now }).map(keyOf));
      return troubleOf(after, { wave, hours, has: now }).filter((one) => !known.has(keyOf(one)));
    })
    .sort((one, other) => one.at - other.at);
}

function keyOf({ at, kind, to }: Later): string {
  return `${at} ${kind} ${to}`;
}

/** How many hours it takes until these tags are past every wave's lag. */
export function hoursUntilPast(
  { now, schedule }: Pick<Scheduled, 'now' | 'schedule'>,
  tags: readonly TagName[],
): number {
  const longest = Math.max(0, ...schedule.waves.map((wave) => wave.hours));
  const ahead = Math.max(0, ...tags.map((tag) => hourOf(tag) - floorHour(now)));
  return Math.min(FARTHEST_HOURS, longest + ahead + MARGIN_HOURS);
}

interface Course {
  readonly wave: ScheduledWave;
  readonly hours: number;
  /** What the wave is given today. */
  readonly has: string;
}

function troubleOf(world: Scheduled, { wave, hours, has: given }: Course): Later[] {
  const first = floorHour(world.now);
  const trouble: Later[] = [];
  let last = answerOf(decideAt(world, wave, world.now));
  /** What the wave has, also while it holds. */
  let has = isTag(last) ? last : given;
  for (let hour = first + 1; hour <= first + hours; hour++) {
    const at = startOf(hour);
    const decision = decideAt(world, wave, at);
    const to = answerOf(decision);
    const step = { wave: wave.name, at, from: has, to };
    if (to !== last && !isTag(to)) trouble.push(nothingLeft(step, decision));
    if (isTag(to) && isTag(has) && directionOf(has, to) === 'back') trouble.push(goesBack(step, decision));
    last = to;
    if (isTag(to)) has = to;
  }
  return trouble;
}

function decideAt({ tags, marks }: Scheduled, wave: ScheduledWave, now: number): Decision {
  return decideBySchedule({ now, tags, marks, wave });
}

function isTag(answer: string): boolean {
  return parseTagName(answer) !== undefined;
}

type Step = Pick<Later, 'wave' | 'at' | 'from' | 'to'>;

/** More would not be read. */
const STEPS = 4;

function goesBack(step: Step, { reasons }: Decision): Later {
  const why = reasons.length > STEPS ? [...reasons.slice(0, STEPS - 1), '…', ...reasons.slice(-1)] : reasons;
  const sentence = `${step.wave} would go back from ${step.from} to ${step.to} at ${instant(step.at)}: ${why.join('; ')}`;
  return { ...step, kind: 'back', sentence };
}

function nothingLeft(step: Step, decision: Decision): Later {
  const why = decision.outcome === 'hold' ? decision.message : answerOf(decision);
  const sentence = `${step.wave} would be given nothing from ${instant(step.at)} on (${step.to}): ${why}`;
  return { ...step, kind: 'nothing-acceptable', sentence };
}
