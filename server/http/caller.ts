import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Hostname } from '../../protocol/names.ts';
import { type Credential, isExpired } from '../core/credential.ts';
import type { Role } from '../core/role.ts';
import { digestOfToken, idOfToken, isSameToken, type TokenId } from '../core/token.ts';
import type { KnownCredentials } from '../ports/credentials.ts';
import { isLoopbackAddress } from '../settings/listen.ts';
import type { Settings } from '../settings/settings.ts';
import { forwardingHeader } from './loopback.ts';
import { type Peer, peerOf } from './peer.ts';
import { sessionTokenIn } from './session-cookie.ts';

/** Who asks, as far as that was shown. */
export type Caller =
  /** Nothing was shown, or (`showed`) something that does not count: never known, of another kind, expired, revoked. */
  | { readonly kind: 'nobody'; readonly showed: boolean }
  /** A secret came on a way on which others can read along. */
  | { readonly kind: 'insecure' }
  /** One that may join; what it shows is looked at once more when it does. */
  | { readonly kind: 'joiner'; readonly id: TokenId }
  /** Known by a token that nobody has said yes to. */
  | { readonly kind: 'pending'; readonly hostname: Hostname; readonly id: TokenId }
  /** A host, which may have several names by certificate. */
  | { readonly kind: 'node'; readonly hostnames: readonly Hostname[]; readonly id: TokenId | null }
  | Person;

export interface Person {
  readonly kind: 'person';
  /** As the history names them. */
  readonly name: string;
  readonly role: Role;
  readonly by: 'token' | 'session' | 'admin socket';
  readonly id: TokenId | null;
}

export interface CallerPorts {
  readonly credentials: KnownCredentials;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly settings: () => {
    readonly auth: Pick<Settings['auth'], 'nodes'>;
    readonly http: Pick<Settings['http'], 'trustProxy'>;
  };
}

/** A request's caller, and from where it came. */
export interface Asking {
  readonly caller: Caller;
  readonly peer: Peer;
}

/**
 * Who asks. A secret that was shown and does not count makes nobody of anybody: nothing else that is known of the caller is
 * gone by then.
 */
export function whoAsks(ports: CallerPorts, request: IncomingMessage): Asking {
  const { auth, http } = ports.settings();
  const peer = peerOf(request, http.trustProxy);
  return { peer, caller: callerOf(ports, { headers: request.headers, peer, nodes: auth.nodes ?? 'none' }) };
}

interface Shown {
  readonly headers: IncomingHttpHeaders;
  readonly peer: Peer;
  readonly nodes: 'none' | 'tokens' | 'mtls';
}

function callerOf(ports: CallerPorts, { headers, peer, nodes }: Shown): Caller {
  const cookie = sessionTokenIn(headers, peer.isEncrypted);
  const { authorization } = headers;
  if (authorization === undefined && cookie === undefined) {
    if (peer.isAdminSocket) return adminNamed(headers['tagwave-actor']);
    const { certifiedNames } = peer;
    if (nodes === 'mtls' && certifiedNames.length > 0) return { kind: 'node', hostnames: certifiedNames, id: null };
    return { kind: 'nobody', showed: false };
  }
  if (isOverheard(peer, headers)) return { kind: 'insecure' };
  const token = authorization === undefined ? cookie : bearerIn(authorization);
  const credential = credentialOf(ports, token, peer);
  if (credential === undefined || (authorization === undefined) !== (credential.kind === 'session')) return NOT_KNOWN;
  return callerBy(credential, nodes);
}

const NOT_KNOWN: Caller = { kind: 'nobody', showed: true };

/** What a token that was shown stands for, where it counts. The only place at which one is compared. */
function credentialOf(
  { credentials, now }: CallerPorts,
  token: string | undefined,
  peer: Peer,
): Credential | undefined {
  const digest = token === undefined ? undefined : digestOfToken(token);
  if (digest === undefined) return undefined;
  const known = credentials.find(idOfToken(digest));
  if (!isSameToken(digest, known?.digest) || known === undefined) return undefined;
  const at = now();
  if (isExpired(known, at)) return undefined;
  credentials.noteUse(known.id, { at, from: peer.address ?? null });
  return known;
}

function callerBy(credential: Credential, nodes: Shown['nodes']): Caller {
  const { id } = credential;
  switch (credential.kind) {
    case 'node': {
      if (nodes !== 'tokens') return NOT_KNOWN;
      const { hostname, state } = credential;
      return state === 'pending' ? { kind: 'pending', hostname, id } : { kind: 'node', hostnames: [hostname], id };
    }
    case 'join':
      return { kind: 'joiner', id };
    case 'person':
      return { kind: 'person', name: credential.name, role: credential.role, by: 'token', id };
    case 'session':
      return { kind: 'person', name: credential.name, role: credential.role, by: 'session', id };
    default:
      return credential satisfies never;
  }
}

/** Who can open the socket is believed about their name, too. */
function adminNamed(said: string | string[] | undefined): Person {
  const name = typeof said === 'string' && /^[\w.@ ()-]{1,64}$/.test(said) ? said : 'admin';
  return { kind: 'person', name, role: 'admin', by: 'admin socket', id: null };
}

function bearerIn(authorization: string): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(authorization)?.[1];
}

/** Whether others may have read along: a token that came so has to be taken for known to them. */
function isOverheard(peer: Peer, headers: IncomingHttpHeaders): boolean {
  if (peer.isEncrypted) return false;
  const { address, isProxied } = peer;
  return isProxied || address === undefined || !isLoopbackAddress(address) || forwardingHeader(headers) !== undefined;
}
