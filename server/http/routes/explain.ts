import * as z from 'zod';
import { explain } from '../../operations/explain.ts';
import { worldNow } from '../../operations/world.ts';
import { starting } from '../failures.ts';
import { hostnameOf, readQuery } from '../read.ts';
import { failure, json } from '../reply.ts';
import type { Route } from '../route.ts';
import { instant } from '../shapes.ts';

const query = z.object({ at: instant.optional() });

/** There is one tag for each hour until then. */
const FARTHEST_MS = 366 * 24 * 3_600_000;

/** Why a node gets, got or will get what it does. */
export const explainRoute: Route = {
  method: 'GET',
  path: '/v1/nodes/:hostname/explain',
  access: 'read',
  async handle({ door: { context }, request }) {
    const hostname = hostnameOf(request);
    if (!hostname.ok) return hostname.reply;
    const asked = readQuery(request, query);
    if (!asked.ok) return asked.reply;
    const { at } = asked.value;
    const ready = worldNow(context);
    if (ready.kind === 'not-ready') return starting(ready);
    if (at !== undefined && at > ready.world.now + FARTHEST_MS)
      return failure('bad-request', 'at lies more than a year ahead', 'ask for an earlier time');
    const explained = await explain(context, hostname.value, at);
    return explained.ok ? json(explained.value) : failure('not-found', explained.sentence, explained.hint);
  },
};
