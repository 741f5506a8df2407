import { type Hour, hourOf, type ObjectId, type TagName } from '../../protocol/names.ts';

/** What a decision needs to know of an autotag. */
export interface Tag {
  readonly name: TagName;
  readonly hour: Hour;
  /** Why its views cannot be built; null for a tag that can be served. */
  readonly broken: string | null;
}

export const ORIGINS = ['cron', 'late', 'backfill', 'manual'] as const;
export type Origin = (typeof ORIGINS)[number];

/** All that is known of a tag: stored in the annotated tag object that its ref names. Times are RFC 3339, UTC. */
export interface TagRecord extends Tag {
  readonly commit: ObjectId;
  readonly tree: ObjectId;
  readonly author: string;
  readonly subject: string;
  readonly created: string;
  /** When the commit was last seen at the source, null for a commit that never was its tip while we looked. */
  readonly fetched: string | null;
  readonly origin: Origin;
  /** Made while the source could not be read, or from a tip fetched long before the hour. */
  readonly stale: boolean;
  /** Commits since the previous tag; null where there is none, or history was rewritten. */
  readonly commits: number | null;
}

/** The tip of the configuration branch as last fetched. */
export interface Trunk {
  readonly commit: ObjectId;
  readonly tree: ObjectId;
  readonly broken: string | null;
  /** RFC 3339: the last fetch that saw it. */
  readonly fetched: string;
}

/** Where the newest tag at or before an hour stands in a list that is sorted oldest first; -1 where there is none. */
export function newestAtOrBefore(tags: readonly Tag[], hour: Hour): number {
  let low = 0;
  let high = tags.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const tag = tags[middle];
    if (tag !== undefined && tag.hour <= hour) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The tag of that name in a list that is sorted oldest first. */
export function findTag<Known extends Tag>(tags: readonly Known[], name: TagName): Known | undefined {
  const tag = tags[newestAtOrBefore(tags, hourOf(name))];
  return tag?.name === name ? tag : undefined;
}

/** The tag whose hour is nearest, the older of two as near; undefined where there is no tag at all. */
export function nearestTag<Known extends Tag>(tags: readonly Known[], hour: Hour): Known | undefined {
  const index = newestAtOrBefore(tags, hour);
  const [before, after] = [tags[index], tags[index + 1]];
  if (before === undefined || after === undefined) return before ?? after;
  return hour - before.hour <= after.hour - hour ? before : after;
}
