import { reportSchema } from '../../../protocol/assignment.ts';
import { report } from '../../operations/report.ts';
import { hostnameOf, readBody } from '../read.ts';
import { json } from '../reply.ts';
import type { Route } from '../route.ts';

/** What a host says happened. The same run twice counts once. */
export const reportsRoute: Route = {
  method: 'POST',
  path: '/v1/nodes/:hostname/reports',
  access: 'node',
  async handle(call) {
    const hostname = hostnameOf(call.request);
    if (!hostname.ok) return hostname.reply;
    const said = await readBody(call, reportSchema);
    if (!said.ok) return said.reply;
    const outcome = await report(call.door.context, hostname.value, said.value);
    // What was said is in the history.
    const answer = json({ runId: said.value.runId, outcome }, outcome === 'new' ? 201 : 200);
    return { ...answer, isFrequent: true };
  },
};
