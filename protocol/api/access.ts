import * as z from 'zod';
import { count, hostname, instant } from './common.ts';

/** The first digits of a token's digest: no secret. */
export const tokenId = z.string().regex(/^[0-9a-f]{16}$/);

/** A host that waits to be let in. */
export const waitingSchema = z
  .object({
    id: tokenId,
    hostname,
    from: z.string().nullable().meta({ description: 'The address that it asked from.' }),
    askedAt: instant,
    until: instant.nullable(),
    replaces: z.boolean().meta({ description: 'Another token speaks for the name, which then counts no more.' }),
  })
  .meta({ id: 'WaitingHost' });

export const waitingHostsSchema = z.object({ enrolments: z.array(waitingSchema) });

/** `PUT /v1/enrolments/{id}`. */
export const judgedSchema = z.object({
  id: tokenId,
  hostname,
  approved: z.boolean(),
  changed: z.boolean().meta({ description: 'False where it had been done before.' }),
  dropped: z.array(tokenId).meta({ description: 'What counts no more since.' }),
});

const tokenState = z.enum(['active', 'pending']);

/** `POST /v1/nodes/{hostname}/enrolment`. */
export const enrolledSchema = z.object({ hostname, state: tokenState, id: tokenId });

/** `POST /v1/nodes/{hostname}/token`. */
export const rotatedSchema = enrolledSchema.extend({
  oldTokenUntil: instant.nullable().meta({ description: 'Until when the token that was shown still counts.' }),
});

const kept = {
  id: tokenId,
  createdAt: instant,
  createdBy: z.string(),
  createdFrom: z.string().nullable(),
  expiresAt: instant.nullable(),
  lastUse: z.object({ at: instant, from: z.string().nullable() }).nullable(),
};
const kinds = {
  node: { kind: z.literal('node'), hostname, state: tokenState, replacedBy: tokenId.nullable() },
  person: { kind: z.enum(['person', 'session']), name: z.string(), role: z.enum(['viewer', 'operator', 'admin']) },
  join: { kind: z.literal('join'), hosts: z.string(), groups: z.array(z.string()), usesLeft: count.nullable() },
};

/** All that is kept of a token but its digest. */
export const tokenSchema = z
  .discriminatedUnion('kind', [
    z.object({ ...kept, ...kinds.node }),
    z.object({ ...kept, ...kinds.person }),
    z.object({ ...kept, ...kinds.join }),
  ])
  .meta({ id: 'Token', description: 'All that is kept of a token but its digest.' });
export type ShownToken = z.infer<typeof tokenSchema>;

export const tokensSchema = z.object({
  tokens: z.array(tokenSchema),
  next: tokenId.nullable().meta({ description: 'The id to go on after; null where that were all.' }),
});

const token = z
  .string()
  .regex(/^tw[naj]_[A-Za-z0-9_-]{43}$/)
  .meta({ description: 'The token itself, this once.' });

/** `POST /v1/tokens`. */
export const newTokenSchema = z.discriminatedUnion('kind', [
  z.object({ token, ...kept, ...kinds.node }),
  z.object({ token, ...kept, ...kinds.person }),
  z.object({ token, ...kept, ...kinds.join }),
]);

export const revokedSchema = z.object({ revoked: z.array(tokenId) });

/** `GET /v1/session`. */
export const sessionSchema = z
  .object({
    name: z.string(),
    role: z.enum(['viewer', 'operator', 'admin']),
    by: z.enum(['token', 'session', 'admin socket']),
    expiresAt: instant.nullable(),
  })
  .meta({ id: 'Session' });
export type ShownSession = z.infer<typeof sessionSchema>;

export const loggedOutSchema = z.object({ loggedOut: z.literal(true) });
export const redirectSchema = z.object({ location: z.string() });
