import * as z from 'zod';
import { answer, count, instant } from './common.ts';

/** A node in one line. */
export const briefNodeSchema = z.object({
  hostname: z.string(),
  environment: z.string(),
  wave: z.string(),
  /** What it was told last. */
  told: answer,
  /** What the schedule, a pin or a killswitch gives it now; as told, where the site's own program decides. */
  due: answer,
  /** What it runs: a tag, `trunk`, or `unknown`. */
  running: z.string(),
  /** Whether it runs other content than it was told. */
  behind: z.boolean(),
  lastSeen: instant,
  silent: z.boolean(),
  /** Of its last report; null where none came. */
  outcome: z.enum(['applied', 'unchanged', 'failed', 'rolled-back', 'refused', 'disabled']).nullable(),
  drifted: z.boolean(),
  pinned: z.boolean(),
});
export type BriefNode = z.infer<typeof briefNodeSchema>;

/**
 * `GET /v1/fleet[?wave=&environment=&outcome=&q=&behind=&silent=&drifted=&pinned=&at=&after=&limit=]` (below `/v1/nodes/` it would be
 * the answer of a host of that name): by host name. `outcome`: one or several with commas between them, or `none`; `q`: a part of a
 * host name, or with `*` all of it; `behind`, `silent`, `drifted`, `pinned`: `true` or `false`; with `at`, in the past, as they were
 * told then. All that are given apply. Without `limit` all of them, written as they are read. `next` = the name to go on after;
 * null where that were all.
 */
export const briefNodesSchema = z.object({ nodes: z.array(briefNodeSchema), next: z.string().nullable() });

export const shownReportSchema = z.object({
  runId: z.string(),
  tag: z.string().nullable(),
  digest: z.string().nullable(),
  outcome: z.enum(['applied', 'unchanged', 'failed', 'rolled-back', 'refused', 'disabled']),
  startedAt: z.string(),
  receivedAt: instant,
  durationMs: count,
  changed: count,
  /** What went wrong, with what hooks printed. */
  error: z.string().nullable(),
  drifted: z.object({ count, paths: z.array(z.string()) }).nullable(),
  clientVersion: z.string().nullable(),
});
export type ShownReport = z.infer<typeof shownReportSchema>;

/** `GET /v1/nodes/{hostname}/record`: all that is known of one node. */
export const nodeRecordSchema = z.object({
  node: briefNodeSchema,
  groups: z.array(z.string()),
  firstSeen: instant,
  polls: count,
  digest: z.string().nullable(),
  facts: z.record(z.string(), z.string()),
  /** The pin that applies to it; `file` `pins` or `nodes.yml`. */
  pin: z
    .object({
      host: z.string(),
      tag: z.string(),
      until: instant.nullable(),
      reason: z.string(),
      file: z.string(),
      line: count.nullable(),
    })
    .nullable(),
  /** Newest first, the last 50. */
  reports: z.array(shownReportSchema),
  /** What it was told, newest first, the last 100: since when, and why. */
  history: z.array(z.object({ at: instant, answer, wave: z.string(), reasons: z.array(z.string()) })),
});
export type NodeRecord = z.infer<typeof nodeRecordSchema>;

/** `GET /v1/nodes/{hostname}/files[?tag=]`: its view of a tag; without one, of what it is due. */
export const nodeFilesSchema = z.object({
  hostname: z.string(),
  tag: z.string(),
  digest: z.string(),
  files: z.array(
    z.object({
      path: z.string(),
      mode: z.string(),
      size: count,
      sha256: z.string(),
      perm: z.string().optional(),
      owner: z.string().optional(),
      group: z.string().optional(),
    }),
  ),
});
export type NodeFiles = z.infer<typeof nodeFilesSchema>;
// `GET /v1/nodes/{hostname}/diff?from=TAG&to=TAG[&path=]` answers as `/v1/diff` does, of the node's own views (rendered, layered).
