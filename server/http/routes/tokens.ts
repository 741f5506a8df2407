import * as z from 'zod';
import { type Hostname, parseHostname } from '../../../protocol/names.ts';
import { parseHostPattern, patternText } from '../../core/globs.ts';
import { groupName } from '../../core/group-name.ts';
import { personName } from '../../core/person-name.ts';
import { ROLES } from '../../core/role.ts';
import { parseTokenId } from '../../core/token.ts';
import { createToken, revoke, type TokenOrder } from '../../operations/tokens.ts';
import { shownToken, whichTokens } from '../../operations/tokens-shown.ts';
import { actorOf } from '../actor.ts';
import { credentialsTrouble, unavailable } from '../failures.ts';
import { parameter, readBody, readQuery } from '../read.ts';
import { failure, json } from '../reply.ts';
import type { Route } from '../route.ts';
import { instant, parsed } from '../shapes.ts';

const MOST = 10_000;
const KINDS = ['node', 'person', 'session', 'join'] as const;

const page = z.strictObject({
  kind: z.enum(KINDS).optional(),
  after: parsed('the id of a token', parseTokenId).optional(),
  limit: z.coerce.number().int().min(1).max(MOST).default(1_000),
});

/** What is kept of the tokens, by id: `limit` of them, and in `next` the id to go on after. */
export const tokensRoute: Route = {
  method: 'GET',
  path: '/v1/tokens',
  access: 'admin',
  handle({ door, request }) {
    const asked = readQuery(request, page);
    if (!asked.ok) return asked.reply;
    const { kind, after, limit } = asked.value;
    const { credentials } = door.context;
    const trouble = credentialsTrouble(credentials);
    if (trouble !== undefined) return trouble;
    const found = credentials.list({ kinds: kind === undefined ? KINDS : [kind], after, limit });
    const next = found.length < limit ? null : (found.at(-1)?.id ?? null);
    return json({ tokens: found.map(shownToken), next });
  },
};

const hostname = parsed<Hostname>('a host name', parseHostname);
const hosts = parsed('a host name, or a pattern with * within a label or ** across', (text) => {
  const pattern = parseHostPattern(text);
  return pattern && patternText(pattern);
});
const expiresAt = instant.nullable().default(null);
const body = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('person'), name: personName, role: z.enum(ROLES), expiresAt }),
  z.strictObject({ kind: z.literal('node'), hostname, expiresAt }),
  z.strictObject({
    kind: z.literal('join'),
    hosts,
    groups: z.array(groupName).max(100).default([]),
    uses: z.number().int().min(1).max(10_000_000).nullable().default(null),
    expiresAt: instant,
  }),
]);

/** Makes a token, and tells it this once. */
export const postTokenRoute: Route = {
  method: 'POST',
  path: '/v1/tokens',
  access: 'admin',
  async handle(call) {
    const wanted = await readBody(call, body);
    if (!wanted.ok) return wanted.reply;
    const mostNames = call.door.settings().fleet.mostNodes;
    const order: TokenOrder = { ...wanted.value, mostNames, actor: actorOf(call) };
    const created = await createToken(call.door.context, order);
    if (!created.ok) {
      const trouble = credentialsTrouble(call.door.context.credentials);
      return trouble ?? failure('conflict', created.sentence, created.hint);
    }
    const { token, credential } = created.value;
    return json({ token, ...shownToken({ ...credential, lastUse: null }) }, 201);
  },
};

/** Revokes one token, or by host name all of a host. */
export const deleteTokenRoute: Route = {
  method: 'DELETE',
  path: '/v1/tokens/:id',
  access: 'admin',
  async handle(call) {
    const named = parameter(call.request, 'id');
    const which = whichTokens(named);
    if (which === undefined) return UNKNOWN;
    const revoked = await revoke(call.door.context, { which, actor: actorOf(call) });
    if (!revoked.ok) return unavailable(revoked);
    const ids = revoked.value.revoked.map((one) => one.id);
    return ids.length === 0 ? UNKNOWN : json({ revoked: ids });
  },
};

const UNKNOWN = failure('not-found', 'there is no such token', 'GET /v1/tokens lists those that there are');
