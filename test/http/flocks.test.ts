import { once } from 'node:events';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { createHttpServer } from '../../server/http/server.ts';
import { type Serving, serving } from './serving.ts';

const WEB = '/v1/nodes/web1.example.com';
const DB = '/v1/nodes/db1.example.com';

/** What stands for a host, asked for as its client does from the second time on. */
async function known(server: Serving): Promise<string> {
  const etag = String((await server.ask(WEB)).headers.etag);
  return `GET ${WEB} HTTP/1.1\r\nHost: a\r\nIf-None-Match: ${etag}\r\n\r\n`;
}

/** The status of each answer, in their order. */
function statuses(text: string): string[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => String(status));
}

test('an answer is not overtaken by what is wrong with what follows it', async () => {
  const server = await serving();
  expect(statuses(await server.raw(`${await known(server)}GARBAGE\r\n\r\n`))).toEqual(['304', '400']);
  const all = await server.raw(`GET ${WEB} HTTP/1.1\r\nHost: a\r\n\r\nGARBAGE\r\n\r\n`);
  expect(all).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*"outcome":"serve"[\s\S]*\}\n/);
});

test('who asks on without waiting is answered all of it or nothing, at whichever moment the server stops', async () => {
  const serves = await serving();
  const question = await known(serves);
  const told: number[] = [];
  for (let turns = 0; turns < 8; turns++) {
    const { app } = serves;
    const server = createHttpServer({ context: app.context, settings: app.settings });
    const url = await server.listen({ host: '127.0.0.1', port: 0 });
    if (!url.ok) throw new Error(url.sentence);
    const { hostname, port } = new URL(url.value);
    const socket = connect(Number(port), hostname);
    let text = '';
    socket.setEncoding('utf8').on('data', (piece) => (text += piece));
    socket.on('error', () => undefined);
    socket.write(question);
    await once(socket, 'data');
    const over = once(socket, 'close');
    const closed = server.close(1);
    for (let turned = 0; turned < turns; turned++) await turn();
    socket.write(question.repeat(3));
    await Promise.all([closed, over]);
    told.push(statuses(text).length - 1);
  }
  expect(told.filter((count) => count !== 0 && count !== 3)).toEqual([]);
  expect(told).toContain(3);
});

test('HEAD and HTTP/1.0 are answered whole, with the connection as it was asked for', async () => {
  const server = await serving();
  await known(server);
  const head = await server.raw(`HEAD ${WEB} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  expect(head).toMatch(/^HTTP\/1\.1 200 OK\r\n(?:[^\r]+\r\n)+\r\n$/);
  const old = await server.raw(`GET ${WEB} HTTP/1.0\r\n\r\n`);
  expect(old).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(old).toContain('Connection: close');
  expect(old.endsWith('}\n')).toBe(true);
});

test('a killswitch counts from the next request of whoever pulled it, and ends so, in the midst of a crowd', async () => {
  const server = await serving();
  const crowd = await crowdAsking(server);
  for (let round = 0; round < 20; round++) {
    const pulled = await server.ask('/v1/killswitch', { method: 'PUT', json: { message: 'stop' } });
    expect((await server.ask(DB)).status).toBe(423);
    await server.ask(`/v1/killswitch?version=${pulled.json()['version']}`, { method: 'DELETE', json: {} });
    expect((await server.ask(DB)).status).toBe(200);
  }
  expect(await crowd.end()).toBeGreaterThan(0);
});

test('a killswitch file that is created in the midst of a crowd counts for whoever asks 50 ms later', async () => {
  const server = await serving();
  const crowd = await crowdAsking(server);
  mkdirSync(join(server.base, 'killswitch.d'), { recursive: true });
  for (const file of ['killswitch', 'killswitch.d/production']) {
    const path = join(server.base, file);
    writeFileSync(path, 'stop\n');
    const late = performance.now() + 50;
    const told = await crowd.askedAfter(late, 200);
    expect([file, new Set(told)]).toEqual([file, new Set([423])]);
    rmSync(path);
    expect(new Set(await crowd.askedAfter(performance.now() + 50, 200))).toEqual(new Set([304]));
  }
  await crowd.end();
});

test('requests are of one kind from the beginning, whatever Express makes of them', async () => {
  const { app } = await serving();
  const seen: (object | null)[] = [];
  const server = createHttpServer({
    context: app.context,
    settings: app.settings,
    onAnswered: (request) => seen.push(Object.getPrototypeOf(request)),
  });
  onTestFinished(() => server.close(0));
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  if (!url.ok) throw new Error(url.sentence);
  const etag = (await fetch(`${url.value}${WEB}`)).headers.get('etag') ?? '';
  await (await fetch(`${url.value}${WEB}`, { headers: { 'If-None-Match': etag } })).text();
  await (await fetch(`${url.value}/healthz`)).text();
  while (seen.length < 3) await turn();
  expect(new Set(seen).size).toBe(1);
  expect(seen[0]).not.toBe(IncomingMessage.prototype);
});

interface Crowd {
  /** The statuses of so many polls that began after an instant, by `performance.now()`. */
  askedAfter(instant: number, count: number): Promise<number[]>;
  /** Answers how many polls were asked. */
  end(): Promise<number>;
}

/** Eight clients that ask again as soon as they are answered, several in the same turn. */
async function crowdAsking(server: Serving): Promise<Crowd> {
  const question = await known(server);
  const { hostname, port } = new URL(server.url);
  let polls: { readonly began: number; readonly status: number }[] = [];
  let count = 0;
  let isOver = false;
  const asking = Array.from({ length: 8 }, async () => {
    const socket = connect(Number(port), hostname);
    socket.setEncoding('utf8');
    while (!isOver) {
      const began = performance.now();
      socket.write(question);
      const [text] = (await once(socket, 'data')) as [string];
      polls.push({ began, status: Number(statuses(text)[0]) });
      count++;
    }
    socket.destroy();
  });
  return {
    async askedAfter(instant, least) {
      polls = [];
      const found = () => polls.filter(({ began }) => began >= instant).map(({ status }) => status);
      while (found().length < least) await turn();
      return found();
    },
    async end() {
      isOver = true;
      await Promise.all(asking);
      return count;
    },
  };
}
