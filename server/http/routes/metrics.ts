import { readings } from '../../operations/readings.ts';
import { COMMON_HEADERS } from '../reply.ts';
import { route } from '../route.ts';

/** What is the case and what was counted, for Prometheus. */
export const metricsRoute = route({
  method: 'GET',
  path: '/metrics',
  access: 'read',
  description: {
    group: 'Server',
    summary: 'What is the case and what was counted, as Prometheus reads it',
    answers: { 200: 'text/plain' },
  },
  async handle({ door }) {
    const { context } = door;
    const { type, text } = await context.metrics.exposition(await readings(context));
    const headers = { ...COMMON_HEADERS, 'Content-Type': type, 'Content-Length': String(Buffer.byteLength(text)) };
    return { kind: 'prepared', status: 200, headers: Object.entries(headers).flat(), body: text };
  },
});
