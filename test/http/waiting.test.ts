import { rename, writeFile } from 'node:fs/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from '../rig/until.ts';
import { type Answer, NOW, type Serving, serving } from './serving.ts';

const WEB = '/v1/nodes/web1.example.com';
const TAG = 'etchautotag-20261120-0700';

/** A poll that waits; `answered` stays false until it is. */
function waitFor(server: Serving, etag: string, seconds = 50) {
  const state = { answered: false };
  const answer = server.ask(`${WEB}?wait=${seconds}`, { headers: { 'If-None-Match': etag } }).then((given: Answer) => {
    state.answered = true;
    return given;
  });
  return { state, answer };
}

/** Whether as many wait as should: seen by their requests having arrived and not been answered. */
async function settledWaiting(server: Serving, waits: readonly ReturnType<typeof waitFor>[]): Promise<void> {
  // Every request that was sent before this one has been read when it is answered.
  for (let round = 0; round < 3; round++) await server.ask('/healthz');
  expect(waits.map(({ state }) => state.answered)).toEqual(waits.map(() => false));
}

/** With its message from the first moment on. */
async function create(server: Serving, message: string): Promise<void> {
  await writeFile(join(server.base, '.killswitch'), message);
  await rename(join(server.base, '.killswitch'), join(server.base, 'killswitch'));
}

describe('a poll that waits', () => {
  test('is answered as soon as a mark moves its node, and every other one that waits too', async () => {
    const server = await serving();
    const etag = String((await server.ask(WEB)).headers.etag);
    const waits = Array.from({ length: 50 }, () => waitFor(server, etag));
    await settledWaiting(server, waits);
    await server.ask(`/v1/tags/${TAG}/mark`, { method: 'PUT', json: { state: 'bad' } });
    for (const { answer } of waits) expect((await answer).json()['tag']).toBe('etchautotag-20261120-0600');
  });

  test('is answered as soon as a killswitch file is created by hand', async () => {
    const server = await serving();
    const waiting = waitFor(server, String((await server.ask(WEB)).headers.etag));
    await settledWaiting(server, [waiting]);
    await create(server, 'stop\n');
    const stopped = await waiting.answer;
    expect([stopped.status, stopped.json()['message']]).toEqual([423, 'stop']);
    const again = waitFor(server, String(stopped.headers.etag));
    await settledWaiting(server, [again]);
    await create(server, 'stop for another reason\n');
    expect((await again.answer).json()['message']).toBe('stop for another reason');
  });

  test('is answered when the hour changes', async () => {
    const server = await serving();
    const waiting = waitFor(server, String((await server.ask(WEB)).headers.etag));
    await settledWaiting(server, [waiting]);
    server.clock.advance(3_600_000);
    expect((await waiting.answer).json()['tag']).toBe('etchautotag-20261120-0800');
  });

  test('is answered when a pin ends', async () => {
    const now = Date.parse(NOW);
    const pins = `web1.example.com etchautotag-20261120-0500 until=${new Date(now + 600_000).toISOString()}\n`;
    const server = await serving({ files: { pins } });
    const waiting = waitFor(server, String((await server.ask(WEB)).headers.etag));
    await settledWaiting(server, [waiting]);
    server.clock.advance(600_000);
    expect((await waiting.answer).json()['tag']).toBe(TAG);
  });

  test('is answered when a tag is made that its node is due', async () => {
    const server = await serving({ files: { 'nodes.yml': 'web1.example.com: {groups: [dev], tag: trunk}\n' } });
    const waiting = waitFor(server, String((await server.ask(WEB)).headers.etag));
    await settledWaiting(server, [waiting]);
    await server.source.commit({ 'etc/motd': 'new\n' });
    await server.ask('/v1/hooks/push', { method: 'POST', json: {} });
    expect((await waiting.answer).json()).toMatchObject({ tag: 'trunk' });
  });

  test('is answered 304 when time is up, and never waits longer than the server allows', async () => {
    const server = await serving({ settings: { 'http.max_wait_seconds': 1 } });
    const etag = String((await server.ask(WEB)).headers.etag);
    expect((await waitFor(server, etag, 3600).answer).status).toBe(304);
  });

  test('does not wait where the answer is already another one, or none is known', async () => {
    const server = await serving();
    expect((await server.ask(`${WEB}?wait=50`)).status).toBe(200);
    expect((await waitFor(server, '"other"').answer).status).toBe(200);
    const held = await server.ask(`${WEB}?wait=50&tag=etchautotag-20201120-0700`, {
      headers: { 'If-None-Match': '"x"' },
    });
    expect(held.status).toBe(404);
  });

  test('of a client that goes away is forgotten', async () => {
    const server = await serving();
    const etag = String((await server.ask(WEB)).headers.etag);
    const request = httpRequest(`${server.url}${WEB}?wait=50`, { headers: { 'If-None-Match': etag } });
    request.on('error', () => undefined);
    request.end();
    await server.ask('/healthz');
    request.destroy();
    const gone = await until('the cut-off request in the log', () =>
      server.logged().find(({ cutOff }) => cutOff === true),
    );
    expect(gone).toMatchObject({ route: '/v1/nodes/:hostname', hostname: 'web1.example.com' });
    await server.stop();
  });
});

interface Stream {
  readonly response: IncomingMessage;
  text(): string;
  end(): void;
}

function follow(server: Serving, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      server.url + path,
      { headers: { Accept: 'text/event-stream', ...headers } },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => {
          text += piece;
        });
        response.on('error', () => undefined);
        resolve({ response, text: () => text, end: () => request.destroy() });
      },
    );
    request.on('error', reject);
    request.end();
  });
}

function eventsIn(text: string): { id: string; event: string; data: Record<string, unknown> }[] {
  return text
    .split('\n\n')
    .filter((block) => block.startsWith('id:'))
    .map((block) => {
      const [id = '', event = '', data = ''] = block.split('\n').map((line) => line.slice(line.indexOf(': ') + 2));
      return { id, event, data: JSON.parse(data) };
    });
}

describe('a stream of events', () => {
  test('tells each event once as it happens, and a client that comes back misses none', async () => {
    const server = await serving();
    const stream = await follow(server, '/v1/events?kinds=mark,kill,resume,pin');
    expect(stream.response.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
    });
    expect(stream.response.headers['x-request-id']).toBeDefined();
    await server.ask(`/v1/tags/${TAG}/mark`, { method: 'PUT', json: { state: 'bad', reason: 'first\u2028line' } });
    const [first] = await until('the first event', () => {
      const seen = eventsIn(stream.text()).filter(({ data }) => data['subject'] === 'tagstate');
      return seen.length > 0 ? seen : undefined;
    });
    expect(first).toMatchObject({ event: 'mark', data: { kind: 'mark', by: 'HTTP', from: '127.0.0.1' } });
    stream.end();
    await server.ask('/v1/killswitch', { method: 'PUT', json: { message: 'while away' } });
    const last = eventsIn(stream.text()).at(-1)?.id ?? '';
    const again = await follow(server, '/v1/events?kinds=mark,kill,resume,pin', { 'Last-Event-ID': last });
    const missed = await until('what was missed', () => {
      const seen = eventsIn(again.text()).filter(({ data }) => data['subject'] === 'killswitch');
      return seen.length > 0 ? seen : undefined;
    });
    expect(missed[0]?.data).toMatchObject({ after: expect.stringContaining('while away') });
    const ids = eventsIn(again.text()).map(({ id }) => Number(id));
    expect(ids).toEqual([...new Set(ids)].sort((a, b) => a - b));
    expect(ids.every((id) => id > Number(last))).toBe(true);
    again.end();
  });

  test('begins where it is asked to, and ends when the server stops', async () => {
    const server = await serving();
    const stream = await follow(server, '/v1/events?after=0&kinds=tag-created');
    await until('all tags', () => (eventsIn(stream.text()).length === 6 ? true : undefined));
    const ended = new Promise<boolean>((resolve) =>
      stream.response.once('end', () => resolve(stream.response.complete)),
    );
    await server.stop();
    expect(await ended).toBe(true);
  });
});
