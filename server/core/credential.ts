import type { Hostname } from '../../protocol/names.ts';
import type { Role } from './role.ts';
import type { TokenDigest, TokenId } from './token.ts';

interface Kept {
  readonly id: TokenId;
  readonly digest: TokenDigest;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** Who made it, or asked for it, and from where. */
  readonly createdBy: string;
  readonly createdFrom: string | null;
  /** It counts until then; null = until it is revoked. */
  readonly expiresAt: number | null;
}

/** Speaks for one node. Several for the same where one takes the place of another. */
export interface NodeCredential extends Kept {
  readonly kind: 'node';
  readonly hostname: Hostname;
  /** `pending`: nobody has said yes yet. */
  readonly state: 'active' | 'pending';
  /** The one that takes its place; it still counts beside that for a while, but is not replaced again. */
  readonly replacedBy: TokenId | null;
}

/** Speaks for a person or a program. */
export interface PersonCredential extends Kept {
  readonly kind: 'person' | 'session';
  /** As the history names them. */
  readonly name: string;
  readonly role: Role;
}

/** Lets hosts in that show it. */
export interface JoinCredential extends Kept {
  readonly kind: 'join';
  /** What they may be called: a host name or a glob as in `nodes.yml`. */
  readonly hosts: string;
  /** They must be in one of these; empty = in any or none. */
  readonly groups: readonly string[];
  /** How many more hosts it lets in; null = without limit. */
  readonly usesLeft: number | null;
}

/** What is known of a secret that may still count. What was revoked is none any more. */
export type Credential = NodeCredential | PersonCredential | JoinCredential;

export function isExpired({ expiresAt }: Pick<Kept, 'expiresAt'>, now: number): boolean {
  return expiresAt !== null && expiresAt <= now;
}
