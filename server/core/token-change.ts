import type { Hostname } from '../../protocol/names.ts';
import { type Credential, isExpired } from './credential.ts';
import type { Decided, KeptCredentials } from './credential-change.ts';
import { MOST_TOKENS_OF_NODE } from './rotation.ts';
import type { TokenId } from './token.ts';

/** So many of a kind there may be. */
export const MOST_OF_KIND = { person: 1_000, join: 1_000, session: 10_000 } as const;

export type Addition =
  | { readonly kind: 'added'; readonly credential: Credential }
  | { readonly kind: 'refused'; readonly why: string; readonly hint: string };

/** Adds a token that somebody has made who may. `at`: milliseconds since 1970. */
export function addToken(
  kept: KeptCredentials,
  credential: Credential,
  { at, mostNames }: { readonly at: number; readonly mostNames: number },
): Decided<Addition> {
  if (kept.find(credential.id) !== undefined || kept.isGone(credential.id))
    return refused('a token with this id is known', 'make another one');
  const full =
    credential.kind === 'node' ? whyFullForNode(kept, credential, { at, mostNames }) : whyFull(kept, credential.kind);
  if (full !== undefined)
    // Some of them may be over.
    return { ...full, changes: [{ kind: 'sweep', at }] };
  return { result: { kind: 'added', credential }, changes: [{ kind: 'put', credential }] };
}

function whyFull(kept: KeptCredentials, kind: keyof typeof MOST_OF_KIND): Decided<Addition> | undefined {
  const most = MOST_OF_KIND[kind];
  if (kept.count(kind) < most) return undefined;
  const what = { person: 'tokens of people', join: 'join tokens', session: 'sessions' }[kind];
  return refused(`there are ${most} ${what} already`, 'revoke those that nobody uses');
}

function whyFullForNode(
  kept: KeptCredentials,
  { hostname }: { readonly hostname: Hostname },
  { at, mostNames }: { readonly at: number; readonly mostNames: number },
): Decided<Addition> | undefined {
  const counting = kept.ofNode(hostname).filter((one) => one.state === 'active' && !isExpired(one, at));
  if (counting.length >= MOST_TOKENS_OF_NODE)
    return refused(
      `${hostname} has ${counting.length} tokens that count`,
      `revoke one of them: ${counting.map(({ id }) => id).join(', ')}`,
    );
  if (kept.isTaken(hostname) || kept.count('names') < mostNames) return undefined;
  return refused(`${mostNames} hosts have tokens, as many as are remembered`, 'raise fleet.most_nodes');
}

function refused(why: string, hint: string): Decided<Addition> {
  return { result: { kind: 'refused', why, hint }, changes: [] };
}

/** What counts no more. */
export interface Revocation {
  readonly revoked: readonly Credential[];
}

/** Revokes a token, or all those of a host, whose name stays taken. */
export function revokeTokens(
  kept: KeptCredentials,
  which: { readonly id: TokenId } | { readonly hostname: Hostname },
  at: number,
): Decided<Revocation> {
  const one = 'id' in which ? kept.find(which.id) : undefined;
  const revoked = 'id' in which ? (one === undefined ? [] : [one]) : kept.ofNode(which.hostname);
  return { result: { revoked }, changes: revoked.map(({ id }) => ({ kind: 'drop', id, at })) };
}

export interface Freeing extends Revocation {
  /** Somebody had the name. */
  readonly wasTaken: boolean;
}

/** Forgets a host: none of its tokens counts, and its name can be taken as if it had never been. */
export function freeName(kept: KeptCredentials, hostname: Hostname, at: number): Decided<Freeing> {
  const revoked = kept.ofNode(hostname);
  const wasTaken = kept.isTaken(hostname);
  const isKnown = wasTaken || revoked.length > 0;
  return { result: { revoked, wasTaken: isKnown }, changes: isKnown ? [{ kind: 'free', hostname, at }] : [] };
}
