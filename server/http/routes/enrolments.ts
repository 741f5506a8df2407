import * as z from 'zod';
import { judgedSchema, waitingHostsSchema } from '../../../protocol/api/access.ts';
import { parseTokenId } from '../../core/token.ts';
import { judgeEnrolment, waitingHosts } from '../../operations/enrolments.ts';
import { actorOf } from '../actor.ts';
import { credentialsTrouble, unavailable } from '../failures.ts';
import { failure, json } from '../reply.ts';
import { route } from '../route.ts';
import { reason } from '../shapes.ts';

/** The hosts that wait to be let in. */
export const enrolmentsRoute = route({
  method: 'GET',
  path: '/v1/enrolments',
  access: 'read',
  description: {
    group: 'Access',
    summary: 'The hosts that wait to be let in, oldest first',
    answers: { 200: waitingHostsSchema },
  },
  handle({ door: { context } }) {
    return credentialsTrouble(context.credentials) ?? json({ enrolments: waitingHosts(context) });
  },
});

const judgement = z
  .strictObject({ approved: z.boolean(), reason: reason.optional() })
  .meta({ examples: [{ approved: true }] });

/** Lets one in, or turns it down. */
export const putEnrolmentRoute = route({
  method: 'PUT',
  path: '/v1/enrolments/:id',
  access: 'change',
  description: {
    group: 'Access',
    summary: 'Lets in a host that waits, or turns it down',
    body: judgement,
    answers: { 200: judgedSchema },
    failures: ['not-found', 'conflict'],
  },
  async handle(call, { path, body: { approved, reason: why } }) {
    const id = parseTokenId(path.id);
    if (id === undefined) return UNKNOWN;
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
});

const UNKNOWN = failure('not-found', 'no host waits under this id', 'GET /v1/enrolments lists those that wait');
