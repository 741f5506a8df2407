import { status } from '../../operations/overview.ts';
import { starting } from '../failures.ts';
import { json } from '../reply.ts';
import type { Route } from '../route.ts';

/** What runs where, and what an operator should look at. */
export const statusRoute: Route = {
  method: 'GET',
  path: '/v1/status',
  access: 'read',
  async handle({ door }) {
    const found = await status(door.context);
    return 'kind' in found ? starting(found) : json(found);
  },
};
