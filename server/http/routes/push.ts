import { json } from '../reply.ts';
import type { Route } from '../route.ts';

/** Somebody pushed: fetch now. What the hook's sender says about it is not needed. */
export const pushRoute: Route = {
  method: 'POST',
  path: '/v1/hooks/push',
  access: 'change',
  handle({ door }) {
    door.fetchSoon();
    return json({ status: 'fetching' }, 202);
  },
};
