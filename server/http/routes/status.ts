import { statusSchema } from '../../../protocol/api/status.ts';
import { status } from '../../operations/overview.ts';
import { starting } from '../failures.ts';
import { json } from '../reply.ts';
import { route } from '../route.ts';

/** What runs where, and what an operator should look at. */
export const statusRoute = route({
  method: 'GET',
  path: '/v1/status',
  access: 'read',
  description: {
    group: 'Fleet',
    summary: 'What runs where, and what an operator should look at',
    answers: { 200: statusSchema },
  },
  async handle({ door }) {
    const found = await status(door.context);
    return 'kind' in found ? starting(found) : json(found);
  },
});
