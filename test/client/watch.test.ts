import { getEventListeners } from 'node:events';
import { appendFile, readFile, rename, rm, writeFile } from 'node:fs/promises';
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
import { until } from '../rig/until.ts';
import { at, train } from '../stories/train.ts';
import { currentTree, runProcess, startClient } from './run-client.ts';
import { HOLD, KILLSWITCH, serveView, viewOf } from './serve-view.ts';
import { DEV, hour, watching } from './watching.ts';

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
