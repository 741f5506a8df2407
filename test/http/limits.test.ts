import { expect, test } from 'vitest';
import { createToken } from '../../server/operations/tokens.ts';
import { digest, newToken } from '../credentials/samples.ts';
import { type Serving, type ServingOptions, serving } from './serving.ts';

const WEB = '/v1/nodes/web1.example.com';

/** Behind a proxy that is believed, so that callers seem to be on other machines. */
function limited(limits: ServingOptions['settings']): Promise<Serving> {
  return serving({ onceOnly: true, settings: { 'http.trust_proxy': ['127.0.0.1'], ...limits } });
}

function from(address: string): { headers: Record<string, string> } {
  return { headers: { 'X-Forwarded-For': address, 'X-Forwarded-Proto': 'https' } };
}

/** The statuses of so many questions, one after the other. */
async function statuses(server: Serving, path: string, { times, address }: { times: number; address: string }) {
  const found: number[] = [];
  for (let time = 0; time < times; time++) found.push((await server.ask(path, from(address))).status);
  return found;
}

test('a host that asks too often is told when to ask again, and by which setting, and others are answered', async () => {
  const server = await limited({ 'limits.node_requests_per_minute': 5 });
  expect(await statuses(server, WEB, { times: 7, address: '192.0.2.1' })).toEqual([200, 200, 200, 200, 200, 429, 429]);
  const refused = await server.ask(WEB, from('192.0.2.1'));
  expect(refused.json()).toMatchObject({
    code: 'rate-limited',
    hint: expect.stringContaining('limits.node_requests_per_minute'),
  });
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect(Number(refused.headers['retry-after'])).toBeLessThanOrEqual(12);
  expect((await server.ask('/v1/nodes/web2.example.com', from('192.0.2.1'))).status).toBe(200);
});

test('where hosts need not show who they are, nobody uses up the share of another one', async () => {
  const server = await limited({ 'limits.node_requests_per_minute': 5 });
  expect((await statuses(server, WEB, { times: 6, address: '192.0.2.66' })).at(-1)).toBe(429);
  expect((await server.ask(WEB, from('192.0.2.1'))).status).toBe(200);
});

test('an address that asks too often is refused whatever it asks for, and no other one is', async () => {
  const server = await limited({ 'limits.address_requests_per_minute': 5 });
  const many = await Promise.all(
    Array.from({ length: 8 }, (_, index) => server.ask(`/v1/nodes/web${index}.example.com`, from('192.0.2.1'))),
  );
  expect(many.filter(({ status }) => status === 429)).toHaveLength(3);
  const refused = await server.ask('/healthz', from('192.0.2.1'));
  expect([refused.status, refused.json()['hint']]).toEqual([
    429,
    expect.stringContaining('limits.address_requests_per_minute'),
  ]);
  expect((await server.ask(WEB, from('192.0.2.2'))).status).toBe(200);
  expect((await server.ask(WEB, from('2001:db8::1'))).status).toBe(200);
});

test('who has nothing to show is slowed down sooner, and does not hold up hosts at the same address', async () => {
  const server = await limited({ 'limits.address_failures_per_minute': 3 });
  expect(await statuses(server, '/v1/status', { times: 5, address: '192.0.2.1' })).toEqual([401, 401, 401, 429, 429]);
  expect((await server.ask(WEB, from('192.0.2.1'))).status).toBe(200);
});

test('who joins with nothing to show is slowed down before a name is taken, and who shows a join token is not', async () => {
  const server = await limited({
    'auth.nodes': 'tokens',
    'auth.joining': 'first-use',
    'limits.address_failures_per_minute': 3,
  });
  const { context } = server.app;
  const expiresAt = server.clock.now() + 3_600_000;
  const order = { kind: 'join', hosts: '**', groups: [], uses: null, expiresAt } as const;
  const join = await createToken(context, { ...order, mostNames: 9, actor: { by: 'alice', from: null } });
  if (!join.ok) throw new Error(join.sentence);
  const joined = async (name: string, token?: string): Promise<number> => {
    const headers = { ...from('192.0.2.1').headers, ...(token && { Authorization: `Bearer ${token}` }) };
    const json = { tokenSha256: digest(newToken()) };
    return (await server.ask(`/v1/nodes/${name}/enrolment`, { method: 'POST', headers, json })).status;
  };
  const found: number[] = [];
  for (let host = 0; host < 5; host++) found.push(await joined(`web${host}`));
  expect(found).toEqual([201, 201, 201, 429, 429]);
  expect(await joined('web3', join.value.token)).toBe(201);
});

test('what a header claims counts only from a proxy that is believed, and the last claim but those of such', async () => {
  const server = await limited({ 'limits.address_failures_per_minute': 2 });
  for (const claimed of ['198.51.100.1', '198.51.100.2']) await server.ask('/v1/status', from(`${claimed}, 192.0.2.1`));
  expect((await server.ask('/v1/status', from('198.51.100.3, 192.0.2.1'))).status).toBe(429);
});

test('callers on the machine itself are not limited', async () => {
  const server = await serving({
    onceOnly: true,
    settings: { 'limits.node_requests_per_minute': 1, 'limits.address_requests_per_minute': 1 },
  });
  const found: number[] = [];
  for (let time = 0; time < 5; time++) found.push((await server.ask(WEB)).status);
  expect(found).toEqual([200, 200, 200, 200, 200]);
});

test('refusals are recorded with address and route, and counted where there are many', async () => {
  const server = await limited({ 'limits.address_failures_per_minute': 1000 });
  await statuses(server, '/v1/status', { times: 20, address: '192.0.2.9' });
  await server.app.context.journal.flush();
  const events = await server.app.context.store.events({ kinds: ['refusal'], limit: 100 });
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject({ from: '192.0.2.9', summary: expect.stringContaining('GET /v1/status') });
});

test('who opens the page without showing anything has tried nothing: that is no refusal, however often', async () => {
  const server = await limited({ 'limits.address_failures_per_minute': 3 });
  const times = { times: 6, address: '192.0.2.8' };
  expect(await statuses(server, '/v1/session', times)).toEqual([401, 401, 401, 401, 401, 401]);
  const wrong = { headers: { ...from('192.0.2.8').headers, Authorization: `Bearer ${newToken('person')}` } };
  expect((await server.ask('/v1/session', wrong)).status).toBe(401);
  await server.app.context.journal.flush();
  const events = await server.app.context.store.events({ kinds: ['refusal'], limit: 100 });
  expect(events).toMatchObject([
    { subject: 'GET /v1/session', summary: 'GET /v1/session was refused: unauthenticated' },
  ]);
});
