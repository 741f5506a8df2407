import { createHash, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { SECRET_BYTES, tokenFrom } from '../../server/core/token.ts';
import { tagCurrentHour } from '../../server/operations/snapshot.ts';
import { createToken } from '../../server/operations/tokens.ts';
import { type Answer, type Serving, serving } from '../http/serving.ts';
import { runCommand } from '../rig/server-process.ts';

const HOUR_MS = 3_600_000;

/** A server at which hosts join by themselves, and at which every hour's tag reaches all of them at once. */
function open(): Promise<Serving> {
  return serving({
    files: { 'schedule.yml': 'waves: [{environment: production, default: true, hours: 0}]\n' },
    settings: { 'auth.nodes': 'tokens', 'auth.joining': 'first-use', 'http.local_changes': false },
  });
}

/** A host that has joined as hosts do: with the digest of a token that it made. */
async function join(server: Serving, hostname: string) {
  const token = tokenFrom('node', randomBytes(SECRET_BYTES));
  const tokenSha256 = createHash('sha256').update(token).digest('hex');
  const path = `/v1/nodes/${hostname}/enrolment`;
  expect((await server.ask(path, { method: 'POST', json: { tokenSha256 } })).status).toBe(201);
  const headers = { Authorization: `Bearer ${token}` };
  const get = (of: string): Promise<Answer> => server.ask(of, { headers });
  return {
    headers,
    get,
    async poll(): Promise<string> {
      const answer = await get(`/v1/nodes/${hostname}`);
      expect(answer.status).toBe(200);
      return String(answer.headers['tagwave-digest']);
    },
    /** What it is answered that asks for a view. */
    async asks(digest: string, query = ''): Promise<unknown> {
      const [archive, manifest] = [
        await get(`/v1/views/${digest}/archive${query}`),
        await get(`/v1/views/${digest}/manifest${query}`),
      ];
      const said = [archive, manifest].map(({ status, json }) => (status === 200 ? status : json()['code']));
      expect(new Set(said).size).toBe(1);
      return said[0];
    },
  };
}

async function anHourPasses(server: Serving): Promise<void> {
  server.clock.advance(HOUR_MS - (server.clock.now() % HOUR_MS));
  server.app.context.time.check();
  await tagCurrentHour(server.app.context);
}

test('a host gets by digest what is or was its own, and neither what is another one’s nor what all had before it joined', async () => {
  const server = await open();
  const [one, two] = [await join(server, 'web1'), await join(server, 'web2')];
  const before = await one.poll();
  expect(await two.poll()).toBe(before);
  await server.source.commit({
    'deploy.yml': 'layers: [common, "host/{hostname}"]\n',
    'common/motd': 'hello\n',
    'host/web1/key': 'of web1\n',
    'host/web2/key': 'of web2\n',
  });
  await anHourPasses(server);
  const three = await join(server, 'web3');
  const [ones, twos] = [await one.poll(), await two.poll()];
  await three.poll();
  expect(new Set([before, ones, twos]).size).toBe(3);

  expect([await one.asks(ones), await two.asks(twos)]).toEqual([200, 200]);
  expect([await one.asks(twos), await two.asks(ones), await three.asks(ones)]).toEqual(Array(3).fill('unknown-digest'));
  expect([await two.asks(ones, '?node=web1'), await three.asks(ones, '?node=web1')]).toEqual(
    Array(2).fill('not-your-own'),
  );
  // Past midnight it is yesterday's.
  server.clock.advance(13 * HOUR_MS);
  expect([await one.asks(before), await two.asks(before)]).toEqual([200, 200]);
  expect(await three.asks(before)).toBe('unknown-digest');
  expect(await three.asks(`sha256:${'0'.repeat(64)}`)).toBe('unknown-digest');
});

test('what is made by the commands, the operations and the routes counts as the tables say', async () => {
  const server = await open();
  const host = await join(server, 'web1');
  const printed = await runCommand([
    ...['token', 'create', '--name', 'wall', '--role', 'viewer', '--json', '--base', server.base],
  ]);
  expect(printed).toMatchObject({ code: 0 });
  const { token } = JSON.parse(printed.stdout) as { token: string };
  const made = await createToken(server.app.context, {
    ...{ kind: 'person', name: 'on call', role: 'operator', expiresAt: null, mostNames: 9 },
    actor: { by: 'test', from: null },
  } as const);
  if (!made.ok) throw new Error(made.sentence);
  const statusOf = async (headers: Record<string, string>, path: string, json?: unknown): Promise<number> =>
    (await server.ask(path, json === undefined ? { headers } : { headers, json, method: 'PUT' })).status;
  const bearer = (text: string) => ({ Authorization: `Bearer ${text}` });
  const pin = '/v1/nodes/web1/pin';
  await expect.poll(() => statusOf(bearer(token), '/v1/status'), { timeout: 10_000 }).toBe(200);
  expect(await statusOf(bearer(token), pin, {})).toBe(403);
  expect(await statusOf(bearer(token), '/v1/nodes/web1')).toBe(403);
  expect(await statusOf(bearer(made.value.token), pin, {})).toBe(400);
  expect(await statusOf(bearer(made.value.token), '/v1/tokens')).toBe(403);
  expect(await statusOf(host.headers, '/v1/status')).toBe(403);
  expect(await statusOf(host.headers, '/v1/nodes/web2')).toBe(403);
  expect(await statusOf(host.headers, '/v1/nodes/web1')).toBe(200);
});
