import type { Access } from '../../server/http/route.ts';
import { ROUTES } from '../../server/http/routes.ts';

/** An action: a request to one route, as somebody sends it who means it. */
export interface Action {
  readonly route: string;
  readonly access: Access;
  readonly method: string;
  readonly path: string;
  readonly json: unknown;
  /** What is answered to somebody who is let in. */
  readonly status: number;
  /** Of the table: the access, but where the route itself looks at who asks. */
  readonly column: Column;
}

export type Column = 'node' | 'view' | 'read' | 'change' | 'admin' | 'enrol' | 'whoami' | 'logout' | 'rotate' | 'look';
type Listed = { readonly path: string; readonly json?: unknown; readonly status: number } & (
  | { readonly access: Exclude<Access, 'login' | 'anyone' | 'own-token'>; readonly column?: 'look' }
  | { readonly access: 'own-token'; readonly column: 'rotate' }
  | { readonly access: 'login'; readonly column: 'whoami' | 'logout' }
);

const TAG = 'etchautotag-20261120-0900';
const ID = 'a'.repeat(16);
const DIGEST = `sha256:${'a'.repeat(64)}`;
/** Undoes nothing and does nothing twice: whoever is let in is told that the request makes no sense. */
const ROWS: Readonly<Record<string, Listed>> = {
  'GET /v1/nodes/:hostname': { status: 200, access: 'node', path: '/v1/nodes/web1' },
  'GET /v1/nodes/:hostname/archive': { status: 200, access: 'node', path: '/v1/nodes/web1/archive' },
  'GET /v1/nodes/:hostname/manifest': { status: 200, access: 'node', path: '/v1/nodes/web1/manifest' },
  'POST /v1/nodes/:hostname/reports': { status: 400, access: 'node', path: '/v1/nodes/web1/reports', json: {} },
  'GET /v1/views/:digest/archive': { status: 404, access: 'view', path: `/v1/views/${DIGEST}/archive` },
  'GET /v1/views/:digest/manifest': { status: 404, access: 'view', path: `/v1/views/${DIGEST}/manifest` },
  'GET /v1/status': { status: 200, access: 'read', path: '/v1/status' },
  'GET /metrics': { status: 200, access: 'read', path: '/metrics' },
  'GET /v1/tags': { status: 200, access: 'read', path: '/v1/tags' },
  'GET /v1/tags/:tag': { status: 200, access: 'read', path: `/v1/tags/${TAG}` },
  'PUT /v1/tags/:tag/mark': { status: 400, access: 'change', path: `/v1/tags/${TAG}/mark`, json: {} },
  'DELETE /v1/tags/:tag/mark': { status: 200, access: 'change', path: `/v1/tags/${TAG}/mark`, json: { odd: true } },
  'GET /v1/killswitch': { status: 200, access: 'read', path: '/v1/killswitch' },
  'GET /v1/killswitch/:environment': { status: 404, access: 'read', path: '/v1/killswitch/production' },
  'PUT /v1/killswitch': { status: 400, access: 'change', path: '/v1/killswitch', json: { odd: true } },
  'PUT /v1/killswitch/:environment': {
    status: 400,
    access: 'change',
    path: '/v1/killswitch/production',
    json: { odd: true },
  },
  'DELETE /v1/killswitch': { status: 400, access: 'change', path: '/v1/killswitch', json: {} },
  'DELETE /v1/killswitch/:environment': { status: 400, access: 'change', path: '/v1/killswitch/production', json: {} },
  'GET /v1/nodes': { status: 200, access: 'read', path: '/v1/nodes' },
  'GET /v1/fleet': { status: 200, access: 'read', path: '/v1/fleet' },
  'GET /v1/nodes/:hostname/record': { status: 404, access: 'read', path: '/v1/nodes/never.asked/record' },
  'GET /v1/nodes/:hostname/explain': { status: 200, access: 'read', path: '/v1/nodes/web1/explain' },
  'PUT /v1/nodes/:hostname/pin': { status: 400, access: 'change', path: '/v1/nodes/web1/pin', json: {} },
  'DELETE /v1/nodes/:hostname/pin': { status: 200, access: 'change', path: '/v1/nodes/web1/pin', json: { odd: true } },
  'POST /v1/preview': { status: 400, access: 'read', path: '/v1/preview', json: { odd: true } },
  'GET /v1/diff': { status: 200, access: 'read', path: `/v1/diff?from=${TAG}&to=trunk` },
  'GET /v1/nodes/:hostname/files': { status: 200, access: 'read', path: '/v1/nodes/web1/files' },
  'GET /v1/nodes/:hostname/diff': { status: 200, access: 'read', path: `/v1/nodes/web1/diff?from=${TAG}&to=trunk` },
  'POST /v1/snapshots': { status: 400, access: 'change', path: '/v1/snapshots', json: { odd: true } },
  'POST /v1/hooks/push': { status: 202, access: 'change', path: '/v1/hooks/push', json: { odd: true } },
  'POST /v1/nodes/:hostname/enrolment': {
    status: 400,
    access: 'enrol',
    path: '/v1/nodes/web1/enrolment',
    json: { odd: true },
  },
  'POST /v1/nodes/:hostname/token': {
    status: 400,
    access: 'own-token',
    column: 'rotate',
    path: '/v1/nodes/web1/token',
    json: { odd: true },
  },
  'GET /v1/enrolments': { status: 200, access: 'read', path: '/v1/enrolments' },
  'PUT /v1/enrolments/:id': { status: 400, access: 'change', path: `/v1/enrolments/${ID}`, json: { odd: true } },
  'GET /v1/tokens': { status: 200, access: 'admin', column: 'look', path: '/v1/tokens' },
  'POST /v1/tokens': { status: 400, access: 'admin', path: '/v1/tokens', json: { odd: true } },
  'DELETE /v1/tokens/:id': { status: 404, access: 'admin', path: `/v1/tokens/${ID}`, json: {} },
  'GET /v1/session': { status: 200, access: 'login', column: 'whoami', path: '/v1/session' },
  'POST /logout': { status: 200, access: 'login', column: 'logout', path: '/logout', json: {} },
  'GET /v1/map': { status: 200, access: 'read', path: '/v1/map' },
  'GET /v1/forecast': { status: 200, access: 'read', path: '/v1/forecast' },
  'GET /v1/live': { status: 200, access: 'read', path: '/v1/live' },
  'GET /v1/events': { status: 200, access: 'read', path: '/v1/events' },
};

/** What needs nothing to be shown: of these no secret may be said, and there are no more than these. */
export const OPEN: ReadonlySet<string> = new Set([
  'GET /',
  'GET /assets/:name',
  'GET /openapi.json',
  'GET /healthz',
  'GET /readyz',
  'GET /client/release.json',
  'GET /client/tagwave.cjs',
  'GET /install.sh',
  'GET /login',
  'GET /login/callback',
]);

export function nameOf({ method, path }: { readonly method: string; readonly path: string }): string {
  return `${method} ${path}`;
}

/** Routes that nobody has thought about here. */
export function unlisted(): string[] {
  return ROUTES.map(nameOf).filter((name) => ROWS[name] === undefined && !OPEN.has(name));
}

export const ACTIONS: readonly Action[] = ROUTES.flatMap((route) => {
  const row = ROWS[nameOf(route)];
  if (row === undefined) return [];
  const { access, path, json, status } = row;
  return [{ route: nameOf(route), method: route.method, path, json, status, access, column: row.column ?? row.access }];
});

/** `in`: the request is for the route to answer. */
export type Verdict = 'in' | 401 | 403;
export type Row = Readonly<Record<Exclude<Column, 'rotate' | 'look'>, Verdict> & { readonly look?: Verdict }>;

/** Where a row says nothing else: a token is replaced by whoever asks as its host, and who may change tokens may see them. */
function verdictOf(row: Row, column: Column, haveTokens: boolean): Verdict {
  if (column === 'look') return row.look ?? row.admin;
  if (column !== 'rotate') return row[column];
  return haveTokens || row.node === 401 ? row.node : 403;
}

/** What is answered: the very status. */
export function statusOf(row: Row, { column, status }: Action, haveTokens: boolean): number {
  const verdict = verdictOf(row, column, haveTokens);
  return verdict === 'in' ? status : verdict;
}

const STRANGER: Row = {
  node: 401,
  view: 401,
  read: 403,
  change: 403,
  admin: 401,
  enrol: 'in',
  whoami: 401,
  logout: 401,
};
const NOBODY_AT_ALL: Row = {
  node: 401,
  view: 401,
  read: 401,
  change: 401,
  admin: 401,
  enrol: 'in',
  whoami: 401,
  logout: 401,
};
const ELSEWHERE: Row = { ...NOBODY_AT_ALL, enrol: 403 };
const HOST: Row = { node: 'in', view: 'in', read: 403, change: 403, admin: 403, enrol: 'in', whoami: 401, logout: 401 };
const PERSON: Row = {
  node: 403,
  view: 403,
  read: 'in',
  change: 403,
  admin: 403,
  enrol: 'in',
  whoami: 'in',
  logout: 401,
};
const OVERHEARD: Row = {
  node: 403,
  view: 403,
  read: 403,
  change: 403,
  admin: 403,
  enrol: 403,
  whoami: 403,
  logout: 401,
};

/** Who tries, and how far each gets where hosts have tokens, asking on this machine over plain HTTP. */
export const WITH_TOKENS = {
  'no credentials': STRANGER,
  'the host itself': HOST,
  "another node's token": { ...HOST, node: 403 },
  'a token that was revoked': NOBODY_AT_ALL,
  'a token that has expired': NOBODY_AT_ALL,
  'a token that never was': NOBODY_AT_ALL,
  'what is no token': NOBODY_AT_ALL,
  'a token that nobody has said yes to': { ...HOST, node: 403, view: 403 },
  'a join token': NOBODY_AT_ALL,
  viewer: PERSON,
  operator: { ...PERSON, change: 'in' },
  admin: { ...PERSON, change: 'in', admin: 'in' },
  'an admin whose token has expired': NOBODY_AT_ALL,
  'an admin from a page of another origin': { ...PERSON, look: 'in' },
  'a session without an origin': { ...PERSON, look: 'in', logout: 403 },
  'a session from a page of another origin': { ...PERSON, look: 'in', logout: 403 },
  'a session sent as a token': NOBODY_AT_ALL,
  'a token sent as a session': STRANGER,
  'a forged X-Forwarded-For': ELSEWHERE,
  'a forged Forwarded': ELSEWHERE,
  'a Host that is not here': ELSEWHERE,
  'an admin through a proxy that nobody named': OVERHEARD,
  'forged words of a door': STRANGER,
  'a forged name of an admin': STRANGER,
} as const satisfies Readonly<Record<string, Row>>;
export type Attacker = keyof typeof WITH_TOKENS;

/** Where hosts show nothing: whoever asks for a host gets what it gets; on this machine all may read. */
export const WITHOUT: Readonly<Record<Attacker, Row>> = Object.fromEntries(
  Object.entries(WITH_TOKENS).map(([attacker, row]: [string, Row]) => {
    const isHost = ['the host itself', "another node's token", 'a token that nobody has said yes to'].includes(
      attacker,
    );
    const known: Row = isHost ? NOBODY_AT_ALL : row;
    return [attacker, { ...known, node: 'in', view: 'in', read: row === STRANGER ? 'in' : known.read, enrol: 403 }];
  }),
) as Record<Attacker, Row>;

/** Who tries with a certificate, and over TLS, where hosts have those. */
const BY_CERTIFICATE = {
  'no certificate': STRANGER,
  'its own certificate': HOST,
  "another host's certificate": { ...HOST, node: 403 },
  'a certificate of another authority': STRANGER,
  'a certificate that has expired': STRANGER,
  'a token of a host': NOBODY_AT_ALL,
  viewer: PERSON,
  admin: { ...PERSON, change: 'in', admin: 'in' },
  'its own certificate with a token that never was': NOBODY_AT_ALL,
  'a certificate in a header': STRANGER,
} as const satisfies Readonly<Record<string, Row>>;
export type Certified = keyof typeof BY_CERTIFICATE;
/** Nobody gets a token there. */
export const WITH_CERTIFICATES = Object.fromEntries(
  Object.entries(BY_CERTIFICATE).map(([name, row]: [string, Row]) => [name, { ...row, enrol: 403 }]),
) as Record<Certified, Row>;
