import { nodeRecordSchema } from '../../../protocol/api/nodes.ts';
import { nodeRecord } from '../../operations/node-record.ts';
import { starting } from '../failures.ts';
import { hostnameOf } from '../read.ts';
import { failure, json } from '../reply.ts';
import type { Route } from '../route.ts';

/** All that is known of one node. */
export const recordRoute: Route = {
  method: 'GET',
  path: '/v1/nodes/:hostname/record',
  access: 'read',
  description: {
    summary: 'All that is known of one node: what it runs, its reports, and what it was told when and why',
    answers: { 200: nodeRecordSchema },
  },
  async handle({ door, request }) {
    const hostname = hostnameOf(request);
    if (!hostname.ok) return hostname.reply;
    const record = await nodeRecord(door.context, hostname.value);
    if (record === undefined)
      return failure(
        'not-found',
        `${hostname.value} has never asked here, or not for so long that it was forgotten`,
        `/v1/nodes/${hostname.value}/explain tells what it would get`,
      );
    return 'kind' in record ? starting(record) : json(record);
  },
};
