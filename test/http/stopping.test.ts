import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStore } from '../../server/adapters/sqlite/store.ts';
import { createHttpServer } from '../../server/http/server.ts';
import { until } from '../rig/until.ts';
import { type Serving, serving } from './serving.ts';

const WEB = '/v1/nodes/web1.example.com';
/** Too much for the buffers between two processes, and nothing to compress. */
const BIG = randomBytes(12 * 1024 * 1024);

function get(server: Serving, path: string, agent: Agent | false = false): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    httpRequest(server.url + path, { agent }, resolve)
      .on('error', reject)
      .end();
  });
}

async function bigArchive(server: Serving): Promise<string> {
  const commit = await server.source.commit({ 'big.bin': BIG });
  await server.ask('/v1/snapshots', { method: 'POST', json: { hour: '2026112005', commit } });
  const digest = (await server.ask(`${WEB}?tag=etchautotag-20261120-0500`)).headers['tagwave-digest'];
  return `/v1/views/${digest}/archive`;
}

function isRefused(server: Serving): Promise<true | undefined> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    socket.on('error', (error) => resolve('code' in error && error.code === 'ECONNREFUSED' ? true : undefined));
    socket.on('close', () => resolve(undefined));
  });
}

test('a download under way is finished, while nobody new is heard', async () => {
  const server = await serving();
  const path = await bigArchive(server);
  const response = await get(server, path, new Agent({ keepAlive: true }));
  response.pause();
  const stopped = server.stop();
  await until('a connection to be refused', () => isRefused(server));
  const hash = createHash('sha256');
  for await (const piece of response) hash.update(piece as Buffer);
  expect(`sha-256=:${hash.digest('base64')}:`).toBe(response.headers['repr-digest']);
  await stopped;
});

test('every request that was sent before it is answered', async () => {
  const server = await serving();
  const { hostname, port } = new URL(server.url);
  const question = `GET ${WEB} HTTP/1.1\r\nHost: a\r\n\r\n`;
  const clients = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const socket = connect(Number(port), hostname);
      let text = '';
      socket.setEncoding('utf8').on('data', (piece) => {
        text += piece;
      });
      socket.write(question);
      await once(socket, 'data');
      return { socket, closed: once(socket, 'close').then(() => text) };
    }),
  );
  for (const { socket } of clients) socket.write(question);
  await server.stop();
  for (const { closed } of clients) expect((await closed).match(/HTTP\/1\.1 200/g)).toHaveLength(2);
});

test('polls that wait are answered at once with what holds', async () => {
  const server = await serving();
  const etag = String((await server.ask(WEB)).headers.etag);
  const waits = Array.from({ length: 5 }, () => server.ask(`${WEB}?wait=50`, { headers: { 'If-None-Match': etag } }));
  for (let round = 0; round < 3; round++) await server.ask('/healthz');
  await server.stop();
  for (const answer of await Promise.all(waits)) {
    expect([answer.status, answer.headers.etag, answer.headers.connection]).toEqual([304, etag, 'close']);
  }
});

test('connections that are idle, or never said anything, do not hold it up', async () => {
  const server = await serving();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const idle = await get(server, '/healthz', agent);
  idle.resume();
  await once(idle, 'end');
  const { hostname, port } = new URL(server.url);
  const silent = connect(Number(port), hostname);
  await once(silent, 'connect');
  silent.resume();
  const half = connect(Number(port), hostname, () => half.write('GET /healthz HTTP/1.1\r\nHost: a\r\n'));
  await once(half, 'connect');
  half.on('error', () => undefined).resume();
  await server.ask('/healthz');
  const ends = Promise.all([once(silent, 'close'), once(half, 'close')]);
  await server.stop();
  await ends;
  agent.destroy();
});

test('a download that takes longer than the grace is cut off, and the client can tell', async () => {
  const server = await serving({ settings: { 'stop.grace_seconds': 0 } });
  const path = await bigArchive(server);
  const response = await get(server, path);
  response.pause();
  await server.stop();
  const cut = await new Promise((resolve) => {
    response.on('error', resolve);
    response.on('end', () => resolve('whole'));
    response.resume();
  });
  expect(cut).toMatchObject({ code: 'ECONNRESET' });
});

test('what was told before the stop is in the history after it', async () => {
  const server = await serving();
  const names = Array.from({ length: 50 }, (_, index) => `web${index}.example.com`);
  await Promise.all(names.map((name) => server.ask(`/v1/nodes/${name}`)));
  await server.stop();
  const store = await openStore(join(server.base, 'var', 'history.sqlite'));
  const known = (await store.nodes()).map(({ hostname }) => hostname);
  await store.close();
  expect(known.sort()).toEqual(names.sort());
});

test('an address that is taken, or not of this machine, is a failure in words', async () => {
  const server = await serving();
  const port = Number(new URL(server.url).port);
  const second = createHttpServer(server.app);
  const taken = await second.listen({ host: '127.0.0.1', port });
  expect(taken).toMatchObject({
    ok: false,
    sentence: expect.stringContaining(`127.0.0.1:${port}`),
    hint: expect.stringContaining('--listen'),
  });
  expect(await second.listen({ host: '192.0.2.1', port: 0 })).toMatchObject({ ok: false });
  const free = await second.listen({ host: '::1', port: 0 });
  expect(free).toMatchObject({ ok: true, value: expect.stringMatching(/^http:\/\/\[::1\]:\d+$/) });
  await second.close(0);
});

test('every request is one line in the log, with the id that the answer has; unchanged polls only at debug', async () => {
  const server = await serving({ onceOnly: true });
  const first = await server.ask(WEB);
  await server.ask(WEB, { headers: { 'If-None-Match': String(first.headers.etag) } });
  const bad = await server.ask('/v1/nodes/-');
  await server.stop();
  const requests = server.logged().filter(({ message }) => message === 'request');
  expect(requests).toMatchObject([
    {
      level: 'info',
      id: first.headers['x-request-id'],
      method: 'GET',
      route: '/v1/nodes/:hostname',
      status: 200,
      hostname: 'web1.example.com',
      ms: expect.any(Number),
    },
    { level: 'debug', status: 304, hostname: 'web1.example.com' },
    { level: 'info', id: bad.json()['instance'], status: 400 },
  ]);
});
