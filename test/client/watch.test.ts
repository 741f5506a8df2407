import { getEventListeners } from 'node:events';
import { appendFile, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { listenForWake } from '../../client/adapters/wake-signal.ts';
import { watch } from '../../client/commands/watch.ts';
import { splayMs } from '../../client/core/splay.ts';
import { mergeSettings } from '../../client/settings/merge.ts';
import { openTerminal } from '../../client/terminal.ts';
import type { Hostname } from '../../protocol/names.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { holdLock } from '../rig/hold-lock.ts';
import { kill9, startCommand } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';
import { at, HOSTS, train } from '../stories/train.ts';
import { currentTree, runProcess, startClient } from './run-client.ts';
import { HOLD, KILLSWITCH, serveView, viewOf } from './serve-view.ts';

const DEV = HOSTS.dev;

interface Watcher {
  readonly target: string;
  /** What it said so far. */
  readonly said: { readonly stdout: string; readonly stderr: string };
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<{ readonly code: number | null }>;
  /** Waits until its target has a file with this text. */
  has(path: string, text: string): Promise<void>;
  says(which: 'stdout' | 'stderr', pattern: RegExp): Promise<void>;
}

/** The real client, watching, as a process of its own. Applies at once unless told otherwise. */
async function watching(url: string, { flags = ['--splay', '0'], target = '' } = {}): Promise<Watcher> {
  const place = target === '' ? await disposableDirectory() : target;
  const args = ['watch', '--server', url, '--hostname', DEV, '--target', place, ...flags];
  const { child, ended } = await startClient(args, { env: { JOURNAL_STREAM: '8:1' } });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name]?.on('data', (chunk: string) => (said[name] += chunk));
  return {
    target: place,
    said,
    kill: (signal) => void child.kill(signal),
    ended,
    async has(path, text) {
      await until(`${path} to be ${JSON.stringify(text)}`, async () => {
        if (child.exitCode !== null) throw new Error(`it ended: ${said.stderr}`);
        return (await currentTree(place))?.[path] === text || undefined;
      });
    },
    says: (which, pattern) =>
      until(`${pattern} on ${which}`, () => pattern.test(said[which]) || undefined).then(() => {}),
  };
}

const hour = (number: number): string => `hour ${number}\n`;

describe('a host that watches', () => {
  test('applies what the server has, and each change when it happens, and tells what poll tells', async () => {
    const server = await train();
    const host = await watching(server.url);
    await host.has('etc/release', hour(10));
    await server.commit({ 'etc/release': hour(11) });
    await server.passTo(at('11:00'));
    await host.has('etc/release', hour(11));
    await appendFile(join(server.base, 'tagstate'), 'etchautotag-20261120-1100 bad # broke ntp\n');
    await host.has('etc/release', hour(10));
    host.kill('SIGTERM');
    expect((await host.ended).code).toBe(0);
    expect(host.said.stderr).toBe('');
    expect(host.said.stdout.trimEnd().split('\n')).toEqual([
      `${DEV}: watching ${server.url}`,
      expect.stringMatching(`^${DEV}: now on etchautotag-20261120-1000 `),
      expect.stringMatching(`^${DEV}: now on etchautotag-20261120-1100 `),
      expect.stringMatching(`^${DEV}: now on etchautotag-20261120-1000 `),
    ]);
  });

  test('tells a killswitch once, changes nothing, and goes on when it is gone', async () => {
    const server = await train();
    const host = await watching(server.url);
    await host.has('etc/release', hour(10));
    await writeFile(join(server.base, '.killswitch'), 'ask alice\n');
    await rename(join(server.base, '.killswitch'), join(server.base, 'killswitch'));
    await host.says('stderr', /stopped by the killswitch: ask alice/);
    await server.commit({ 'etc/release': hour(11) });
    await server.passTo(at('11:00'));
    host.kill('SIGHUP');
    await rm(join(server.base, 'killswitch'));
    await host.has('etc/release', hour(11));
    expect(host.said.stderr.match(/killswitch:/g)).toHaveLength(1);
  });

  test('survives that the server is killed and started again, and applies what changed meanwhile', async () => {
    const seed = await train();
    await seed.stop();
    const base = seed.base;
    const env = {
      TAGWAVE_REPO_URL: join(base, '../config'),
      TAGWAVE_REPO_BRANCH: 'main',
      TAGWAVE_REPO_POLL_SECONDS: '1',
    };
    await writeFile(join(base, 'nodes.yml'), `"${DEV}": {groups: [dev], tag: trunk}\n`);
    const port = await freePort();
    const start = () => startCommand(['serve', '--base', base, '--listen', `127.0.0.1:${port}`], { env });
    const first = await start();
    const host = await watching(`http://127.0.0.1:${port}`, { flags: ['--splay', '0', '--verbose'] });
    await host.has('etc/release', hour(10));
    await kill9(first);
    await host.says('stderr', /no server answered/);
    await seed.commit({ 'etc/release': 'after the restart\n' });
    await start();
    await host.has('etc/release', 'after the restart\n');
    host.kill('SIGTERM');
    expect((await host.ended).code).toBe(0);
  });

  test('survives that the server is stopped in good order and started again', async () => {
    const server = await train({ env: await fixedPort() });
    const host = await watching(server.url);
    await host.has('etc/release', hour(10));
    const again = await server.restart();
    await again.commit({ 'etc/release': hour(11) });
    await again.passTo(at('11:00'));
    await host.has('etc/release', hour(11));
    expect(host.said.stderr).toBe('');
  });

  test('tells once that no server answers when it starts without one, and applies when there is one', async () => {
    const port = await freePort();
    const host = await watching(`http://127.0.0.1:${port}`);
    await host.says('stderr', /no server answered: .*connection refused/);
    await train({ env: { TAGWAVE_LISTEN: `127.0.0.1:${port}` } });
    await host.has('etc/release', hour(10));
    expect(host.said.stderr.match(/no server answered/g)).toHaveLength(1);
  });

  test('asks again as often as the server wants where a proxy does not hold its questions', async () => {
    const server = await train({ env: { TAGWAVE_POLL_AFTER_SECONDS: '1' } });
    const proxy = await impatientProxy(server.url);
    const host = await watching(proxy.url);
    await host.has('etc/release', hour(10));
    await until('it to poll', () => proxy.asked() > 5 || undefined);
    await server.commit({ 'etc/release': hour(11) });
    await server.passTo(at('11:00'));
    await host.has('etc/release', hour(11));
  });

  test('waits for its share of the splay before it changes anything, unless somebody sends SIGHUP', async () => {
    const server = await train();
    const target = await disposableDirectory();
    const seed = ['poll', '--server', server.url, '--hostname', DEV, '--target', target];
    expect((await runProcess(seed)).code).toBe(0);
    const host = await watching(server.url, { target, flags: ['--splay', '86400', '--verbose'] });
    await until('its first run', async () => /nothing changed/.test(host.said.stderr) || undefined);
    await server.commit({ 'etc/release': hour(11) });
    await server.passTo(at('11:00'));
    const share = splayMs(DEV as Hostname, 86_400) / 1000;
    await host.says('stderr', new RegExp(`etchautotag-20261120-1100 in ${share} s, this host's share`));
    expect((await currentTree(target))?.['etc/release']).toBe(hour(10));
    host.kill('SIGHUP');
    await host.has('etc/release', hour(11));
  });

  test('waits while another run holds the lock, and applies when that is done', async () => {
    const server = await train();
    const host = await watching(server.url, { flags: ['--splay', '0', '--verbose'] });
    await host.has('etc/release', hour(10));
    const letGo = await holdLock(join(host.target, '.lock'));
    await server.commit({ 'etc/release': hour(11) });
    await server.passTo(at('11:00'));
    await host.says('stderr', /holds the lock .*; trying again soon/);
    await letGo();
    await host.has('etc/release', hour(11));
  });

  test('and polls from cron at the same time: each of them ends well', async () => {
    const server = await train();
    const host = await watching(server.url);
    await host.has('etc/release', hour(10));
    await server.commit({ 'etc/release': hour(11) });
    await server.passTo(at('11:00'));
    const poll = ['poll', '--server', server.url, '--hostname', DEV, '--target', host.target];
    const polls = await Promise.all([runProcess(poll), runProcess(poll)]);
    for (const { code } of polls) expect([0, 5]).toContain(code);
    await host.has('etc/release', hour(11));
    host.kill('SIGTERM');
    expect((await host.ended).code).toBe(0);
    const state = JSON.parse(await readFile(join(host.target, 'state.json'), 'utf8')) as { running: { tag: string } };
    expect(state.running.tag).toBe('etchautotag-20261120-1100');
  });

  test('does nothing while the stop file is there, tells it once, and goes on when it is gone', async () => {
    const server = await train();
    const stopFile = join(await disposableDirectory(), 'disable');
    const host = await watching(server.url, { flags: ['--splay', '0', '--disable-file', stopFile] });
    await host.has('etc/release', hour(10));
    await writeFile(stopFile, 'disk is being replaced\n');
    await host.says('stderr', /disabled: .*disk is being replaced/);
    await server.commit({ 'etc/release': hour(11) });
    await server.passTo(at('11:00'));
    host.kill('SIGHUP');
    await rm(stopFile);
    await host.has('etc/release', hour(11));
    expect(host.said.stderr.match(/disabled:/g)).toHaveLength(1);
  });

  test('stays on the release that somebody rolled back to, and goes on after resume', async () => {
    const server = await train();
    const host = await watching(server.url, { flags: ['--splay', '0', '--verbose'] });
    await host.has('etc/release', hour(10));
    await server.commit({ 'etc/release': hour(11) });
    await server.passTo(at('11:00'));
    await host.has('etc/release', hour(11));
    const here = ['--server', server.url, '--hostname', DEV, '--target', host.target];
    await untilDone(['rollback', ...here]);
    await host.has('etc/release', hour(10));
    await host.says('stderr', /disabled: /);
    await untilDone(['resume', '--hostname', DEV, '--target', host.target]);
    await host.has('etc/release', hour(11));
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('ends with exit 0 on %s while its question is held', async (signal) => {
    const server = await train();
    const host = await watching(server.url, { flags: ['--splay', '0', '--verbose'] });
    await host.has('etc/release', hour(10));
    host.kill(signal);
    expect((await host.ended).code).toBe(0);
  });

  test('tells the time with every line where nobody else does', async () => {
    const server = await serveView(await viewOf({ a: '1' }));
    const target = await disposableDirectory();
    const { child, ended } = await startClient([
      'watch',
      '--server',
      server.url,
      '--hostname',
      DEV,
      '--target',
      target,
      '--splay',
      '0',
    ]);
    await until('the release', async () => (await currentTree(target)) !== undefined || undefined);
    await server.next('question');
    child.kill('SIGTERM');
    const { stdout } = await ended;
    expect(stdout).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ dev1\.example\.org: watching http/);
  });

  test('is refused where it would have to do as if', async () => {
    const run = await runProcess(['watch', '--server', 'http://a', '--hostname', DEV], {
      env: { TAGWAVE_CLIENT_DRY_RUN: 'yes' },
    });
    expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining("'tagwave poll --dry-run' only looks") });
  });
});

describe('what a host that watches does by itself', () => {
  /** Watches in this process, with intervals that the flags do not offer. */
  async function watchHere(url: string, intervalMinutes: number) {
    const target = await disposableDirectory();
    const merged = mergeSettings([
      {
        server: { texts: [url], where: '' },
        hostname: { texts: [DEV], where: '' },
        target: { texts: [target], where: '' },
        splay: { texts: ['0'], where: '' },
      },
    ]);
    if (!merged.ok) throw new Error(merged.errors.join());
    const controller = new AbortController();
    const said = { text: '' };
    const stream = { write: (text: string) => (said.text += text), on: () => undefined };
    const settings = { ...merged.settings, intervalMinutes };
    const ended = watch({
      settings,
      terminal: openTerminal({ verbose: false, json: false }, { stdout: stream, stderr: stream }),
      stop: { signal: controller.signal, received: () => 'SIGTERM' },
      wake: listenForWake(true),
      random: () => 0,
    });
    onTestFinished(async () => {
      controller.abort();
      await ended;
    });
    return { target, said, signal: controller.signal };
  }

  test('a run is made every so often although nothing changes, and nothing piles up', async () => {
    const server = await serveView(await viewOf({ a: '1' }));
    const host = await watchHere(server.url, 0.000_1);
    await until('forty runs', () => server.count('question') > 40 || undefined);
    expect(getEventListeners(host.signal, 'abort').length).toBeLessThan(10);
    expect(host.said.text.split('\n')).toHaveLength(3);
  });

  test.each([
    ['hold', HOLD('no-acceptable-tag', 'nothing'), /held \(no-acceptable-tag\)/g],
    ['killswitch', KILLSWITCH('stop'), /stopped by the killswitch/g],
  ])('a %s is told once, however many runs find it', async (_what, reply, pattern) => {
    const server = await serveView(undefined);
    server.answer = () => reply;
    const host = await watchHere(server.url, 0.000_1);
    await until('ten runs', () => server.count('question') > 10 || undefined);
    expect(host.said.text.match(pattern)).toHaveLength(1);
  });
});

/** Runs a command until no other run holds the lock. */
async function untilDone(args: readonly string[]): Promise<void> {
  await until(args.join(' '), async () => {
    const { code, stderr } = await runProcess(args);
    if (code !== 0 && code !== 5) throw new Error(stderr);
    return code === 0 || undefined;
  });
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A server that can come back to where it was. */
async function fixedPort(): Promise<Record<string, string>> {
  return { TAGWAVE_LISTEN: `127.0.0.1:${await freePort()}` };
}

/** Hands on every request but for the wish to wait. */
async function impatientProxy(target: string): Promise<{ readonly url: string; asked(): number }> {
  let asked = 0;
  const http = createServer((incoming, outgoing) => {
    asked++;
    const url = target + incoming.url?.replace(/\?wait=\d+$/, '');
    const request = httpRequest(url, { method: incoming.method, headers: incoming.headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    request.on('error', () => outgoing.destroy());
    incoming.pipe(request);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, asked: () => asked };
}
