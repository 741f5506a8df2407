import * as z from 'zod';
import { answer, count, instant, sizeSchema } from './common.ts';

export const changedFileSchema = z.object({
  path: z.string(),
  /** Where it was before, of one that was renamed. */
  oldPath: z.string().nullable(),
  status: z.enum(['added', 'modified', 'deleted', 'renamed', 'type']),
  /** Null of a binary file. */
  insertions: count.nullable(),
  deletions: count.nullable(),
});
export type ChangedFile = z.infer<typeof changedFileSchema>;

const side = z.object({ name: z.string(), commit: z.string() });

/**
 * `GET /v1/diff?from=TAG&to=TAG[&path=]`: tags, `trunk`. With `path` also the unified patch of that file, for operators alone (403
 * `forbidden` to viewers): what is in files may be secret.
 */
export const comparisonSchema = z.object({
  from: side,
  to: side,
  size: sizeSchema,
  /** By path, at most `limit` (1,000) of them. */
  files: z.array(changedFileSchema),
  more: count,
  /** Of the file that was asked for; null where none was, or there is nothing to show as text. */
  patch: z.string().nullable(),
  isPatchCut: z.boolean(),
});
export type Comparison = z.infer<typeof comparisonSchema>;

export const moveSchema = z.object({
  wave: z.string(),
  from: answer,
  to: answer,
  direction: z.enum(['forward', 'back', 'stops', 'resumes', 'changes']),
  /** By host name. */
  nodes: z.array(z.string()),
});
export type ShownMove = z.infer<typeof moveSchema>;

/** `POST /v1/preview`: what proposed marks, pins or a killswitch would move, if they were made now. */
export const previewSchema = z.object({
  moves: z.array(moveSchema),
  pinned: z.array(z.object({ hostname: z.string(), tag: z.string() })),
  staying: count,
  waves: z.array(moveSchema.omit({ nodes: true })),
  unknown: z.array(z.string()),
  /** When it would count: at once, or once the file has been unchanged for `settle_seconds`. */
  takesEffect: z.object({ at: instant, isAtOnce: z.boolean(), settleSeconds: z.number() }),
  /** What each pair of tags of the moves differs in: at most 12 pairs, and 200 files of each. */
  changes: z.array(comparisonSchema.omit({ patch: true, isPatchCut: true })),
  /** What would come of it later: a wave that goes backwards, or is left without anything acceptable. */
  later: z.array(
    z.object({
      wave: z.string(),
      at: instant,
      from: answer,
      to: answer,
      kind: z.enum(['back', 'nothing-acceptable']),
      sentence: z.string(),
      nodes: count,
    }),
  ),
  /** Whether `bad` or `badfwd` fits the tags that are to be marked; null where neither is proposed, or nothing speaks for one. */
  advice: z.object({ state: z.enum(['bad', 'badfwd']), sentences: z.array(z.string()) }).nullable(),
});
export type ShownPreview = z.infer<typeof previewSchema>;
