import * as z from 'zod/mini';
import { reportSchema } from '../../protocol/assignment.ts';
import { type Digest, parseDigest, parseTagName, type TagName } from '../../protocol/names.ts';
import { DRIFT_KINDS } from './drift.ts';
import type { State } from './state.ts';
import { TOLD_KINDS } from './telling.ts';

const digest = z.pipe(
  z.string().check(z.refine((text) => parseDigest(text) !== undefined)),
  z.transform((text) => text as Digest),
);
const tag = z.pipe(
  z.string().check(z.refine((text) => text === 'trunk' || parseTagName(text) === text)),
  z.transform((text) => text as TagName | 'trunk'),
);
const instant = z.iso.datetime({ offset: true });

const release = z.object({ tag, digest, /** Its name below releases/. */ release: z.string() });

/** A `run` of a release's hooks that is still to come, by its place in the file; `old` is the release that was left. */
export const plannedRun = z.object({ of: z.enum(['new', 'old']), index: z.int() });

/** A release that was in use; what a host that lost its memory no longer knows of it is null. */
export const whereabouts = z.object({ release: z.string(), digest: z.nullable(digest), tag: z.nullable(tag) });

export const stateSchema = z.object({
  version: z.literal(1),
  /** The machine's full name as it was last found, for the runs in which the resolver doesn't answer. */
  machineName: z.nullable(z.string()),
  /** The server that last answered. */
  server: z.nullable(z.string()),
  /** The ETag of the last assignment, and the question that it answers. */
  known: z.nullable(z.object({ hostname: z.string(), tag: z.nullable(z.string()), digest, etag: z.string() })),
  answer: z.nullable(
    z.object({
      at: instant,
      outcome: z.string(),
      tag: z.nullable(tag),
      digest: z.nullable(digest),
      environment: z.nullable(z.string()),
      message: z.nullable(z.string()),
    }),
  ),
  running: z.nullable(release),
  previous: z.nullable(release),
  /**
   * Written before the flip, and there until all hooks are through: where it is still there, a run was killed, and the next
   * one runs what is pending, tells and reports in its place.
   */
  activating: z.nullable(
    z.extend(release, {
      runId: z.string(),
      startedAt: instant,
      changed: z.int(),
      files: z.int(),
      isFirst: z.boolean(),
      /** What was in use before, and what before that: where it goes back to. */
      from: z._default(z.nullable(whereabouts), null),
      older: z._default(z.nullable(release), null),
      pending: z._default(z.array(plannedRun), []),
      /** The release in use was repaired: of these paths, or null for too many to name. */
      repair: z._default(z.nullable(z.object({ paths: z.nullable(z.array(z.string())) })), null),
    }),
  ),
  /** The way back that is under way, to a release or to nothing: whoever finds it goes on with it. */
  returning: z._default(
    z.nullable(
      z.object({
        from: whereabouts,
        to: z.nullable(whereabouts),
        older: z.nullable(release),
        /** Why: the failure of what is left, or null where a person wants it. */
        why: z.nullable(z.object({ sentence: z.string(), output: z.string() })),
        runId: z.string(),
        startedAt: instant,
        changed: z.int(),
        pending: z.array(plannedRun),
        /** What did not succeed on the way. */
        troubles: z.array(z.string()),
      }),
    ),
    null,
  ),
  /** The content that failed when it was put into use: not tried again. */
  refused: z._default(z.nullable(z.object({ digest, tag, at: instant, why: z.string() })), null),
  /** Kept at a release by a person. `left`: releases that were rolled back from, newest first. */
  held: z._default(
    z.nullable(z.extend(whereabouts, { at: instant, reason: z.nullable(z.string()), left: z.array(z.string()) })),
    null,
  ),
  /** How often the `clean` hooks of a release failed. */
  cleaning: z._default(z.record(z.string(), z.int()), {}),
  told: z.nullable(z.object({ kind: z.enum(TOLD_KINDS), message: z.string(), at: instant })),
  last: z.nullable(
    z.object({
      at: instant,
      outcome: z.string(),
      exitCode: z.int(),
      sentence: z.nullable(z.string()),
      /** A server answered, or none was asked. */
      isAnswered: z._default(z.boolean(), true),
    }),
  ),
  /** What was last found that was not as its manifest says: the first paths of it. */
  drift: z._default(
    z.nullable(
      z.object({
        at: instant,
        count: z.int(),
        paths: z.array(z.object({ path: z.string(), how: z.array(z.enum(DRIFT_KINDS)) })),
        isRepaired: z.boolean(),
      }),
    ),
    null,
  ),
  /** What servers were last told of the host. */
  facts: z._default(z.nullable(z.record(z.string(), z.string())), null),
  /** When a report was last queued. */
  reportedAt: z.nullable(instant),
  /** Not yet taken by a server, oldest first. */
  reports: z.array(reportSchema),
  /** Why a server would not take a report. */
  reportProblem: z.nullable(z.string()),
});

/** Undefined for a text that no run of this version wrote. */
export function parseState(text: string): State | undefined {
  try {
    const parsed = stateSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
