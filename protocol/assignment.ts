import * as z from 'zod/mini';
import {
  type Digest,
  type Hostname,
  type ObjectId,
  parseDigest,
  parseHostname,
  parseObjectId,
  parseTagName,
  type TagName,
} from './names.ts';

const hostname = z.pipe(
  z.string().check(z.refine((text) => parseHostname(text) !== undefined, 'expected a host name')),
  z.transform((text) => parseHostname(text) as Hostname),
);
const digest = z.pipe(
  z.string().check(z.refine((text) => parseDigest(text) !== undefined, 'expected sha256: and 64 hex digits')),
  z.transform((text) => text as Digest),
);
const commit = z.pipe(
  z.string().check(z.refine((text) => parseObjectId(text) !== undefined, 'expected a git object id')),
  z.transform((text) => text as ObjectId),
);
/** A tag's name, or `trunk`. */
const tagOrTrunk = z.pipe(
  z.string().check(z.refine((text) => text === 'trunk' || parseTagName(text) === text, 'expected an autotag or trunk')),
  z.transform((text) => text as TagName | 'trunk'),
);
const count = z.int().check(z.nonnegative());
/** What hosts say of themselves is kept in memory, for every one of them. */
function isLittle(facts: Readonly<Record<string, string>>): boolean {
  return Object.keys(facts).length <= 64 && JSON.stringify(facts).length <= 4096;
}
const text = (limit: number) => z.string().check(z.maxLength(limit));

/** `GET /v1/nodes/{hostname}` with status 200. Unknown keys are ignored, so that an older client understands a newer server. */
export const assignmentSchema = z.object({
  hostname,
  environment: z.string(),
  wave: z.string(),
  /** How many hours the wave lags. */
  hours: count,
  groups: z.array(z.string()),
  outcome: z.literal('serve'),
  tag: tagOrTrunk,
  commit,
  digest,
  files: count,
  /** The sum of the sizes of the view's entries. */
  bytes: count,
  reasons: z.array(z.string()),
  /** RFC 3339, UTC: when this answer began. */
  decidedAt: z.string(),
  pollAfterSeconds: count,
  /** Paths below the server's URL, naming the digest. */
  links: z.object({ archive: z.string(), manifest: z.string() }),
});
export type Assignment = z.infer<typeof assignmentSchema>;

export const REPORT_OUTCOMES = ['applied', 'unchanged', 'failed', 'rolled-back', 'refused', 'disabled'] as const;

/** `POST /v1/nodes/{hostname}/reports`. The same `runId` twice counts once. */
export const reportSchema = z.strictObject({
  runId: z
    .string()
    .check(z.regex(/^[A-Za-z0-9._-]{8,64}$/, 'expected 8 to 64 letters, digits, dots, hyphens, underscores')),
  tag: z.nullable(tagOrTrunk),
  digest: z.nullable(digest),
  outcome: z.enum(REPORT_OUTCOMES),
  /** RFC 3339. */
  startedAt: z.iso.datetime({ offset: true }),
  durationMs: count,
  /** How many entries were written or removed. */
  changed: count,
  error: z.optional(z.nullable(text(8192))),
  /** What was on the disk and not as the manifest says, before this run repaired it: paths, the first of them. */
  drifted: z.optional(z.object({ count, paths: z.array(text(4096)).check(z.maxLength(50)) })),
  facts: z.optional(z.record(text(100), text(1000)).check(z.refine(isLittle, 'at most 64 facts of 4 KiB together'))),
  clientVersion: z.optional(text(100)),
});
export type Report = z.infer<typeof reportSchema>;
export type ReportBody = z.input<typeof reportSchema>;

export { HEADERS } from './headers.ts';
