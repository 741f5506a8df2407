import { expect, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { currentTree, runClient } from './run-client.ts';
import { HOLD, KILLSWITCH, PROBLEM, type Reply, serveView, type ViewServer, viewOf } from './serve-view.ts';

async function twoServers(): Promise<{
  a: ViewServer;
  b: ViewServer;
  target: string;
  poll: (...flags: string[]) => ReturnType<typeof runClient>;
}> {
  const view = await viewOf({ a: 'content' });
  const [a, b] = [await serveView(view), await serveView(view)];
  const target = await disposableDirectory();
  const poll = (...flags: string[]) =>
    runClient([
      'poll',
      '--server',
      a.url,
      '--server',
      b.url,
      '--hostname',
      'web1',
      '--target',
      target,
      '--timeout',
      '1',
      ...flags,
    ]);
  return { a, b, target, poll };
}

test.each<[string, Reply]>([
  ['cannot be connected to', { status: 0 }],
  ['answers 500', PROBLEM(500, 'internal', 'oops')],
  ['answers 503', PROBLEM(503, 'starting', 'starting')],
  ['is silent', { hang: true }],
  ['is cut off', { cut: Buffer.from('{"hostname":') }],
  ['stops in the middle', { cut: Buffer.from('{"hostname":'), stall: true }],
])('a server that %s gives way to the next one', async (what, reply) => {
  const { a, b, target, poll } = await twoServers();
  if (what === 'cannot be connected to') await a.stop();
  else a.answer = () => reply;
  expect(await poll()).toMatchObject({ code: 0, stderr: '' });
  expect(await currentTree(target)).toEqual({ a: 'content' });
  expect(b.count('archive')).toBe(1);
});

test.each<[string, Reply, number]>([
  ['the killswitch', KILLSWITCH('stop'), 3],
  ['a hold', HOLD('no-acceptable-tag', 'nothing'), 4],
  ['a refusal', PROBLEM(403, 'tag-not-allowed', 'no'), 1],
  ['an unknown path', PROBLEM(404, 'not-found', 'no'), 1],
  ['something that is not understood', { raw: 'hello' }, 1],
  ['something that is not HTTP', { garbage: 'hello\r\n\r\n' }, 1],
  ['a redirect', { status: 301, headers: { Location: '/elsewhere' } }, 1],
  ['an answer without end', { raw: 'x'.repeat(1_100_000) }, 1],
])('%s is an answer: the next server is not asked', async (_what, reply, code) => {
  const { a, b, target, poll } = await twoServers();
  a.answer = () => reply;
  expect((await poll()).code).toBe(code);
  expect(b.requests).toEqual([]);
  expect(await currentTree(target)).toBeUndefined();
});

test('a client stays with the server that last answered', async () => {
  const { a, b, poll } = await twoServers();
  a.answer = () => PROBLEM(503, 'starting', 'starting');
  await poll();
  const before = a.requests.length;
  expect((await poll()).code).toBe(0);
  expect(a.requests).toHaveLength(before);
  b.answer = () => PROBLEM(503, 'stopping', 'stopping');
  a.answer = () => KILLSWITCH('stop');
  expect((await poll()).code).toBe(3);
});

test('a download that breaks off is fetched from the next server, and the question before the flip goes there too', async () => {
  const { a, b, target, poll } = await twoServers();
  a.instead.archive = (request) => ({
    cut: (a.views.get(request.url.split('/')[3] ?? '')?.archive ?? Buffer.alloc(0)).subarray(0, 60),
  });
  expect(await poll()).toMatchObject({ code: 0, stderr: '' });
  expect(await currentTree(target)).toEqual({ a: 'content' });
  expect([a.count('question'), b.count('question')]).toEqual([1, 1]);
});

test('a digest that a server does not know is an answer', async () => {
  const { a, b, poll } = await twoServers();
  a.instead.manifest = () => PROBLEM(404, 'unknown-digest', 'no such view');
  const run = await poll();
  expect(run.code).toBe(1);
  expect(run.stderr).toContain('cannot fetch the manifest: the server answers 404');
  expect(b.requests).toEqual([]);
});

test('when no server answers, each is named with what is wrong with it', async () => {
  const { a, b, poll } = await twoServers();
  await a.stop();
  b.answer = () => PROBLEM(503, 'starting', 'control files are settling');
  const run = await poll();
  expect(run.code).toBe(1);
  expect(run.stderr).toBe(
    `web1: no server answered: ${a.url}: connection refused; ${b.url}: it answers 503 (control files are settling)\n` +
      '  Nothing was changed; the next run tries again. Look at the server, the network, and --server.\n',
  );
});

test('a server below a path of its URL is asked below that path, and links that lead elsewhere are not followed', async () => {
  const view = await viewOf({ a: 'content' });
  const server = await serveView(view);
  const target = await disposableDirectory();
  const poll = () =>
    runClient(['poll', '--server', `${server.url}/tagwave/`, '--hostname', 'web1', '--target', target]);
  for (const link of [
    'http://example.com/x',
    '//example.com/x',
    'relative',
    '/../x',
    '/v1/./x',
    '/a\\b',
    '/a b',
    '/\u0000',
  ]) {
    server.answer = () => ({ serve: view, change: { hostname: 'web1', links: { manifest: link, archive: link } } });
    const run = await poll();
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('which is no path below its URL');
  }
  expect(
    server.requests.every(({ url }) => url === '/tagwave/v1/nodes/web1' || url === '/tagwave/v1/nodes/web1/reports'),
  ).toBe(true);
});
