import * as z from 'zod';
import { HOLD_CODES } from '../errors.ts';
import { answer, count, digest, hostname, instant, tagOrTrunk } from './common.ts';

const outcome = z.enum(['applied', 'unchanged', 'failed', 'rolled-back', 'refused', 'disabled']);

/** What a node said happened. */
export const lastReportSchema = z.object({
  runId: z.string(),
  tag: tagOrTrunk.nullable(),
  digest: digest.nullable(),
  outcome,
  startedAt: z.iso.datetime({ offset: true }),
  durationMs: count,
  changed: count,
  error: z.string().nullable().optional(),
  drifted: z.object({ count, paths: z.array(z.string()) }).optional(),
  facts: z.record(z.string(), z.string()).optional(),
  clientVersion: z.string().optional(),
  receivedAt: instant,
});

/** A node with all that it was told last. */
export const listedNodeSchema = z
  .object({
    hostname,
    firstSeen: instant,
    lastSeen: instant,
    told: z
      .object({
        since: instant.meta({ description: 'When this answer began.' }),
        environment: z.string(),
        wave: z.string(),
        groups: z.array(z.string()),
        outcome: z.enum(['serve', 'hold', 'killswitch']),
        tag: tagOrTrunk.nullable(),
        digest: digest.nullable(),
        hold: z.enum(HOLD_CODES).nullable(),
        message: z.string().nullable(),
        reasons: z.array(z.string()),
      })
      .nullable(),
    running: digest.nullable().meta({ description: 'What it says that it runs.' }),
    polls: count,
    lastReport: lastReportSchema.nullable(),
    answer,
    silent: z.boolean(),
  })
  .meta({ id: 'Node' });
export type ShownNode = z.infer<typeof listedNodeSchema>;

/** `GET /v1/nodes`. */
export const nodesSchema = z.object({
  nodes: z.array(listedNodeSchema),
  next: hostname.nullable().meta({ description: 'The name to go on after; null where that were all.' }),
});

const reasons = z.array(z.string()).meta({ description: 'The steps that led there.' });
export const decisionSchema = z
  .discriminatedUnion('outcome', [
    z.object({ outcome: z.literal('serve'), tag: tagOrTrunk, reasons }),
    z.object({ outcome: z.literal('hold'), hold: z.enum(HOLD_CODES), message: z.string(), reasons }),
    z.object({
      outcome: z.literal('killswitch'),
      environment: z.string().nullable(),
      message: z.string(),
      reasons,
    }),
  ])
  .meta({ id: 'Decision' });

/** `GET /v1/nodes/{hostname}/explain[?at=]`. */
export const explanationSchema = z
  .object({
    hostname,
    at: instant,
    tense: z.enum(['past', 'now', 'future']),
    environment: z.string().meta({ description: 'Empty, as the wave, where the nodegrouper failed.' }),
    wave: z.string(),
    groups: z.array(z.string()),
    decision: decisionSchema,
    notes: z.array(z.string()).meta({ description: 'What was assumed, or is not known.' }),
  })
  .meta({ id: 'Explanation' });
export type ShownExplanation = z.infer<typeof explanationSchema>;

/** `POST /v1/nodes/{hostname}/reports`. */
export const reportedSchema = z.object({
  runId: z.string(),
  outcome: z
    .enum(['new', 'known'])
    .meta({ description: '`known`: the same run was reported before, and counts once.' }),
});
