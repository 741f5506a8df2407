import { createHash } from 'node:crypto';

/** How a token begins that speaks for a host, and one that lets hosts in. */
const KINDS = { node: 'twn_', join: 'twj_' } as const;
export type TokenKind = keyof typeof KINDS;

/** 256 random bits. */
export const SECRET_BYTES = 32;

/** The token that a file holds, with or without a line end. Undefined for anything else. */
export function parseToken(kind: TokenKind, text: string): string | undefined {
  const token = text.trim();
  return token.startsWith(KINDS[kind]) && /^[A-Za-z0-9_-]{43}$/.test(token.slice(KINDS[kind].length))
    ? token
    : undefined;
}

/** The host's token that those random bytes make. */
export function nodeTokenFrom(random: Uint8Array): string {
  if (random.length !== SECRET_BYTES) throw new Error(`a token is made of ${SECRET_BYTES} bytes`);
  return KINDS.node + Buffer.from(random).toString('base64url');
}

/** All that a server ever learns of a token before it is used: its SHA-256, in 64 hex digits. */
export function digestOfToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** How a token is called in front of people, who compare it with what the server shows. No secret. */
export function idOfToken(token: string): string {
  return digestOfToken(token).slice(0, 16);
}
