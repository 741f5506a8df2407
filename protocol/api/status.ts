import * as z from 'zod';
import { waitingSchema } from './access.ts';
import { answer, count, hostname, instant, objectId, tagName } from './common.ts';
import { standingProblemSchema } from './problem.ts';

export const waveStatusSchema = z
  .object({
    wave: z.string(),
    environment: z.string(),
    hours: count,
    answer,
    nodes: count,
    told: z.record(answer, count).meta({ description: 'How many nodes were told what.' }),
  })
  .meta({ id: 'WaveStatus' });

/** A killswitch that stands, and who has heard of it. */
export const killswitchStatusSchema = z
  .object({
    environment: z.string().nullable().meta({ description: 'Null: the global one.' }),
    stopsAll: z.boolean(),
    message: z.string(),
    version: z.string(),
    told: count,
    silent: z.array(hostname).meta({ description: 'The first thousand of those that have not been told.' }),
    silentCount: count,
  })
  .meta({ id: 'KillswitchStatus' });

/** `GET /v1/status`. */
export const statusSchema = z
  .object({
    now: instant.meta({ description: 'The time that decisions are made by.' }),
    killswitch: z.array(killswitchStatusSchema),
    waves: z.array(waveStatusSchema),
    tags: z.object({ count, newest: tagName.nullable(), oldest: tagName.nullable() }),
    trunk: z.object({ commit: objectId, tree: objectId, broken: z.string().nullable(), fetched: instant }).nullable(),
    nodes: z.object({ known: count, silent: z.array(hostname), silentCount: count }),
    enrolments: z.array(waitingSchema),
    problems: z.array(standingProblemSchema),
  })
  .meta({ id: 'Status' });
export type ShownStatus = z.infer<typeof statusSchema>;

export const aliveSchema = z.object({ status: z.literal('alive') });
export const readySchema = z.object({ status: z.literal('ready') });
export const fetchingSchema = z.object({ status: z.literal('fetching') });
