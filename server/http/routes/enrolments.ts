import * as z from 'zod';
import { parseTokenId } from '../../core/token.ts';
import { judgeEnrolment, waitingHosts } from '../../operations/enrolments.ts';
import { actorOf } from '../actor.ts';
import { credentialsTrouble, unavailable } from '../failures.ts';
import { parameter, readBody } from '../read.ts';
import { failure, json } from '../reply.ts';
import type { Route } from '../route.ts';
import { reason } from '../shapes.ts';

/** The hosts that wait to be let in. */
export const enrolmentsRoute: Route = {
  method: 'GET',
  path: '/v1/enrolments',
  access: 'read',
  handle({ door: { context } }) {
    return credentialsTrouble(context.credentials) ?? json({ enrolments: waitingHosts(context) });
  },
};

const body = z.strictObject({ approved: z.boolean(), reason: reason.optional() });

/** Lets one in, or turns it down. */
export const putEnrolmentRoute: Route = {
  method: 'PUT',
  path: '/v1/enrolments/:id',
  access: 'change',
  async handle(call) {
    const id = parseTokenId(parameter(call.request, 'id'));
    if (id === undefined) return UNKNOWN;
    const asked = await readBody(call, body);
    if (!asked.ok) return asked.reply;
    const { approved, reason: why } = asked.value;
    const mostNames = call.door.settings().fleet.mostNodes;
    const order = { id, isApproved: approved, reason: why, mostNames, actor: actorOf(call) };
    const judged = await judgeEnrolment(call.door.context, order);
    if (!judged.ok) return unavailable(judged);
    const { value } = judged;
    if (value.kind === 'unknown') return UNKNOWN;
    if (value.kind === 'refused') return failure('conflict', value.why, 'make room, or raise the limit');
    const dropped = value.kind === 'done' ? value.dropped.map((other) => other.id) : [];
    return json({ id, hostname: value.credential.hostname, approved, changed: value.kind === 'done', dropped });
  },
};

const UNKNOWN = failure('not-found', 'no host waits under this id', 'GET /v1/enrolments lists those that wait');
