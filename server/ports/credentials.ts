import type { Hostname } from '../../protocol/names.ts';
import type { Credential, NodeCredential } from '../core/credential.ts';
import type { Decided, KeptCredentials } from '../core/credential-change.ts';
import type { TokenId } from '../core/token.ts';
import type { Attempt } from './common.ts';

/** For those who only have to know who asks. */
export interface KnownCredentials {
  /**
   * What is known of a secret by its id, from memory; what another process changed counts within 25 ms. Expired ones are still
   * known. Undefined also where nothing can be known, which `trouble` says.
   */
  find(id: TokenId): Credential | undefined;
  /** Those of one node. */
  ofNode(hostname: Hostname): readonly NodeCredential[];
  /** Notes that it was used, for lists: written in batches, and may be lost. */
  noteUse(id: TokenId, use: { readonly at: number; readonly from: string | null }): void;
  /** Why nobody can be let in now, as a sentence with what to do; null when all is well. */
  trouble(): string | null;
  close(): Promise<void>;
}

/** With when it was last shown, as far as that was written. */
export type ListedCredential = Credential & {
  readonly lastUse: { readonly at: number; readonly from: string | null } | null;
};

export interface CredentialPage {
  readonly kinds: readonly Credential['kind'][];
  readonly state?: NodeCredential['state'];
  /** Those after this one, by id. */
  readonly after?: TokenId | undefined;
  readonly limit: number;
}

/** For those who change who is believed. SQLite now, PostgreSQL later. */
export interface Credentials extends KnownCredentials {
  /**
   * Hands `decide` what is kept, carries out what it decided, and answers its result once that is on disk. Nothing else is
   * changed in between, by whatever process. Many that are asked for at once share one write, in the order of asking.
   */
  change<Result>(decide: (kept: KeptCredentials) => Decided<Result>): Promise<Attempt<Result>>;
  /** By id. Nothing where nothing can be known, which `trouble` says. */
  list(page: CredentialPage): readonly ListedCredential[];
  /** Names that some token has spoken for and none does any more, and that are not free: by name. */
  namesWithoutToken(page: { readonly after?: Hostname | undefined; readonly limit: number }): readonly Hostname[];
}
