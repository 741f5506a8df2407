import type { Hostname } from '../../protocol/names.ts';
import type { Credential } from '../core/credential.ts';
import type { Role } from '../core/role.ts';
import { digestOfToken, idOfToken, SECRET_BYTES, type TokenId, tokenFrom } from '../core/token.ts';
import {
  type Addition,
  addToken,
  type Freeing,
  freeName,
  type Revocation,
  revokeTokens,
} from '../core/token-change.ts';
import type { Attempt } from '../ports/common.ts';
import { noteAccess } from './audit.ts';
import type { Actor, Context } from './context.ts';

type Ports = Pick<Context, 'credentials' | 'time' | 'journal' | 'random'>;

/** What a token is to be for. */
export type TokenOrder = (
  | { readonly kind: 'person'; readonly name: string; readonly role: Role }
  | { readonly kind: 'node'; readonly hostname: Hostname }
  | {
      readonly kind: 'join';
      /** A host name or a glob. */
      readonly hosts: string;
      readonly groups: readonly string[];
      /** Null = as many as come. */
      readonly uses: number | null;
    }
) & {
  /** Milliseconds since 1970; null = never. */
  readonly expiresAt: number | null;
  readonly mostNames: number;
  readonly actor: Actor;
};

export interface CreatedToken {
  /** Told this once: what is kept is its digest. */
  readonly token: string;
  readonly credential: Credential;
}

/** Makes a token. */
export async function createToken(context: Ports, order: TokenOrder): Promise<Attempt<CreatedToken>> {
  const { expiresAt, mostNames, actor } = order;
  const at = context.time.now();
  if (expiresAt !== null && expiresAt <= at)
    return { ok: false, sentence: 'a token that has expired would let nobody in', hint: 'name a time to come' };
  const token = tokenFrom(order.kind, context.random(SECRET_BYTES));
  const credential = credentialFrom(token, order, at);
  const added = await context.credentials.change((kept) => addToken(kept, credential, { at, mostNames }));
  if (!added.ok) return added;
  if (added.value.kind === 'refused') return refused(added.value);
  const until = expiresAt === null ? '' : `, until ${new Date(expiresAt).toISOString()}`;
  noteAccess(context, {
    kind: 'token',
    actor,
    subject: credential.id,
    after: wordsFor(credential),
    summary: `${actor.by} made ${wordsFor(credential)} (${credential.id})${until}`,
  });
  return { ok: true, value: { token, credential } };
}

function refused({ why, hint }: Extract<Addition, { kind: 'refused' }>): Attempt<never> {
  return { ok: false, sentence: why, hint };
}

function credentialFrom(token: string, order: TokenOrder, at: number): Credential {
  const digest = digestOfToken(token);
  if (digest === undefined) throw new Error('a token that was just made is one');
  const { expiresAt, actor } = order;
  const made = { createdAt: at, createdBy: actor.by, createdFrom: actor.from, expiresAt };
  const kept = { id: idOfToken(digest), digest, ...made };
  switch (order.kind) {
    case 'person':
      return { ...kept, kind: 'person', name: order.name, role: order.role };
    case 'node':
      return { ...kept, kind: 'node', hostname: order.hostname, state: 'active', replacedBy: null };
    case 'join':
      return { ...kept, kind: 'join', hosts: order.hosts, groups: order.groups, usesLeft: order.uses };
    default:
      return order satisfies never;
  }
}

/** What a token is for, as it is told in the history. */
export function wordsFor(credential: Credential): string {
  switch (credential.kind) {
    case 'person':
      return `a token of ${credential.name} as ${credential.role}`;
    case 'session':
      return `a session of ${credential.name} as ${credential.role}`;
    case 'node':
      return `a token of ${credential.hostname}`;
    case 'join': {
      const { hosts, groups, usesLeft } = credential;
      const some = groups.length === 0 ? '' : ` in ${groups.join(' or ')}`;
      return `a join token for ${usesLeft === null ? 'any number' : usesLeft} of ${hosts}${some}`;
    }
    default:
      return credential satisfies never;
  }
}

export interface RevocationOrder {
  /** One token, or all those of a host. */
  readonly which: { readonly id: TokenId } | { readonly hostname: Hostname };
  readonly reason?: string | undefined;
  readonly actor: Actor;
}

/** Lets nobody in any more who shows these. A host's name stays taken. */
export async function revoke(
  context: Ports,
  { which, reason = undefined, actor }: RevocationOrder,
): Promise<Attempt<Revocation>> {
  const at = context.time.now();
  const revoked = await context.credentials.change((kept) => revokeTokens(kept, which, at));
  if (revoked.ok) noteRevoked(context, revoked.value, { actor, why: reason ?? null });
  return revoked;
}

/** Forgets a host, so that it can join as one that was never there. */
export async function forgetHost(
  context: Ports,
  { hostname, actor }: { readonly hostname: Hostname; readonly actor: Actor },
): Promise<Attempt<Freeing>> {
  const at = context.time.now();
  const freed = await context.credentials.change((kept) => freeName(kept, hostname, at));
  if (!freed.ok || !freed.value.wasTaken) return freed;
  noteRevoked(context, freed.value, { actor, why: null });
  noteAccess(context, {
    kind: 'token',
    actor,
    subject: hostname,
    before: 'taken',
    after: 'free',
    summary: `${actor.by} set the name ${hostname} free: it can join anew`,
  });
  return freed;
}

function noteRevoked(
  context: Ports,
  { revoked }: Revocation,
  { actor, why }: { readonly actor: Actor; readonly why: string | null },
): void {
  for (const credential of revoked)
    noteAccess(context, {
      kind: 'token',
      actor,
      subject: credential.id,
      before: wordsFor(credential),
      why,
      summary: `${actor.by} revoked ${wordsFor(credential)} (${credential.id})`,
    });
}
