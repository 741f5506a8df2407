import { type Environment, floorHour, type TagName } from '../../protocol/names.ts';
import { decideBySchedule } from './decide.ts';
import { type Marks, markOf } from './marks.ts';
import type { Schedule } from './schedule.ts';
import { newestAtOrBefore, type Tag } from './tag.ts';

export interface RetentionQuestion {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Existing tags, oldest first. */
  readonly tags: readonly Tag[];
  readonly marks: Marks;
  readonly schedule: Schedule;
  readonly retentionHours: number;
  /** How many of the newest tags stay whatever their age. */
  readonly keepAtLeast: number;
  /** Tags of unexpired pins. */
  readonly pinnedTags: Iterable<TagName>;
  /** Tags that nodes seen lately run. */
  readonly runningTags: Iterable<TagName>;
}

const MARGIN_HOURS = 24;
const GOOD_TAGS = 3;

/**
 * The oldest hour whose tag stays whatever else holds: `retentionHours` back, and never less than the longest lookback and a
 * day.
 */
export function retainedSince({
  now,
  schedule,
  retentionHours,
}: Pick<RetentionQuestion, 'now' | 'schedule' | 'retentionHours'>): number {
  const longest = Math.max(...schedule.waves.map((wave) => Math.max(wave.hours, wave.lookbackHours)));
  return floorHour(now) - Math.max(retentionHours, longest + MARGIN_HOURS);
}

/** The tags that nothing needs any more, oldest first. No decision changes when they go. */
export function tagsToPrune(question: RetentionQuestion): TagName[] {
  const { tags, keepAtLeast } = question;
  const old = tags.slice(0, newestAtOrBefore(tags, retainedSince(question) - 1) + 1);
  const prunable = old.slice(0, Math.max(0, tags.length - keepAtLeast));
  if (prunable.length === 0) return [];
  const needed = new Set<TagName>([
    ...question.pinnedTags,
    ...question.runningTags,
    ...resolved(question),
    ...lastGood(question),
  ]);
  return prunable.map((tag) => tag.name).filter((name) => !needed.has(name));
}

/** What each wave has now, and the due tag that it was decided from: without it the same question could go another way. */
function resolved({ now, tags, marks, schedule }: RetentionQuestion): TagName[] {
  return schedule.waves.flatMap((wave) => {
    const decision = decideBySchedule({ now, tags, marks, wave });
    const due = tags[newestAtOrBefore(tags, floorHour(now) - wave.hours)];
    const served = decision.outcome === 'serve' && decision.tag !== 'trunk' ? [decision.tag] : [];
    return due === undefined ? served : [...served, due.name];
  });
}

/** The last three tags that are good for an environment, for each: what a wave that requires good can fall back on. */
function lastGood({ tags, marks, schedule }: RetentionQuestion): TagName[] {
  const environments = new Set<Environment>(schedule.waves.map((wave) => wave.environment));
  return [...environments].flatMap((environment) => {
    const good: TagName[] = [];
    for (let index = tags.length - 1; index >= 0 && good.length < GOOD_TAGS; index--) {
      const tag = tags[index];
      if (tag?.broken === null && markOf(marks, tag.name, environment)?.state === 'good') good.push(tag.name);
    }
    return good;
  });
}
