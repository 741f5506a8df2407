import { nodeRecordSchema } from '../../../protocol/api/nodes.ts';
import { nodeRecord } from '../../operations/node-record.ts';
import { starting } from '../failures.ts';
import { failure, json } from '../reply.ts';
import { route } from '../route.ts';

/** All that is known of one node. */
export const recordRoute = route({
  method: 'GET',
  path: '/v1/nodes/:hostname/record',
  access: 'read',
  description: {
    group: 'Fleet',
    summary: 'All that is known of one node: what it runs, its reports, and what it was told when and why',
    answers: { 200: nodeRecordSchema },
    failures: ['not-found'],
  },
  async handle({ door }, { path: { hostname } }) {
    const record = await nodeRecord(door.context, hostname);
    if (record === undefined)
      return failure(
        'not-found',
        `${hostname} has never asked here, or not for so long that it was forgotten`,
        `/v1/nodes/${hostname}/explain tells what it would get`,
      );
    return 'kind' in record ? starting(record) : json(record);
  },
});
