import type { Hour, ObjectId, TagName } from '../../protocol/names.ts';

/** What a decision needs to know of an autotag. */
export interface Tag {
  readonly name: TagName;
  readonly hour: Hour;
  /** Why its views cannot be built; null for a tag that can be served. */
  readonly broken: string | null;
}

export const ORIGINS = ['cron', 'late', 'backfill', 'manual'] as const;
export type Origin = (typeof ORIGINS)[number];

/** All that is known of a tag: stored in the annotated tag object that its ref names (DESIGN 5). Times are RFC 3339, UTC. */
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
