import * as z from 'zod';
import { mapSchema } from '../../../protocol/api/train.ts';
import { trainMap } from '../../operations/train-map.ts';
import { starting } from '../failures.ts';
import { failure, json } from '../reply.ts';
import { route } from '../route.ts';
import { digits, instant } from '../shapes.ts';

const MOST_HOURS = 24 * 30;
const MOST_AHEAD = 72;

const query = z.object({
  hours: digits(`a number of hours from 1 to ${MOST_HOURS}`, MOST_HOURS)
    .refine((hours) => hours > 0, `expected a number of hours from 1 to ${MOST_HOURS}`)
    .default(72),
  ahead: digits(`a number of hours up to ${MOST_AHEAD}`, MOST_AHEAD).default(6),
  at: instant.optional(),
});

/** What runs where, and what each wave gets next; or what it was told at an instant in the past. */
export const mapRoute = route({
  method: 'GET',
  path: '/v1/map',
  access: 'read',
  description: {
    group: 'Fleet',
    summary: 'The train map: which tags there are, how many nodes of each wave are where, and what each wave gets next',
    details:
      'With `at` in the past: the marks, the killswitch, the schedule and the tags as they were, and what nodes had been told by then.',
    query,
    answers: { 200: mapSchema },
    failures: ['not-found'],
  },
  async handle({ door: { context } }, { query: asked }) {
    const map = await trainMap(context, asked);
    if ('kind' in map) return starting(map);
    return map.ok ? json(map.value) : failure('not-found', map.sentence, map.hint);
  },
});
