import { type Hostname, parseHostname } from '../../protocol/names.ts';
import { parseTokenId, type TokenId } from '../core/token.ts';
import type { ListedCredential } from '../ports/credentials.ts';

/** What is shown of a token: all that is kept of it but the digest. Instants are RFC 3339. */
export function shownToken(listed: ListedCredential) {
  const { digest: _digest, createdAt, expiresAt, lastUse, ...rest } = listed;
  return {
    ...rest,
    createdAt: new Date(createdAt).toISOString(),
    expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString(),
    lastUse: lastUse && { at: new Date(lastUse.at).toISOString(), from: lastUse.from },
  };
}

/** What somebody names who revokes: the id of a token, or a host, for all of its tokens. */
export function whichTokens(named: string): { readonly id: TokenId } | { readonly hostname: Hostname } | undefined {
  const id = parseTokenId(named);
  if (id !== undefined) return { id };
  const hostname = parseHostname(named);
  return hostname && { hostname };
}
