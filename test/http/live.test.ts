import { request as httpRequest, type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { changedSchema, helloSchema, TOPICS, type Topic } from '../../protocol/api/train.ts';
import { writeSettled } from '../rig/server.ts';
import { until } from '../rig/until.ts';
import { type Serving, serving } from './serving.ts';

interface Stream {
  readonly response: IncomingMessage;
  messages(): { event: string; data: unknown }[];
  /** All topics so far. */
  topics(): Set<Topic>;
  forget(): void;
  end(): void;
}

function follow(server: Pick<Serving, 'url'>, headers: Readonly<Record<string, string>> = {}): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const accepting = { Accept: 'text/event-stream', ...headers };
    const request = httpRequest(`${server.url}/v1/live`, { headers: accepting }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (piece: string) => {
        text += piece;
      });
      response.on('error', () => undefined);
      const messages = () => messagesIn(text);
      const forget = () => {
        text = '';
      };
      resolve({ response, messages, topics: () => topicsIn(messages()), forget, end: () => request.destroy() });
    });
    request.on('error', reject);
    request.end();
  });
}

function messagesIn(text: string): { event: string; data: unknown }[] {
  return text.split('\n\n').flatMap((block) => {
    const event = /^event: (.*)$/m.exec(block)?.[1];
    const data = /^data: (.*)$/m.exec(block)?.[1];
    return event === undefined || data === undefined ? [] : [{ event, data: JSON.parse(data) as unknown }];
  });
}

function topicsIn(messages: readonly { event: string; data: unknown }[]): Set<Topic> {
  const changed = messages.filter(({ event }) => event === 'changed');
  return new Set(changed.flatMap(({ data }) => changedSchema.strict().parse(data).topics));
}

/** Waits until all of these were told, and answers all that were. */
function told(stream: Stream, ...topics: readonly Topic[]): Promise<Set<Topic>> {
  return until(`${topics.join(', ')} to be told`, () => {
    const found = stream.topics();
    return topics.every((topic) => found.has(topic)) ? found : undefined;
  });
}

/** From here on what is done is told. */
async function begun(server: Serving): Promise<Stream> {
  const stream = await follow(server);
  await until('the stream to begin', () => stream.messages().some(({ event }) => event === 'hello') || undefined);
  return stream;
}

test('a stream begins with who speaks, and is no answer to be kept', async () => {
  const server = await serving();
  const stream = await follow(server);
  expect(stream.response.headers).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
  });
  const [first] = await until('the first message', () =>
    stream.messages().length > 0 ? stream.messages() : undefined,
  );
  expect(first?.event).toBe('hello');
  expect(helloSchema.strict().parse(first?.data)).toEqual((await server.ask('/v1/live')).json());
  stream.end();
});

test('each change is told by what is to be asked for again', async () => {
  const server = await serving({ files: { 'nodes.yml': 'dev*.example.com: [dev]\n' } });
  const stream = await begun(server);
  const tag = 'etchautotag-20261120-0700';
  await server.ask(`/v1/tags/${tag}/mark`, { method: 'PUT', json: { state: 'bad', reason: 'broke ntp' } });
  await told(stream, 'map', 'tags', 'nodes', 'events');
  stream.forget();
  await server.ask('/v1/nodes/web1.example.com');
  await told(stream, 'map', 'nodes', 'events');
  stream.forget();
  await server.ask('/v1/killswitch', { method: 'PUT', json: { message: 'stop' } });
  await told(stream, 'killswitch', 'map');
  stream.forget();
  server.app.context.problems.set('test', [{ id: 'test:1', severity: 'warning', sentence: 'odd', hint: 'none' }]);
  await told(stream, 'problems');
  stream.forget();
  server.clock.advance(3_600_000);
  await told(stream, 'map', 'nodes', 'tags');
  stream.end();
});

test('what a command changes is told, too, from the moment the stream begins', async () => {
  const server = await serving();
  const { store, time } = server.app.context;
  const newsSince = store.newsSince.bind(store);
  vi.spyOn(store, 'newsSince').mockImplementationOnce(async (last) => {
    await delay(300);
    return newsSince(last);
  });
  const stream = await begun(server);
  // As another process writes it.
  const [event] = await store.addEvents([
    {
      at: time.now(),
      kind: 'token',
      by: 'root',
      from: 'command line',
      subject: 'ada',
      before: null,
      after: null,
      why: null,
      summary: 'a token for ada',
    },
  ]);
  expect(event?.id).toBeGreaterThan(0);
  await told(stream, 'events');
  stream.end();
});

test('however much happens, it is told at most once a second, and to all who look on', async () => {
  const began = performance.now();
  const server = await serving();
  const [one, other] = await Promise.all([begun(server), begun(server)]);
  for (let host = 0; host < 60; host += 1) await server.ask(`/v1/nodes/web${host}.example.com`);
  await server.ask('/v1/killswitch', { method: 'PUT', json: { message: 'stop' } });
  await Promise.all([told(one, 'killswitch', 'nodes'), told(other, 'killswitch', 'nodes')]);
  const seconds = Math.ceil((performance.now() - began) / 1_000);
  // And the one that it began with.
  expect(one.messages().length).toBeLessThanOrEqual(seconds + 1);
  one.end();
  other.end();
});

test('nothing is looked at while nobody looks on', async () => {
  const server = await serving();
  const { live } = server.app.context;
  const stream = await follow(server);
  await until('somebody to look on', () => live.followers() === 1);
  stream.end();
  await until('nobody to look on', () => live.followers() === 0);
});

test('who goes before the stream begins is waited for by nobody', async () => {
  const server = await serving();
  const { live, store } = server.app.context;
  vi.spyOn(store, 'newsSince').mockReturnValue(new Promise(() => undefined));
  const stream = await follow(server);
  await until('somebody to look on', () => live.followers() === 1);
  stream.end();
  await until('nobody to look on', () => live.followers() === 0);
});

test('a history that does not answer keeps nobody from what else happens, and all is told once it does', async () => {
  const server = await serving();
  const { store } = server.app.context;
  const newsSince = store.newsSince.bind(store);
  let answer = (): void => undefined;
  vi.spyOn(store, 'newsSince').mockImplementationOnce(async (last) => {
    await new Promise<void>((resolve) => {
      answer = resolve;
    });
    return newsSince(last);
  });
  const stream = await begun(server);
  answer();
  expect([...(await told(stream, 'map', 'events', 'settings'))].sort()).toEqual([...TOPICS].sort());
  stream.end();
});

test('a history that cannot be read at first is told of as a whole when it can', async () => {
  const server = await serving();
  const { store } = server.app.context;
  vi.spyOn(store, 'newsSince').mockRejectedValueOnce(new Error('busy'));
  const stream = await begun(server);
  expect([...(await told(stream, 'map', 'events', 'settings'))].sort()).toEqual([...TOPICS].sort());
  stream.end();
});

test('the stream goes on where the history cannot be read', async () => {
  const server = await serving();
  const stream = await begun(server);
  await server.app.context.store.close();
  await server.ask('/v1/killswitch', { method: 'PUT', json: { message: 'stop' } });
  await told(stream, 'killswitch', 'map');
  stream.end();
});

test('the stream ends when the server stops, whole, so that who looks on comes back', async () => {
  const server = await serving();
  const stream = await begun(server);
  const ended = new Promise<boolean>((resolve) => stream.response.once('end', () => resolve(stream.response.complete)));
  await server.stop();
  expect(await ended).toBe(true);
});

test('the stream ends when who looks on may do so no longer', async () => {
  const files = { 'server.yml': 'settle_seconds: 0\nhttp:\n  local_changes: true\n' };
  const server = await serving({ files });
  const stream = await begun(server);
  const ended = new Promise<true>((resolve) => stream.response.once('close', () => resolve(true)));
  await writeSettled(`${server.base}/server.yml`, `${files['server.yml']}  local_reads: false\n`);
  server.clock.advance(1_000);
  expect(await ended).toBe(true);
});
