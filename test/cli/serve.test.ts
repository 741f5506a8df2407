import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { gitEnvironment, writeFiles } from '../rig/git.ts';
import { runCommand, type Serving, serve, startCommand } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';
import { BEFORE, HOSTS, NEWEST, objectIn, testBase, useBases } from './base.ts';

useBases();

const LISTEN = ['--listen', '127.0.0.1:0'];

async function stop(server: Pick<Serving, 'child' | 'ended'>, signal: NodeJS.Signals = 'SIGTERM') {
  server.child.kill(signal);
  return server.ended;
}

const tagOf = async (url: string, host: string): Promise<string> =>
  (await (await fetch(`${url}/v1/nodes/${host}`, { headers: { accept: 'text/plain' } })).text()).trim();

describe('serve', () => {
  test('prints its URL when it is ready, answers, and ends with 0 on SIGTERM', async () => {
    const { base } = await testBase();
    const server = await serve(base);
    expect(server.said.stdout).toBe(`${server.url}\n`);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    expect(await tagOf(server.url, HOSTS.pinned)).toBe(`tags/${NEWEST}`);
    expect(await stop(server)).toMatchObject({ code: 0, signal: null, stdout: `${server.url}\n` });
  });

  test('on SIGINT, too; and with --json prints its URL as one object', async () => {
    const { base } = await testBase();
    const server = await startCommand(['serve', '--base', base, '--json', ...LISTEN]);
    const value = objectIn(
      await until('the URL', () => (server.said.stdout.endsWith('\n') ? server.said.stdout : undefined)),
    );
    expect(value).toEqual({ ok: true, url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) });
    expect(await stop(server, 'SIGINT')).toMatchObject({ code: 0, signal: null });
  });

  test('lets a download that has begun finish before it ends, and takes nobody new', async () => {
    const { base, source } = await testBase();
    const content = randomBytes(24 * 1024 * 1024);
    await writeFiles(source, { 'var/large': content });
    const git = (...args: string[]) => execa('git', args, { cwd: source, env: gitEnvironment() });
    await git('add', '--all');
    await git('commit', '--quiet', '--message=Large');
    await runCommand(['snapshot', '--base', base]);
    const server = await serve(base);
    const { port } = new URL(server.url);
    const socket = connect(Number(port), '127.0.0.1');
    await once(socket, 'connect');
    const begun = once(socket, 'readable');
    socket.write(`GET /v1/nodes/${HOSTS.dev}/archive HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
    await begun;
    const first = socket.read() as Buffer;
    const head = first.subarray(0, first.indexOf('\r\n\r\n')).toString();
    server.child.kill('SIGTERM');
    await until('nobody new to be heard', async () => {
      try {
        await fetch(`${server.url}/healthz`);
        return undefined;
      } catch {
        return true;
      }
    });
    expect(server.child.exitCode).toBe(null);
    let received = first.length - head.length - 4;
    for await (const piece of socket) received += (piece as Buffer).length;
    expect(received).toBe(Number(/content-length: (\d+)/i.exec(head)?.[1]));
    expect(await server.ended).toMatchObject({ code: 0, signal: null });
  });

  test('refuses to start with invalid files and nothing to fall back on, and tells all errors at once', async () => {
    const { base } = await testBase({
      'schedule.yml': 'waves: []\n',
      'nodes.yml': 'web_1: [a]\n',
      pins: '= trunk\n',
      tagstate: Buffer.from([0]),
    });
    const { code, stdout, stderr } = await runCommand(['serve', '--base', base, ...LISTEN]);
    expect([code, stdout]).toEqual([1, '']);
    for (const error of ['schedule.yml line 1: waves', 'nodes.yml line 1: web_1', 'pins line 1: =', 'tagstate line 1'])
      expect(stderr).toContain(error);
    await writeFile(join(base, 'server.yml'), 'listen: 1\ncolour: blue\n');
    const worse = await runCommand(['serve', '--base', base, ...LISTEN]);
    expect([worse.code, worse.stdout]).toEqual([1, '']);
    for (const error of ['server.yml line 1: listen', 'server.yml line 2: colour', 'schedule.yml line 1: waves'])
      expect(worse.stderr).toContain(error);
  });

  test('starts with invalid files where there are last valid ones, server.yml and a state directory elsewhere included', async () => {
    const { base, root } = await testBase({
      'server.yml': 'state_dir: ../elsewhere # not here\nrepo: {url: ../config}\n',
    });
    await execa('mv', [join(base, 'var'), join(root, 'elsewhere')]);
    const first = await serve(base);
    await stop(first);
    const broken = {
      'server.yml': 'state_dir: "../elsewhere"\nrepo: [\n',
      'schedule.yml': 'waves: 7\n',
      'nodes.yml': '',
    };
    await writeFiles(base, broken);
    const second = await serve(base);
    expect(await tagOf(second.url, HOSTS.pinned)).toBe(`tags/${NEWEST}`);
    expect(await tagOf(second.url, HOSTS.web)).toBe(`tags/${NEWEST}`);
    const { problems } = (await (await fetch(`${second.url}/v1/status`)).json()) as {
      problems: { sentence: string }[];
    };
    const said = problems.map(({ sentence }) => sentence).join('\n');
    for (const file of Object.keys(broken))
      expect(said).toMatch(new RegExp(`^${file}.*; what it last said stays in effect$`, 'm'));
    await stop(second);
  });

  test('says which port is in use, and what to do', async () => {
    const { base } = await testBase();
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => {
      other.close();
    });
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, stdout, stderr } = await runCommand(['serve', '--base', base, '--listen', `127.0.0.1:${port}`]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`nothing can be heard at 127.0.0.1:${port} (EADDRINUSE)\n→ another process listens there`);
    const open = await runCommand(['serve', '--base', base, '--listen', '0.0.0.0:0']);
    expect(open).toMatchObject({ code: 1, stderr: expect.stringContaining('auth.nodes written out') });
  });

  test('says which directory it cannot write, without a stack trace', async () => {
    const { base } = await testBase({ 'server.yml': 'state_dir: tagstate/state\nrepo: {url: ../config}\n' });
    const { code, stdout, stderr } = await runCommand(['serve', '--base', base, ...LISTEN]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^\S+tagstate\/state: expected a directory that this user may read and write \(state_dir\), found /,
    );
    expect(stderr).not.toContain('    at ');
  });

  test('waits for a server.yml that is in the middle of being written', async () => {
    const base = await disposableDirectory();
    const file = join(base, 'server.yml');
    await writeFile(file, 'repo: {url: /nonexistent}\n');
    const server = await startCommand(['serve', '--base', base, ...LISTEN], { env: { TAGWAVE_SETTLE_SECONDS: '2' } });
    // An editor that comes so far again and again, and at last to the end.
    for (let times = 0; times < 100; times++) {
      await writeFile(file, 'repo: {url: /nonexistent}\n');
      await delay(20);
    }
    await writeFile(file, 'repo: {url: /nonexistent}\nstate_dir: state\n');
    await until('the URL', () => (server.said.stdout.endsWith('\n') ? true : undefined));
    expect(await readFile(join(base, 'state/last-valid/server.yml'), 'utf8')).toContain('state_dir: state');
    expect((await execa('ls', [base])).stdout).not.toContain('var');
    await stop(server);
  });

  test('works unchanged on a base as etch had it', async () => {
    const { base: prepared, source } = await testBase();
    const base = await disposableDirectory();
    await execa('cp', ['-r', join(prepared, 'var'), base]);
    await symlink(source, join(base, 'trunk'));
    await writeFiles(base, { tagstate: `${NEWEST} bad\n`, nodetagger: `#!/bin/sh\necho tags/${BEFORE}\n` });
    await execa('chmod', ['+x', join(base, 'nodetagger')]);
    const server = await serve(base);
    expect(await tagOf(server.url, HOSTS.web)).toBe(`tags/${BEFORE}`);
    await mkdir(join(base, 'killswitch'));
    await until(
      'the killswitch',
      async () => (await fetch(`${server.url}/v1/nodes/${HOSTS.web}`)).status === 423 || undefined,
    );
    await stop(server);
  });

  test('and the commands beside it see the same: what one changes, the other answers', async () => {
    const { base, run } = await testBase();
    const server = await serve(base);
    expect(await tagOf(server.url, HOSTS.web)).toBe(`tags/${NEWEST}`);
    await run(['mark', NEWEST, 'bad']);
    expect(await tagOf(server.url, HOSTS.web)).toBe(`tags/${BEFORE}`);
    await run(['kill']);
    const stopped = await fetch(`${server.url}/v1/nodes/${HOSTS.web}`);
    expect(stopped.status).toBe(423);
    await until('everybody who asked to be counted as told', async () =>
      (await run(['status'])).stdout.includes('told: 1 of 4') ? true : undefined,
    );
    await run(['resume']);
    expect(await tagOf(server.url, HOSTS.web)).toBe(`tags/${BEFORE}`);
    await stop(server);
  });
});

describe('status and map', () => {
  test('show what only the running server has noticed, and say so where none answers', async () => {
    const refusing = createServer().listen(0, '127.0.0.1');
    await once(refusing, 'listening');
    const url = `http://127.0.0.1:${(refusing.address() as AddressInfo).port}/`;
    refusing.close();
    const { base, run, json } = await testBase({
      'server.yml': `{repo: {url: ../config, branch: main}, notify: {targets: [{name: gone, url: "${url}"}]}}\n`,
    });
    const unheard = '(No server answers here: what only a running one notices is not shown.)';
    expect((await run(['status'])).stdout).toContain(unheard);
    const server = await serve(base);
    await run(['mark', NEWEST, 'good']);
    const { stdout } = await until('three failures', async () => {
      const ended = await run(['status']);
      return ended.stdout.includes('notifications do not reach gone') ? ended : undefined;
    });
    expect(stdout).not.toContain(unheard);
    const { problems } = (await json(['status'])).value as { readonly problems: readonly { readonly id: string }[] };
    expect(problems.map(({ id }) => id)).toContain('notify:failing:gone');
    expect((await json(['map'])).value['problems']).toBe(problems.length);
    await stop(server);
  });
});
