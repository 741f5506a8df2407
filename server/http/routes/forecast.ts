import * as z from 'zod';
import { forecastSchema } from '../../../protocol/api/train.ts';
import { FARTHEST_FORECAST_HOURS, forecast } from '../../operations/forecast.ts';
import { starting } from '../failures.ts';
import { json } from '../reply.ts';
import { route } from '../route.ts';
import { digits } from '../shapes.ts';

const query = z.object({
  hours: digits(`a number of hours up to ${FARTHEST_FORECAST_HOURS}`, FARTHEST_FORECAST_HOURS).default(6),
});

/** What each wave gets now and at each of the next full hours, if nobody does anything. */
export const forecastRoute = route({
  method: 'GET',
  path: '/v1/forecast',
  access: 'read',
  description: {
    group: 'Forecast',
    summary: 'What each wave gets now and at each of the next full hours',
    details: "With today's marks and schedule, and one unmarked tag an hour; `notes` says what else was assumed.",
    query,
    answers: { 200: forecastSchema },
  },
  async handle({ door: { context } }, { query: { hours } }) {
    const found = await forecast(context, hours);
    return 'kind' in found ? starting(found) : json(found);
  },
});
