import * as z from 'zod';
import { answer, count, instant, markSchema, sizeSchema } from './common.ts';

/** What one wave is given at the full hour, by today's marks and one unmarked tag an hour to come. */
export const stepSchema = z.object({ at: instant, answer, reasons: z.array(z.string()) });
export type Step = z.infer<typeof stepSchema>;

/** `GET /v1/forecast?hours=6`: one step for now and one for each of the next full hours, by wave in the schedule's order. */
export const forecastSchema = z.object({
  at: instant,
  hours: count,
  waves: z.array(
    z.object({ wave: z.string(), environment: z.string(), hours: count, nodes: count, steps: z.array(stepSchema) }),
  ),
  /** What was assumed, in words. */
  notes: z.array(z.string()),
});
export type Forecast = z.infer<typeof forecastSchema>;

export const mapTagSchema = z.object({
  name: z.string(),
  /** When its hour began. */
  hour: instant,
  commit: z.string(),
  author: z.string(),
  subject: z.string(),
  created: instant,
  origin: z.enum(['cron', 'late', 'backfill', 'manual']),
  stale: z.boolean(),
  /** Why it cannot be served; null where it can. */
  broken: z.string().nullable(),
  ahead: z.boolean(),
  /** Commits since the tag before; null where that cannot be said. */
  commits: count.nullable(),
  /** Whether it holds another commit than the tag before it. */
  isNew: z.boolean(),
  /** Of the change since the tag before; null where there is none, or it is still being counted (`/v1/live` then says `map`). */
  size: sizeSchema.nullable(),
  /** By environment; one that is not named has no mark. */
  marks: z.record(z.string(), markSchema),
});
export type MapTag = z.infer<typeof mapTagSchema>;

/** How many nodes of one wave are where. Cells in which all is 0 are left out. */
export const cellSchema = z.object({
  /** As an answer; `unknown` of those that run what has no name, or do not say what they run. */
  at: answer,
  /** Were told this last. */
  told: count,
  /** Run this, by their polls and reports. */
  running: count,
  /** Were told this, and reported last that they failed, rolled back or refused. */
  failing: count,
});
export type Cell = z.infer<typeof cellSchema>;

export const mapWaveSchema = z.object({
  wave: z.string(),
  environment: z.string(),
  hours: count,
  require: z.enum(['not-bad', 'good']),
  /** What the schedule gives it, and why. */
  answer,
  reasons: z.array(z.string()),
  nodes: count,
  /** Of these: reported last that they failed, rolled back or refused · hold · have not been heard of · differ from their release. */
  failing: count,
  held: count,
  silent: count,
  drifted: count,
  cells: z.array(cellSchema),
  /** The next hours; empty for the past. */
  path: z.array(stepSchema),
});
export type MapWave = z.infer<typeof mapWaveSchema>;

/** Nodes that are in no wave of the schedule: it has changed since they asked, or nobody can say in which they are. */
export const elsewhereSchema = mapWaveSchema
  .pick({ nodes: true, failing: true, held: true, silent: true, drifted: true })
  .extend({
    /** As they were told it; empty where they were told none. */
    wave: z.string(),
    cells: z.array(cellSchema),
  });
export type Elsewhere = z.infer<typeof elsewhereSchema>;

export const stopSchema = z.object({
  /** Null = the global one. */
  environment: z.string().nullable(),
  /** Also where the name is no environment's. */
  stopsAll: z.boolean(),
  message: z.string(),
  /** Names the file as it is now, for whoever removes it. */
  version: z.string(),
  /** Since when it has stood; null where that is not recorded. */
  since: instant.nullable(),
  by: z.string().nullable(),
  /** Nodes that it concerns, and how many of them have been told. */
  nodes: count,
  told: count,
  /** How long the slowest of those took to hear of it, in seconds; null where that is not known. */
  slowestSeconds: z.number().nullable(),
  /** The first thousand of those that have not been told. */
  silent: z.array(z.string()),
});
export type Stop = z.infer<typeof stopSchema>;

/** `GET /v1/map?hours=72&ahead=6[&at=]`. An instant that is not past is now. */
export const mapSchema = z.object({
  at: instant,
  tense: z.enum(['past', 'now']),
  /** The earliest instant that is known of; null where nothing is. */
  since: instant.nullable(),
  hours: count,
  killswitch: z.array(stopSchema),
  /** Oldest first: the hours shown that have a tag, and older ones that a wave gets or somebody was told or runs. */
  tags: z.array(mapTagSchema),
  waves: z.array(mapWaveSchema),
  /** Empty nearly always. */
  elsewhere: z.array(elsewhereSchema),
  /** How many stand now. */
  problems: count,
  /** What is not known of that time, in words. */
  notes: z.array(z.string()),
});
export type TrainMap = z.infer<typeof mapSchema>;

export const TOPICS = ['map', 'nodes', 'tags', 'problems', 'killswitch', 'events', 'settings'] as const;
export type Topic = (typeof TOPICS)[number];
/**
 * `GET /v1/live` with `Accept: text/event-stream`. `event: hello` when the stream begins, data `{"version": "0.1.0", "started": INSTANT}`; then at most once a
 * second `event: changed`, data `{"topics": [...]}`: what is worth asking for again. A comment every 15 s. Without
 * that header: what `hello` says, as JSON.
 */
export const changedSchema = z.object({ topics: z.array(z.enum(TOPICS)) });
export const helloSchema = z.object({ version: z.string(), started: instant });
