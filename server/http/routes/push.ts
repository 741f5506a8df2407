import { fetchingSchema } from '../../../protocol/api/status.ts';
import { json } from '../reply.ts';
import { route } from '../route.ts';

/** Somebody pushed: fetch now. What the hook's sender says about it is not needed. */
export const pushRoute = route({
  method: 'POST',
  path: '/v1/hooks/push',
  access: 'change',
  description: {
    group: 'Tags',
    summary: 'Fetches now: somebody has pushed',
    details:
      "For a hook of the repository's server. What it sends is not read, but has to be sent as `application/json`.",
    answers: { 202: fetchingSchema },
  },
  handle({ door }) {
    door.fetchSoon();
    return json({ status: 'fetching' }, 202);
  },
});
