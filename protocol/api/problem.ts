import * as z from 'zod';
import { type ErrorCode, HOLD_CODES, type ProblemDetails, STATUS_OF } from '../errors.ts';

export const errorCodes = Object.keys(STATUS_OF) as [ErrorCode, ...ErrorCode[]];

/** Every failure (RFC 9457), as `application/problem+json`. */
export const problemDetailsSchema: z.ZodType<ProblemDetails> = z
  .object({
    type: z.literal('about:blank'),
    title: z.string().meta({ description: 'What happened and why, one sentence.' }),
    status: z.int(),
    code: z.enum(errorCodes),
    hint: z.string().meta({ description: 'What to do next.' }).exactOptional(),
    instance: z.string().meta({ description: "The request's number in the server's log." }).exactOptional(),
    hold: z.enum(HOLD_CODES).meta({ description: 'With `hold`: why.' }).exactOptional(),
    message: z.string().exactOptional(),
    reasons: z.array(z.string()).meta({ description: 'The steps that led there.' }).exactOptional(),
  })
  .meta({ id: 'ProblemDetails', description: 'A failure (RFC 9457).' });

/** What an operator should look at, since when. */
export const standingProblemSchema = z
  .object({
    id: z.string(),
    severity: z.enum(['error', 'warning']),
    sentence: z.string(),
    hint: z.string(),
    file: z.string().optional(),
    line: z.int().nonnegative().optional(),
    since: z.iso.datetime(),
  })
  .meta({ id: 'Problem', description: 'Something that an operator should fix.' });
export type ShownProblem = z.infer<typeof standingProblemSchema>;
