import { hash, timingSafeEqual } from 'node:crypto';

/** What a secret is for, told by its beginning: a node, a person or program, joining, the session of a person in a browser. */
const TOKEN_PREFIXES = { node: 'twn_', person: 'twa_', join: 'twj_', session: 'tws_' } as const;
export type TokenKind = keyof typeof TOKEN_PREFIXES;

/** 32 random bytes as base64url. */
export const SECRET_BYTES = 32;
const SECRET = /^tw[najs]_[A-Za-z0-9_-]{43}$/;

/** The SHA-256 of a whole token, in 64 lower-case hex digits: all that is ever stored of one. */
export type TokenDigest = string & { readonly tokenDigest: unique symbol };
/** The first 16 hex digits of the digest: how a token is called in lists, logs and the history. No secret. */
export type TokenId = string & { readonly tokenId: unique symbol };

/** The token that those random bytes make. */
export function tokenFrom(kind: TokenKind, random: Uint8Array): string {
  if (random.length !== SECRET_BYTES) throw new Error(`a token is made of ${SECRET_BYTES} bytes`);
  return TOKEN_PREFIXES[kind] + Buffer.from(random).toString('base64url');
}

/** The digest of what may be a token; undefined for what cannot be one. */
export function digestOfToken(token: string): TokenDigest | undefined {
  return SECRET.test(token) ? (hash('sha256', token, 'hex') as TokenDigest) : undefined;
}

export function parseTokenDigest(text: string): TokenDigest | undefined {
  return /^[0-9a-f]{64}$/.test(text) ? (text as TokenDigest) : undefined;
}

export function parseTokenId(text: string): TokenId | undefined {
  return /^[0-9a-f]{16}$/.test(text) ? (text as TokenId) : undefined;
}

export function idOfToken(digest: TokenDigest): TokenId {
  return digest.slice(0, 16) as TokenId;
}

const NOTHING = '0'.repeat(64);

/**
 * Whether somebody has shown the token that is known by this digest. The only comparison of secrets: of digests, in a time that
 * does not depend on them, and just as long where nothing is known.
 */
export function isSameToken(shown: TokenDigest, known: TokenDigest | undefined): boolean {
  const same = timingSafeEqual(Buffer.from(shown, 'hex'), Buffer.from(known ?? NOTHING, 'hex'));
  return same && known !== undefined;
}
