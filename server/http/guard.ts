import type { IncomingMessage } from 'node:http';
import { parseHostname } from '../../protocol/names.ts';
import { includesRole, type Role } from '../core/role.ts';
import type { KnownCredentials } from '../ports/credentials.ts';
import type { Settings } from '../settings/settings.ts';
import { type Caller, type CallerPorts, type Person, whoAsks } from './caller.ts';
import { nobodyIsKnown } from './failures.ts';
import { isForeignOrigin, whyNotLocal } from './loopback.ts';
import { parameter } from './read.ts';
import { type FailureReply, failure } from './reply.ts';
import type { Access, Call, Route } from './route.ts';

/** A call, as far as it counts here. */
type Asked = Omit<Call, 'refusedNow'>;

/** Why a call is refused before its route sees it, or undefined. */
export function refuse({ access }: Pick<Route, 'access'>, call: Asked): FailureReply | undefined {
  switch (access) {
    case 'anyone':
    case 'login':
      return undefined;
    case 'node':
    case 'view':
      return refuseAsNode(access, call);
    case 'own-token':
      return refuseAsNode('node', call) ?? refuseWithoutToken(call);
    case 'enrol':
      return refuseToEnrol(call);
    case 'read':
    case 'change':
    case 'admin':
      return refuseAsPerson(access, call);
    default:
      return access satisfies never;
  }
}

/** A node asks for itself alone. Which of its views it may have is for the route to say. */
function refuseAsNode(access: 'node' | 'view', { door, caller, request }: Asked): FailureReply | undefined {
  if (nodesOf(door.settings()) === 'none') return undefined;
  const hostname = access === 'node' ? parseHostname(parameter(request, 'hostname')) : undefined;
  switch (caller.kind) {
    case 'node':
      // What is no host name is told by the route.
      return hostname === undefined || caller.hostnames.includes(hostname) ? undefined : NOT_YOUR_OWN;
    case 'pending':
      return hostname === undefined || hostname === caller.hostname ? NOT_APPROVED : NOT_YOUR_OWN;
    case 'person':
      return failure('forbidden', 'this is for hosts alone', 'GET /v1/nodes/HOST/explain says what a host is told');
    case 'insecure':
      return INSECURE;
    case 'nobody':
    case 'joiner':
      return strangers(door.context.credentials);
    default:
      return caller satisfies never;
  }
}

/** What is no host name is told by the route. */
function refuseWithoutToken({ caller, request }: Asked): FailureReply | undefined {
  const hostname = parseHostname(parameter(request, 'hostname'));
  const isOwn = caller.kind === 'node' && caller.id !== null;
  return hostname === undefined || (isOwn && speaksFor(caller, hostname)) ? undefined : NO_TOKEN;
}

function refuseToEnrol({ door, caller, peer, request }: Asked): FailureReply | undefined {
  if (nodesOf(door.settings()) !== 'tokens')
    return failure(
      'enrolment-refused',
      'hosts have no tokens here',
      'nothing needs to be done: auth.nodes is not tokens',
    );
  if (caller.kind === 'insecure') return INSECURE;
  if (!peer.isEncrypted && whyNotLocal({ ...peer, headers: request.headers }) !== null) return INSECURE;
  return undefined;
}

function refuseAsPerson(access: 'read' | 'change' | 'admin', call: Asked): FailureReply | undefined {
  const { caller } = call;
  const refusal = caller.kind === 'person' ? refuseRole(access, caller) : refuseStranger(access, call);
  const changesNothing = access === 'read' || call.request.method === 'GET' || call.request.method === 'HEAD';
  return refusal !== undefined || changesNothing ? refusal : refuseForeign(call);
}

/** Why a change may have been sent by a page of another place, in whoever's browser. */
export function refuseForeign({ door, caller, request: { headers } }: Asked): FailureReply | undefined {
  const { publicUrl } = door.settings().http;
  const isPublic = publicUrl !== null && headers.origin === new URL(publicUrl).origin;
  // Browsers send a session along by themselves: where it comes from must be said, and be where people log in.
  const isSession = caller.kind === 'person' && caller.by === 'session';
  if (!isPublic && (isSession || isForeignOrigin(headers))) return FOREIGN;
  return isJson(headers['content-type']) ? undefined : notJson();
}

const NEEDED: Readonly<Record<Extract<Access, 'read' | 'change' | 'admin'>, Role>> = {
  read: 'viewer',
  change: 'operator',
  admin: 'admin',
};

function refuseRole(access: keyof typeof NEEDED, { name, role }: Person): FailureReply | undefined {
  const needed = NEEDED[access];
  if (includesRole(role, needed)) return undefined;
  return failure('forbidden', `${name} has the role ${role}, and this needs ${needed}`, 'ask somebody who has it');
}

/** Who has shown nothing may do what every user of this machine may, as the settings say. */
function refuseStranger(access: keyof typeof NEEDED, { door, caller, peer, request }: Asked): FailureReply | undefined {
  if (caller.kind === 'insecure') return INSECURE;
  if (caller.kind === 'node' || caller.kind === 'pending')
    return failure('forbidden', 'this is not for hosts', 'ask with the token of a person');
  if (caller.kind !== 'nobody' || caller.showed) return strangers(door.context.credentials);
  if (whyNotLocal({ ...peer, headers: request.headers }) !== null) return unauthenticated();
  const { http } = door.settings();
  if (access === 'read') return http.localReads ? undefined : switchedOff('reads-off', 'asking for it', 'local_reads');
  if (access === 'admin') return unauthenticated();
  return http.localChanges ? undefined : switchedOff('changes-off', 'changing anything', 'local_changes');
}

function nodesOf({ auth }: Pick<Settings, 'auth'>): 'none' | 'tokens' | 'mtls' {
  return auth.nodes ?? 'none';
}

/** Where nobody can be looked up, whoever asks may well be known: a host then asks another server, or later. */
function strangers(credentials: KnownCredentials): FailureReply {
  return credentials.trouble() === null ? unauthenticated() : nobodyIsKnown();
}

/** Whatever is wrong with what was shown, or that nothing was: who tries does not learn which. */
export function unauthenticated(): FailureReply {
  return UNAUTHENTICATED;
}

/** Whether a host may be answered at once that asks for itself. */
export function mayPoll(ports: CallerPorts, request: IncomingMessage, hostname: string): boolean {
  const { nodes } = ports.settings().auth;
  return nodes === null || nodes === 'none' || speaksFor(whoAsks(ports, request).caller, hostname);
}

/** Whether a caller has shown that it is this host. */
export function speaksFor(caller: Caller, hostname: string): boolean {
  return caller.kind === 'node' && caller.hostnames.some((name) => name === hostname);
}

const UNAUTHENTICATED: FailureReply = {
  ...failure(
    'unauthenticated',
    'this is only for those who show a token or certificate that counts, and none was shown',
    'send "Authorization: Bearer TOKEN"; a host gets a token by "tagwave enroll", a person from whoever looks after the server',
  ),
  headers: { 'WWW-Authenticate': 'Bearer realm="tagwave"' },
};
export const NOT_YOUR_OWN = failure(
  'not-your-own',
  'a host may ask, fetch and report for itself only',
  'ask with the name that the token or certificate is for',
);
export const NO_TOKEN = failure(
  'enrolment-refused',
  'only who shows a token of its own can put another in its place',
  'hosts have tokens where auth.nodes is tokens; "tagwave enroll" gets the first one',
);
const NOT_APPROVED = failure(
  'not-approved',
  'nobody has let this host in yet',
  'whoever looks after the server sees it in "tagwave-server enrolments", and lets it in with "tagwave-server approve"',
);
export const INSECURE = failure(
  'insecure-transport',
  'a secret is not taken over plain HTTP from another machine: others can read along',
  'ask over https, and take the token that was sent for known to others: make a new one. If a proxy speaks TLS, name it in http.trust_proxy',
);
const FOREIGN = failure(
  'foreign-origin',
  'a page of another origin may not change anything here',
  'use the command line',
);

/** Browsers cannot send this type from another origin without asking first, and are never allowed to. */
export function isJson(contentType: string | undefined): boolean {
  return contentType?.split(';', 1)[0]?.trim().toLowerCase() === 'application/json';
}

export function notJson(): FailureReply {
  return failure(
    'unsupported-media-type',
    'the request is not JSON',
    'send Content-Type: application/json, not compressed',
  );
}

function switchedOff(code: 'reads-off' | 'changes-off', what: string, setting: string): FailureReply {
  return failure(
    code,
    `${what} over HTTP without a token is off: http.${setting} is false`,
    `use the command line, a token, or write http: {${setting}: true} in server.yml`,
  );
}
