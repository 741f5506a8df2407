import * as z from 'zod';

/** Parts that several answers to people have in common. The page takes the types alone from here. */

/** RFC 3339, UTC. */
export const instant = z.iso.datetime();
/** What somebody is given: a tag's name, `trunk`, `hold CODE`, `killswitch`; `nothing` of who has not asked. */
export const answer = z.string();
export const count = z.int().nonnegative();

export const markSchema = z.object({
  state: z.enum(['good', 'bad', 'badfwd']),
  /** As written after the state; empty where nothing is. */
  reason: z.string(),
  /** The file that says so: `tagstate`, or that of the repository. */
  source: z.string(),
  line: count,
});

/** Lines and files of a change. Null = binary, or not counted because there are too many. */
export const sizeSchema = z.object({ files: count, insertions: count.nullable(), deletions: count.nullable() });
export type Size = z.infer<typeof sizeSchema>;

/** Lower-case, without a dot at the end. */
export const hostname = z.string().regex(/^[a-z0-9.-]{1,253}$/);
/** UTC. */
export const tagName = z.string().regex(/^etchautotag-\d{8}-\d{2}00$/);
export const tagOrTrunk = z.string().regex(/^(etchautotag-\d{8}-\d{2}00|trunk)$/);
/** Of a view. */
export const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/);
/** Of a git object. */
export const objectId = z.string().regex(/^([0-9a-f]{40}|[0-9a-f]{64})$/);
