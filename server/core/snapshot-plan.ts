import { floorHour, type Hour, startOf } from '../../protocol/names.ts';
import type { Origin } from './tag.ts';

/** A tag made this long after its hour takes the tip as it was then, so that no commit's soak is cut short. */
export const LATE_AFTER_MS = 10 * 60_000;

/** A tip as it was seen at the source. `at` in milliseconds since 1970. */
export interface SeenTip<Id extends string> {
  readonly commit: Id;
  readonly at: number;
}

export interface TagPlan<Id extends string> {
  readonly commit: Id;
  readonly origin: Origin;
  readonly stale: boolean;
  /** When the commit was last seen at the source. */
  readonly fetched: number;
  readonly reasons: readonly string[];
}

export interface PlanInput<Id extends string> {
  readonly hour: Hour;
  readonly now: number;
  /** The tip as last fetched; undefined where nothing ever was. */
  readonly tip: SeenTip<Id> | undefined;
  /** The last tip fetched at or before the hour began. */
  readonly tipAtHour: SeenTip<Id> | undefined;
  /** Why the fetch just now failed, or null. */
  readonly fetchFailure: string | null;
}

/** True where the tag of this hour is made so late that it takes a tip from the log of fetches; no new fetch can help it. */
export function isLate(hour: Hour, now: number): boolean {
  return now - startOf(hour) > LATE_AFTER_MS;
}

/** Which commit the tag of the current hour takes, and why; undefined where nothing was ever fetched. */
export function planTag<Id extends string>(input: PlanInput<Id>): TagPlan<Id> | undefined {
  const { hour, now, tip, tipAtHour, fetchFailure } = input;
  if (isLate(hour, now) && tipAtHour !== undefined) return fromLog(hour, tipAtHour);
  if (tip === undefined) return undefined;
  if (isLate(hour, now)) {
    const reasons = ['made late, and nothing was fetched before the hour: the tip as it is now'];
    return { commit: tip.commit, origin: 'late', stale: fetchFailure !== null, fetched: tip.at, reasons };
  }
  const reasons =
    fetchFailure === null
      ? ['the tip as just fetched']
      : [`the last fetched commit, of ${new Date(tip.at).toISOString()}, because ${fetchFailure}`];
  return { commit: tip.commit, origin: 'cron', stale: fetchFailure !== null, fetched: tip.at, reasons };
}

function fromLog<Id extends string>(hour: Hour, tip: SeenTip<Id>): TagPlan<Id> {
  const stale = startOf(hour) - tip.at > LATE_AFTER_MS;
  const seen = new Date(tip.at).toISOString();
  const reasons = [`made late: the tip as it was fetched last before the hour, at ${seen}`];
  return { commit: tip.commit, origin: 'late', stale, fetched: tip.at, reasons };
}

/** The commit that was the tip at the beginning of each hour, by committer date, newest commit first in `history`. */
export function planBackfill<Commit extends { readonly committedAt: number }>(
  history: readonly Commit[],
  hours: readonly Hour[],
): { readonly hour: Hour; readonly commit: Commit }[] {
  return hours.flatMap((hour) => {
    const commit = history.find((candidate) => candidate.committedAt <= startOf(hour));
    return commit === undefined ? [] : [{ hour, commit }];
  });
}

/** The hours to fill before now, oldest first, the current one included. */
export function hoursBack(now: number, count: number): Hour[] {
  const current = floorHour(now);
  return Array.from({ length: count + 1 }, (_, index) => current - count + index);
}
