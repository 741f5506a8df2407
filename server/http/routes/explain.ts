import * as z from 'zod';
import { explanationSchema } from '../../../protocol/api/fleet.ts';
import { explain } from '../../operations/explain.ts';
import { worldNow } from '../../operations/world.ts';
import { starting } from '../failures.ts';
import { failure, json } from '../reply.ts';
import { route } from '../route.ts';
import { instant } from '../shapes.ts';

/** There is one tag for each hour until then. */
const FARTHEST_MS = 366 * 24 * 3_600_000;

/** Why a node gets, got or will get what it does. */
export const explainRoute = route({
  method: 'GET',
  path: '/v1/nodes/:hostname/explain',
  access: 'read',
  description: {
    group: 'Fleet',
    summary: 'Why a node gets, got or will get what it does',
    details:
      "In the past with the marks, pins, groups and tags as they were; in the future with today's, and one unmarked tag an hour.",
    query: z.object({ at: instant.optional() }),
    answers: { 200: explanationSchema },
    failures: ['not-found'],
  },
  async handle({ door: { context } }, { path: { hostname }, query: { at } }) {
    const ready = worldNow(context);
    if (ready.kind === 'not-ready') return starting(ready);
    if (at !== undefined && at > ready.world.now + FARTHEST_MS)
      return failure('bad-request', 'at lies more than a year ahead', 'ask for an earlier time');
    const explained = await explain(context, hostname, at);
    return explained.ok ? json(explained.value) : failure('not-found', explained.sentence, explained.hint);
  },
});
