import type { Hostname } from '../../protocol/names.ts';
import type { Credential, NodeCredential } from './credential.ts';
import type { TokenId } from './token.ts';

/** What is kept of all credentials while somebody decides what to change of it. */
export interface KeptCredentials {
  /** Also one that has expired. */
  find(id: TokenId): Credential | undefined;
  ofNode(hostname: Hostname): readonly NodeCredential[];
  /** It was known, and was revoked or turned down within the last weeks. */
  isGone(id: TokenId): boolean;
  /** Some token speaks for it or has spoken for it, and nobody has set the name free since. */
  isTaken(hostname: Hostname): boolean;
  /** How many there are: names that are taken, hosts that wait, tokens by their kind. Also those that have expired. */
  count(what: 'names' | 'pending' | 'join' | 'person' | 'session'): number;
  /** How many wait that asked from an address. */
  pendingFrom(address: string): number;
}

/** Instants are milliseconds since 1970. */
export type CredentialChange =
  /** A new one, or one instead of that with its id. An active one of a node takes the name. */
  | { readonly kind: 'put'; readonly credential: Credential }
  /** It counts no more, and is not let in again. */
  | { readonly kind: 'drop'; readonly id: TokenId; readonly at: number }
  /** Nothing is known of the host any more: its name can be taken anew. */
  | { readonly kind: 'free'; readonly hostname: Hostname; readonly at: number }
  /** Drops what has expired and nobody needs to be told of any more. */
  | { readonly kind: 'sweep'; readonly at: number };

export interface Decided<Result> {
  readonly result: Result;
  /** Carried out in this order, all or none. */
  readonly changes: readonly CredentialChange[];
}
