import { reportedSchema } from '../../../protocol/api/fleet.ts';
import { reportSchema } from '../../../protocol/assignment.ts';
import { report } from '../../operations/report.ts';
import { json } from '../reply.ts';
import { asJson, route } from '../route.ts';

/** What a host says happened. The same run twice counts once. */
export const reportsRoute = route({
  method: 'POST',
  path: '/v1/nodes/:hostname/reports',
  access: 'node',
  description: {
    group: 'Hosts',
    summary: 'What a host says happened',
    details: 'The same run twice counts once.',
    body: reportSchema,
    answers: {
      200: { means: 'It was known.', ...asJson(reportedSchema) },
      201: { means: 'It is new.', ...asJson(reportedSchema) },
    },
  },
  async handle({ door }, { path: { hostname }, body }) {
    const outcome = await report(door.context, hostname, body);
    // What was said is in the history.
    const answer = json({ runId: body.runId, outcome }, outcome === 'new' ? 201 : 200);
    return { ...answer, isFrequent: true };
  },
});
