import type { Hostname } from '../../protocol/names.ts';
import { isExpired, type NodeCredential } from './credential.ts';
import type { Decided, KeptCredentials } from './credential-change.ts';
import { idOfToken, type TokenDigest, type TokenId } from './token.ts';

export interface RotationRequest {
  readonly hostname: Hostname;
  /** The token that the host has shown. */
  readonly shown: TokenId;
  /** Of the one that is to take its place. */
  readonly digest: TokenDigest;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly from: string | null;
  /** So long the old one counts besides. */
  readonly overlapMs: number;
}

export type Rotation =
  | {
      readonly kind: 'done';
      readonly credential: NodeCredential;
      readonly isNew: boolean;
      /** Until when the one that was shown counts. */
      readonly oldUntil: number | null;
    }
  /** It has been replaced by another one already: whoever shows it now may have found it. */
  | { readonly kind: 'replaced' }
  /** So many count beside each other; one of them ends then. */
  | { readonly kind: 'too-many'; readonly until: number }
  | { readonly kind: 'refused'; readonly why: string };

/** The present one, and two whose overlap is not over yet. */
export const MOST_TOKENS_OF_NODE = 3;

/**
 * Puts another token in the place of one that a host has shown. The same request again is answered the same. The new one ends
 * when the old one would have, where somebody has set that.
 */
export function rotate(kept: KeptCredentials, request: RotationRequest): Decided<Rotation> {
  const { hostname, shown, digest, at, overlapMs } = request;
  const id = idOfToken(digest);
  const old = kept.find(shown);
  if (old?.kind !== 'node' || old.hostname !== hostname || old.state !== 'active' || isExpired(old, at))
    return only({ kind: 'refused', why: `the token that ${hostname} showed counts no more` });
  const known = kept.find(id);
  if (known?.kind === 'node' && known.digest === digest && known.hostname === hostname && known.state === 'active')
    return only({ kind: 'done', credential: known, isNew: false, oldUntil: old.expiresAt });
  if (known !== undefined || kept.isGone(id))
    return only({ kind: 'refused', why: `the token that ${hostname} handed in is known for something else` });
  if (old.replacedBy !== null) return only({ kind: 'replaced' });
  const counting = kept.ofNode(hostname).filter((one) => one.state === 'active' && !isExpired(one, at));
  if (counting.length >= MOST_TOKENS_OF_NODE)
    return only({ kind: 'too-many', until: firstEnd(counting, at + overlapMs) });
  const oldUntil = Math.min(old.expiresAt ?? Number.POSITIVE_INFINITY, at + overlapMs);
  const made = { createdAt: at, createdBy: hostname, createdFrom: request.from };
  const credential: NodeCredential = { ...old, id, digest, ...made, replacedBy: null };
  return {
    result: { kind: 'done', credential, isNew: true, oldUntil },
    changes: [
      { kind: 'put', credential },
      { kind: 'put', credential: { ...old, replacedBy: id, expiresAt: oldUntil } },
    ],
  };
}

function firstEnd(credentials: readonly NodeCredential[], otherwise: number): number {
  return Math.min(otherwise, ...credentials.flatMap(({ expiresAt }) => (expiresAt === null ? [] : [expiresAt])));
}

function only(result: Rotation): Decided<Rotation> {
  return { result, changes: [] };
}
