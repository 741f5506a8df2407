import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { currentTree, pollArgs, runClient, runProcess } from './run-client.ts';
import { seedHost } from './seed-host.ts';
import {
  HOLD,
  KILLSWITCH,
  NEXT_TAG,
  PROBLEM,
  type Reply,
  serveView,
  TAG,
  type ViewServer,
  viewOf,
} from './serve-view.ts';

/** A host that runs one release, and the next one that a server has for it. */
async function hostWithNews(): Promise<{ server: ViewServer; target: string; next: Reply & { serve: unknown } }> {
  const old = await viewOf({ a: 'old' });
  const server = await serveView(old);
  const target = await disposableDirectory();
  await seedHost(target, old, { a: 'old' });
  const next = { serve: await viewOf({ a: 'new' }), tag: NEXT_TAG };
  server.answer = () => next;
  return { server, target, next };
}

async function toldYesterday(target: string): Promise<void> {
  const file = join(target, 'state.json');
  const state = JSON.parse(await readFile(file, 'utf8')) as { told: object };
  const at = new Date(Date.now() - 25 * 3_600_000).toISOString();
  await writeFile(file, JSON.stringify({ ...state, told: { ...state.told, at } }));
}

describe.each([
  [
    'killswitch',
    3,
    KILLSWITCH('migration under way, ask alice'),
    'web1: stopped by the killswitch: migration under way, ask alice\n',
  ],
  [
    'hold',
    4,
    HOLD('no-acceptable-tag', 'nothing acceptable in 72 hours'),
    'web1: held (no-acceptable-tag): nothing acceptable in 72 hours\n',
  ],
  ['failure', 1, PROBLEM(400, 'bad-request', 'what is this'), 'web1: the server refuses (400): what is this\n'],
])('a %s', (_what, code, reply, line) => {
  test(`changes nothing and exits ${code}`, async () => {
    const { server, target } = await hostWithNews();
    server.answer = () => reply;
    const run = await runClient(pollArgs(server, target));
    expect(run).toMatchObject({ code, stdout: '' });
    expect(run.stderr).toContain(line);
    expect(await currentTree(target)).toEqual({ a: 'old' });
    expect(server.count('archive')).toBe(0);
  });

  test('is told once, then daily, and with --verbose always; the exit code stays', async () => {
    const { server, target } = await hostWithNews();
    server.answer = () => reply;
    const poll = (...flags: string[]) => runClient(pollArgs(server, target, ...flags));
    expect((await poll()).stderr).toContain(line);
    expect(await poll()).toMatchObject({ code, stdout: '', stderr: '' });
    expect((await poll('--verbose')).stderr).toContain(line);
    expect(await poll()).toMatchObject({ code, stderr: '' });
    await toldYesterday(target);
    expect((await poll()).stderr).toContain(line);
    expect(await poll()).toMatchObject({ code, stderr: '' });
  });

  test('between staging and flipping flips nothing, and keeps what was staged', async () => {
    const { server, target, next } = await hostWithNews();
    server.answer = (_question, number) => (number === 1 ? next : reply);
    const run = await runClient(pollArgs(server, target));
    expect(run).toMatchObject({ code, stdout: '' });
    expect(run.stderr).toContain(line);
    expect(await currentTree(target)).toEqual({ a: 'old' });
    expect(await readdir(join(target, 'releases'))).toHaveLength(2);
    server.answer = () => next;
    expect((await runClient(pollArgs(server, target))).code).toBe(0);
    expect(await currentTree(target)).toEqual({ a: 'new' });
    expect(server.count('archive')).toBe(1);
  });
});

test.each<[string, number, Reply]>([
  ['killswitch', 3, KILLSWITCH('stop')],
  ['hold', 4, HOLD('no-acceptable-tag', 'nothing')],
  ['failure', 1, PROBLEM(400, 'bad-request', 'what is this')],
])('the process ends with the exit code of its %s, %i', async (_what, code, reply) => {
  const { server, target } = await hostWithNews();
  server.answer = () => reply;
  expect((await runProcess(pollArgs(server, target))).code).toBe(code);
});

test('what was told is told again after it was over in between', async () => {
  const { server, target, next } = await hostWithNews();
  server.answer = () => KILLSWITCH('stop');
  expect((await runClient(pollArgs(server, target))).stderr).toContain('killswitch: stop');
  server.answer = () => next;
  expect((await runClient(pollArgs(server, target))).stdout).toContain(NEXT_TAG);
  server.answer = () => KILLSWITCH('stop');
  expect((await runClient(pollArgs(server, target))).stderr).toContain('killswitch: stop');
  server.answer = () => KILLSWITCH('stop, really');
  expect((await runClient(pollArgs(server, target))).stderr).toContain('killswitch: stop, really');
});

test('a hold is the same while its code is, though its message names another tag every hour', async () => {
  const { server, target } = await hostWithNews();
  const poll = () => runClient(pollArgs(server, target));
  server.answer = () => HOLD('no-acceptable-tag', 'going back from 08:00');
  expect((await poll()).stderr).toContain('going back from 08:00');
  server.answer = () => HOLD('no-acceptable-tag', 'going back from 09:00');
  expect(await poll()).toMatchObject({ code: 4, stderr: '' });
  server.answer = () => HOLD('nodetagger-failed', 'exit 1');
  expect((await poll()).stderr).toContain('exit 1');
});

test('a killswitch message is shown without terminal escapes and control characters, also as JSON', async () => {
  const { server, target } = await hostWithNews();
  const message =
    '\u001b[2J\u001b]0;owned\u0007line 1\u001b[31m red\u001b[0m\r\nline 2\u0000\u0008\u009b5m \u202etxt\u001b]8;;http://x\u001b\\link';
  server.answer = () => KILLSWITCH(message);
  const words = await runClient(pollArgs(server, target));
  expect(words.stderr).toContain('web1: stopped by the killswitch: line 1 red\n    line 2');
  const json = await runClient(pollArgs(server, target, '--json'));
  expect(JSON.parse(json.stdout)).toMatchObject({ outcome: 'killswitch', exitCode: 3 });
  for (const { stdout, stderr } of [words, json]) {
    expect(stdout + stderr).not.toMatch(/owned|http:\/\/x|[^\P{Cc}\n]|\p{Cf}/u);
    expect(stdout).not.toContain('\\u');
  }
});

test.each([423, 409])('%i stops the host even when its body makes no sense or is too large', async (status) => {
  const { server, target } = await hostWithNews();
  for (const raw of ['<html>', '{"message": 5}', '', 'x'.repeat(2_000_000)]) {
    server.answer = () => ({ raw, status });
    expect((await runClient(pollArgs(server, target))).code).toBe(status === 423 ? 3 : 4);
  }
  expect(await currentTree(target)).toEqual({ a: 'old' });
});

test.each(['manifest', 'archive'] as const)(
  'a killswitch or hold that comes with the %s stops the run like any other',
  async (kind) => {
    const { server, target } = await hostWithNews();
    server.instead[kind] = () => KILLSWITCH('stop right there');
    const killed = await runClient(pollArgs(server, target));
    expect(killed).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('stopped by the killswitch: stop right there'),
    });
    server.instead[kind] = () => HOLD('no-acceptable-tag', 'nothing');
    expect(await runClient(pollArgs(server, target))).toMatchObject({
      code: 4,
      stderr: expect.stringContaining('held (no-acceptable-tag)'),
    });
    expect(await currentTree(target)).toEqual({ a: 'old' });
    expect(await readdir(join(target, 'releases'))).toHaveLength(1);
    server.instead = {};
    expect((await runClient(pollArgs(server, target))).code).toBe(0);
  },
);

test('a killswitch without a message still says what it is', async () => {
  const { server, target } = await hostWithNews();
  server.answer = () => KILLSWITCH('');
  expect((await runClient(pollArgs(server, target))).stderr).toContain(
    'stopped by the killswitch: (it has no message)',
  );
});

describe('when the answer changes between staging and flipping', () => {
  test('the run starts over once and flips what is the answer then', async () => {
    const { server, target, next } = await hostWithNews();
    const newest = { serve: await viewOf({ a: 'newest' }), tag: 'etchautotag-20261120-1000' };
    server.answer = (_question, number) => (number === 1 ? next : newest);
    const run = await runClient(pollArgs(server, target));
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(await currentTree(target)).toEqual({ a: 'newest' });
    expect(server.requests.map(({ kind }) => kind).filter((kind) => kind === 'question')).toHaveLength(3);
    expect(server.reports.at(-1)).toMatchObject({ tag: 'etchautotag-20261120-1000' });
  });

  test('back to what the host has, nothing is flipped', async () => {
    const { server, target, next } = await hostWithNews();
    const old = { serve: await viewOf({ a: 'old' }), tag: TAG };
    server.answer = (_question, number) => (number === 1 ? next : old);
    expect(await runClient(pollArgs(server, target))).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await currentTree(target)).toEqual({ a: 'old' });
  });

  test('twice, nothing is flipped, and the next run finds what was staged', async () => {
    const { server, target } = await hostWithNews();
    const views = await Promise.all(['1', '2', '3'].map((a) => viewOf({ a })));
    server.answer = (_question, number) => ({ serve: views[number - 1] ?? views[0] ?? Promise.reject() }) as Reply;
    const run = await runClient(pollArgs(server, target));
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('the answer changed twice');
    expect(await currentTree(target)).toEqual({ a: 'old' });
  });

  test('to the same content under another tag, that tag is what the host is on', async () => {
    const { server, target, next } = await hostWithNews();
    server.answer = (_question, number) => (number === 1 ? next : { ...next, tag: 'etchautotag-20261120-1000' });
    expect((await runClient(pollArgs(server, target))).stdout).toContain('now on etchautotag-20261120-1000');
    expect(server.count('archive')).toBe(1);
  });
});

describe('no flip without a second answer that is understood:', () => {
  test.each<[string, Reply]>([
    ['the server is gone', { cut: Buffer.from('{') }],
    ['it answers 503', PROBLEM(503, 'starting', 'starting')],
    ['it answers no JSON', { raw: '<html>welcome to the hotel' }],
    ['it answers no HTTP', { garbage: 'SSH-2.0-OpenSSH\r\n' }],
    ['it answers 304 to no If-None-Match', { status: 304 }],
    ['it redirects', { status: 302, headers: { Location: 'http://example.com/' } }],
    ['it answers 204', { status: 204 }],
    ['it answers 404', PROBLEM(404, 'not-found', 'no such page')],
  ])('%s', async (_what, reply) => {
    const { server, target, next } = await hostWithNews();
    server.answer = (_question, number) => (number === 1 ? next : reply);
    const run = await runClient(pollArgs(server, target));
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).not.toBe('');
    expect(await currentTree(target)).toEqual({ a: 'old' });
  });
});

test.each<[string, Record<string, unknown>]>([
  ['another host', { hostname: 'web2' }],
  ['no digest', { digest: undefined }],
  ['a digest that is none', { digest: 'md5:0' }],
  ['a tag that is none', { tag: '../../etc' }],
  ['another outcome', { outcome: 'maybe' }],
  ['a negative number of files', { files: -1 }],
])('an assignment with %s is not understood and changes nothing', async (_what, change) => {
  const { server, target, next } = await hostWithNews();
  server.answer = () => ({ ...next, change }) as Reply;
  const run = await runClient(pollArgs(server, target));
  expect(run).toMatchObject({ code: 1, stdout: '' });
  expect(run.stderr).toContain('cannot understand');
  expect(server.requests.map(({ kind }) => kind)).not.toContain('archive');
  expect(await currentTree(target)).toEqual({ a: 'old' });
});

test('an assignment with keys that this version does not know is understood', async () => {
  const { server, target, next } = await hostWithNews();
  server.answer = () => ({ ...next, change: { prepare: ['sha256:0'], slot: 4 } }) as Reply;
  expect((await runClient(pollArgs(server, target))).code).toBe(0);
});
