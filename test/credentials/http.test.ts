import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Role } from '../../server/core/role.ts';
import { createToken } from '../../server/operations/tokens.ts';
import { type TestServer, testServer } from '../rig/server.ts';
import { until } from '../rig/until.ts';
import { digest, host, newToken } from './samples.ts';

type Joining = 'first-use' | 'join-token' | 'approve' | 'closed';

function serverThat(joining: Joining): Promise<TestServer> {
  const files = {
    'server.yml': `auth: {nodes: tokens, joining: ${joining}}\n`,
    'nodes.yml': '"web*.example.com": [web]\n',
  };
  return testServer({ now: '2026-11-20T12:00:00Z', files });
}

const ADMIN = { by: 'alice', from: 'command line' };

async function tokenOf(server: TestServer, role: Role): Promise<string> {
  const order = { kind: 'person', name: role, role, expiresAt: null, mostNames: 9, actor: ADMIN } as const;
  const created = await createToken(server.app.context, order);
  if (!created.ok) throw new Error(created.sentence);
  return created.value.token;
}

interface Asked {
  readonly token?: string | undefined;
  readonly body?: unknown;
}

async function ask({ url }: TestServer, method: string, path: string, { token, body }: Asked = {}) {
  const headers = {
    ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    ...(method === 'GET' ? {} : { 'Content-Type': 'application/json' }),
  };
  const answer = await fetch(`${url}${path}`, {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> };
}

const WEB = '/v1/nodes/web1.example.com';
const handingIn = (token: string) => ({ tokenSha256: digest(token) });

test('a host joins by first-use with the digest of a token that it has made, and asks for itself with that token', async () => {
  const server = await serverThat('first-use');
  const token = newToken();
  expect(await ask(server, 'GET', WEB, { token })).toMatchObject({ status: 401 });
  const joined = await ask(server, 'POST', `${WEB}/enrolment`, { body: handingIn(token) });
  expect(joined).toMatchObject({ status: 201, body: { state: 'active', id: digest(token).slice(0, 16) } });
  expect(await ask(server, 'POST', `${WEB}/enrolment`, { body: handingIn(token) })).toMatchObject({
    status: 200,
    body: joined.body,
  });
  expect((await ask(server, 'GET', WEB, { token })).status).not.toBe(401);
  expect(await ask(server, 'GET', '/v1/nodes/web2.example.com', { token })).toMatchObject({ status: 403 });
  expect(await ask(server, 'POST', `${WEB}/enrolment`, { body: handingIn(newToken()) })).toMatchObject({
    status: 403,
    body: { code: 'enrolment-refused' },
  });
});

test('whatever is wrong with a join token, the answer is the same', async () => {
  const server = await serverThat('join-token');
  const { context } = server.app;
  const now = server.clock.now();
  const join = async (hosts: string, more: { groups?: string[]; uses?: number; expiresAt?: number } = {}) => {
    const order = { kind: 'join', hosts, groups: [], uses: null, expiresAt: now + 3_600_000, ...more } as const;
    const created = await createToken(context, { ...order, mostNames: 9, actor: ADMIN });
    if (!created.ok) throw new Error(created.sentence);
    return created.value.token;
  };
  const used = await join('*.example.com', { uses: 1 });
  expect(
    (await ask(server, 'POST', '/v1/nodes/a.example.com/enrolment', { token: used, body: handingIn(newToken()) }))
      .status,
  ).toBe(201);
  const brief = await join('*.example.com', { expiresAt: now + 120_000 });
  server.clock.advance(120_000);
  const wrong = [
    undefined,
    newToken('join'),
    newToken(),
    'nonsense',
    used,
    brief,
    await join('db*.example.com'),
    await join('*.example.com', { groups: ['db'] }),
    await tokenOf(server, 'admin'),
  ];
  const bodies = new Set<string>();
  for (const token of wrong) {
    const { status, body } = await ask(server, 'POST', `${WEB}/enrolment`, { token, body: handingIn(newToken()) });
    const { instance: _, ...rest } = body;
    bodies.add(JSON.stringify([status, rest]));
  }
  // A name that is taken is told no differently either.
  const taken = await ask(server, 'POST', '/v1/nodes/a.example.com/enrolment', {
    token: await join('**'),
    body: handingIn(newToken()),
  });
  const { instance: _, ...rest } = taken.body;
  bodies.add(JSON.stringify([taken.status, rest]));
  expect([...bodies]).toEqual([expect.stringMatching(/^\[403,.*"code":"enrolment-refused"/)]);
  const token = await join('web*.example.com', { groups: ['web'] });
  expect(await ask(server, 'POST', `${WEB}/enrolment`, { token, body: handingIn(newToken()) })).toMatchObject({
    status: 201,
  });
});

test('a host that waits is shown with its address, is told so, and is let in by an operator, which is recorded', async () => {
  const server = await serverThat('approve');
  const [viewer, operator] = [await tokenOf(server, 'viewer'), await tokenOf(server, 'operator')];
  const token = newToken();
  const id = digest(token).slice(0, 16);
  const asked = await ask(server, 'POST', `${WEB}/enrolment`, { body: handingIn(token) });
  expect(asked).toMatchObject({ status: 201, body: { state: 'pending', id } });
  expect(await ask(server, 'GET', WEB, { token })).toMatchObject({ status: 403, body: { code: 'not-approved' } });
  const shown = { id, hostname: 'web1.example.com', from: '127.0.0.1', replaces: false };
  expect((await ask(server, 'GET', '/v1/enrolments', { token: viewer })).body).toMatchObject({ enrolments: [shown] });
  const status = await until('the problem to be told', async () => {
    const { body } = await ask(server, 'GET', '/v1/status', { token: viewer });
    return JSON.stringify(body['problems']).includes('enrolments:waiting') ? body : undefined;
  });
  expect(status).toMatchObject({ enrolments: [shown] });
  expect(JSON.stringify(status['problems'])).toContain(`web1.example.com from 127.0.0.1 (${id})`);
  const yes = { approved: true, reason: 'rack 12' };
  expect(await ask(server, 'PUT', `/v1/enrolments/${id}`, { token: viewer, body: yes })).toMatchObject({ status: 403 });
  expect(await ask(server, 'PUT', `/v1/enrolments/${id}`, { token: operator, body: yes })).toMatchObject({
    status: 200,
    body: { hostname: 'web1.example.com', approved: true, changed: true, dropped: [] },
  });
  expect((await ask(server, 'GET', WEB, { token })).body['code']).not.toBe('not-approved');
  expect(
    (await ask(server, 'PUT', `/v1/enrolments/${id}`, { token: operator, body: { approved: false } })).status,
  ).toBe(404);
  await server.app.context.journal.flush();
  const events = await server.app.context.store.events({ kinds: ['enrolment', 'approval'], order: 'oldest', limit: 9 });
  expect(events).toMatchObject([
    { kind: 'enrolment', by: 'web1.example.com', from: '127.0.0.1', subject: 'web1.example.com', after: 'pending' },
    { kind: 'approval', by: 'operator', from: '127.0.0.1', before: 'pending', after: 'active', why: 'rack 12' },
  ]);
});

test('a host replaces its token; the old one counts for the overlap and then no more', async () => {
  const server = await serverThat('first-use');
  const [old, next] = [newToken(), newToken()];
  await ask(server, 'POST', `${WEB}/enrolment`, { body: handingIn(old) });
  const rotated = await ask(server, 'POST', `${WEB}/token`, { token: old, body: handingIn(next) });
  expect(rotated).toMatchObject({
    status: 201,
    body: { state: 'active', oldTokenUntil: expect.stringMatching(/^2026-11-20T13:0/) },
  });
  expect((await ask(server, 'POST', `${WEB}/token`, { token: old, body: handingIn(next) })).status).toBe(200);
  expect((await ask(server, 'POST', `${WEB}/token`, { token: old, body: handingIn(newToken()) })).status).toBe(409);
  for (const token of [old, next]) expect((await ask(server, 'GET', WEB, { token })).status).not.toBe(401);
  server.clock.advance(3_600_000);
  expect((await ask(server, 'GET', WEB, { token: old })).status).toBe(401);
  expect((await ask(server, 'GET', WEB, { token: next })).status).not.toBe(401);
  expect(
    (await ask(server, 'POST', '/v1/nodes/web2.example.com/token', { token: next, body: handingIn(newToken()) }))
      .status,
  ).toBe(403);
});

test('an admin makes a token, which is told once and never listed, and revokes it, which counts at the next question', async () => {
  const server = await serverThat('closed');
  const [admin, operator] = [await tokenOf(server, 'admin'), await tokenOf(server, 'operator')];
  const wanted = { kind: 'person', name: 'ci', role: 'viewer', expiresAt: '2026-12-01T00:00Z' };
  expect((await ask(server, 'POST', '/v1/tokens', { token: operator, body: wanted })).status).toBe(403);
  const made = await ask(server, 'POST', '/v1/tokens', { token: admin, body: wanted });
  const token = String(made.body['token']);
  expect([made.status, made.headers.get('cache-control')]).toEqual([201, 'no-store']);
  expect((await ask(server, 'GET', '/v1/status', { token })).status).toBe(200);
  const listed = await ask(server, 'GET', '/v1/tokens?kind=person', { token: admin });
  expect(listed.body['tokens']).toContainEqual(
    expect.objectContaining({ name: 'ci', role: 'viewer', createdBy: 'admin', createdFrom: '127.0.0.1' }),
  );
  expect(JSON.stringify(listed.body)).not.toContain(digest(token));
  expect((await ask(server, 'GET', '/v1/tokens', { token: operator })).status).toBe(403);
  const id = String(made.body['id']);
  expect((await ask(server, 'DELETE', `/v1/tokens/${id}`, { token: admin })).body).toEqual({ revoked: [id] });
  expect((await ask(server, 'GET', '/v1/status', { token })).status).toBe(401);
  expect((await ask(server, 'DELETE', `/v1/tokens/${id}`, { token: admin })).status).toBe(404);
  await server.app.context.journal.flush();
  const events = await server.app.context.store.events({ kinds: ['token'], subject: id, order: 'oldest', limit: 9 });
  expect(events).toMatchObject([
    { by: 'admin', after: 'a token of ci as viewer' },
    { by: 'admin', before: 'a token of ci as viewer', after: null },
  ]);
  expect(JSON.stringify(events)).not.toContain(token.slice(4));
});

test('a token that lasts for long and ends within a week is a problem, one for a few days is none', async () => {
  const server = await serverThat('closed');
  const admin = await tokenOf(server, 'admin');
  const make = (name: string, expiresAt: string) =>
    ask(server, 'POST', '/v1/tokens', { token: admin, body: { kind: 'person', name, role: 'viewer', expiresAt } });
  await make('lasting', '2026-12-20T12:00Z');
  server.clock.advance(25 * 86_400_000);
  await make('brief', '2026-12-17T12:00Z');
  // The minute check looks at the clock, which is believed anew when two looks agree.
  const { lookAtExpiry } = await import('../../server/operations/tokens-problems.ts');
  await lookAtExpiry(server.app.context);
  const problems = server.app.context.problems.standing().filter(({ id }) => id.startsWith('token:expires:'));
  expect(problems.map(({ sentence }) => sentence)).toEqual([expect.stringContaining('a token of lasting as viewer')]);
});

test('no database of the state directory holds a token that was handed in, made or shown', async () => {
  const server = await serverThat('first-use');
  const admin = await tokenOf(server, 'admin');
  const [one, two] = [newToken(), newToken()];
  await ask(server, 'POST', `${WEB}/enrolment`, { body: handingIn(one) });
  await ask(server, 'POST', `${WEB}/token`, { token: one, body: handingIn(two) });
  await ask(server, 'GET', `/v1/nodes/web9.example.com`, { token: newToken() });
  await ask(server, 'GET', '/v1/status', { token: admin });
  expect(server.app.context.credentials.ofNode(host('web1'))).toHaveLength(2);
  await server.stop();
  for (const file of ['credentials.sqlite', 'history.sqlite']) {
    const text = readFileSync(join(server.base, 'var', file), 'latin1');
    for (const token of [admin, one, two]) expect(text).not.toContain(token.slice(4));
  }
});

test('where the credentials are lost nobody is told that they are unknown: a host asks elsewhere or later, and keeps what it has', async () => {
  const server = await serverThat('first-use');
  const token = newToken();
  expect(await ask(server, 'POST', `${WEB}/enrolment`, { body: handingIn(token) })).toMatchObject({ status: 201 });
  const { stateDir } = server.app.settings;
  for (const end of ['', '-wal', '-shm']) rmSync(join(stateDir, `credentials.sqlite${end}`), { force: true });
  const told: unknown[] = [];
  await until('nobody to be found', async () => {
    const { status, body } = await ask(server, 'GET', WEB, { token });
    told.push([status, body['code']]);
    return status === 503 ? true : undefined;
  }).catch((error: unknown) => {
    throw new Error(`answered ${JSON.stringify(told.slice(-3))}`, { cause: error });
  });
  const refused = await ask(server, 'GET', WEB, { token });
  expect(refused).toMatchObject({ status: 503, body: { code: 'state-unavailable' } });
  expect(JSON.stringify(refused.body)).not.toContain(stateDir);
  expect((await ask(server, 'GET', WEB, { token: newToken() })).body['code']).toBe('state-unavailable');
  const joining = await ask(server, 'POST', `${WEB}/enrolment`, { body: handingIn(newToken()) });
  expect(joining).toMatchObject({ status: 503, body: { code: 'state-unavailable' } });
  expect(JSON.stringify(joining.body)).not.toContain(stateDir);
});
