import * as z from 'zod';
import { newTokenSchema, revokedSchema, tokensSchema } from '../../../protocol/api/access.ts';
import { groupName } from '../../core/group-name.ts';
import { personName } from '../../core/person-name.ts';
import { ROLES } from '../../core/role.ts';
import { createToken, revoke, type TokenOrder } from '../../operations/tokens.ts';
import { shownToken, whichTokens } from '../../operations/tokens-shown.ts';
import { actorOf } from '../actor.ts';
import { credentialsTrouble, unavailable } from '../failures.ts';
import { failure, json } from '../reply.ts';
import { asJson, route } from '../route.ts';
import { hostname, hostPattern, instant, tokenId } from '../shapes.ts';

const MOST = 10_000;
const KINDS = ['node', 'person', 'session', 'join'] as const;

const page = z.strictObject({
  kind: z.enum(KINDS).optional(),
  after: tokenId.optional(),
  limit: z.coerce.number().int().min(1).max(MOST).default(1_000),
});

/** What is kept of the tokens, by id: `limit` of them, and in `next` the id to go on after. */
export const tokensRoute = route({
  method: 'GET',
  path: '/v1/tokens',
  access: 'admin',
  description: {
    group: 'Access',
    summary: 'What is kept of the tokens, by id, a page at a time',
    query: page,
    answers: { 200: tokensSchema },
  },
  handle({ door }, { query: { kind, after, limit } }) {
    const { credentials } = door.context;
    const trouble = credentialsTrouble(credentials);
    if (trouble !== undefined) return trouble;
    const found = credentials.list({ kinds: kind === undefined ? KINDS : [kind], after, limit });
    const next = found.length < limit ? null : (found.at(-1)?.id ?? null);
    return json({ tokens: found.map(shownToken), next });
  },
});

const expiresAt = instant.nullable().default(null);
const wanted = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('person'), name: personName, role: z.enum(ROLES), expiresAt }),
    z.strictObject({ kind: z.literal('node'), hostname, expiresAt }),
    z.strictObject({
      kind: z.literal('join'),
      hosts: hostPattern,
      groups: z.array(groupName).max(100).default([]),
      uses: z.number().int().min(1).max(10_000_000).nullable().default(null),
      expiresAt: instant,
    }),
  ])
  .meta({ examples: [{ kind: 'person', name: 'alice', role: 'operator', expiresAt: '2027-01-01T00:00Z' }] });

/** Makes a token, and tells it this once. */
export const postTokenRoute = route({
  method: 'POST',
  path: '/v1/tokens',
  access: 'admin',
  description: {
    group: 'Access',
    summary: 'Makes a token, and tells it this once',
    body: wanted,
    answers: { 201: { means: 'It was made. Nobody can be told it again.', ...asJson(newTokenSchema) } },
    failures: ['conflict'],
  },
  async handle(call, { body }) {
    const mostNames = call.door.settings().fleet.mostNodes;
    const order: TokenOrder = { ...body, mostNames, actor: actorOf(call) };
    const created = await createToken(call.door.context, order);
    if (!created.ok) {
      const trouble = credentialsTrouble(call.door.context.credentials);
      return trouble ?? failure('conflict', created.sentence, created.hint);
    }
    const { token, credential } = created.value;
    return json({ token, ...shownToken({ ...credential, lastUse: null }) }, 201);
  },
});

/** Revokes one token, or by host name all of a host. */
export const deleteTokenRoute = route({
  method: 'DELETE',
  path: '/v1/tokens/:id',
  access: 'admin',
  description: {
    group: 'Access',
    summary: 'Revokes one token, or by host name all of a host',
    answers: { 200: revokedSchema },
    failures: ['not-found'],
  },
  async handle(call, { path }) {
    const which = whichTokens(path.id);
    if (which === undefined) return UNKNOWN;
    const revoked = await revoke(call.door.context, { which, actor: actorOf(call) });
    if (!revoked.ok) return unavailable(revoked);
    const ids = revoked.value.revoked.map((one) => one.id);
    return ids.length === 0 ? UNKNOWN : json({ revoked: ids });
  },
});

const UNKNOWN = failure('not-found', 'there is no such token', 'GET /v1/tokens lists those that there are');
