import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { HOSTS, NEWEST, testBase, useBases } from '../cli/base.ts';
import { kill9, runCommand, serve } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';
import { gone, isAlive, serveWorkers } from './serving-workers.ts';

useBases();

const LISTEN = ['--listen', '127.0.0.1:0'];

const tagOf = async (url: string, host: string): Promise<string> =>
  (await (await fetch(`${url}/v1/nodes/${host}`, { headers: { accept: 'text/plain' } })).text()).trim();

const problemsOf = async (url: string): Promise<string[]> => {
  const { problems } = (await (await fetch(`${url}/v1/status`)).json()) as { problems: { sentence: string }[] };
  return problems.map(({ sentence }) => sentence);
};

describe('a server with two workers', () => {
  test('is one head and two doors behind one URL, and ends with all of them on SIGTERM', async () => {
    const { base } = await testBase();
    const server = await serveWorkers(base);
    expect(server.said.stdout).toBe(`${server.url}\n`);
    const { head, door } = server.parts();
    expect([head.length, door.length]).toEqual([1, 2]);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    expect(await tagOf(server.url, HOSTS.pinned)).toBe(`tags/${NEWEST}`);
    server.child.kill('SIGTERM');
    expect(await server.ended).toMatchObject({ code: 0, signal: null, stdout: `${server.url}\n` });
    expect([...head, ...door].filter(isAlive)).toEqual([]);
    expect(server.logged().map(({ message }) => message)).toEqual(
      expect.arrayContaining(['listening', 'request', 'stopping', 'stopped']),
    );
  });

  test('lets nobody else at the socket on which the doors ask, wherever the state directory is', async () => {
    const { base, root } = await testBase();
    const long = join(root, 'a-directory-with-a-long-name/'.repeat(5), 'state');
    for (const stateDir of [join(base, 'var'), long]) {
      const server = await serveWorkers(base, { TAGWAVE_STATE_DIR: stateDir });
      expect((await fetch(`${server.url}/v1/status`)).status).toBe(200);
      const modes = await Promise.all(['head', 'head/socket'].map((name) => stat(join(stateDir, name))));
      expect(modes.map(({ mode }) => (mode & 0o777).toString(8))).toEqual(['700', '600']);
      server.child.kill('SIGTERM');
      expect(await server.ended).toMatchObject({ code: 0 });
    }
  });

  test('refuses invalid files as one process does', async () => {
    const { base } = await testBase({ 'schedule.yml': 'waves: []\n', pins: '= trunk\n' });
    const alone = await runCommand(['serve', '--base', base, ...LISTEN]);
    const workers = await runCommand(['serve', '--base', base, ...LISTEN], { env: { TAGWAVE_WORKERS: '2' } });
    expect(workers.code).toBe(1);
    const sentences = (text: string): string => text.replaceAll(/^\{.*\n/gm, '');
    expect(sentences(alone.stderr)).toContain('schedule.yml line 1');
    expect(sentences(workers.stderr)).toBe(sentences(alone.stderr));
    expect(workers.stdout).toBe(alone.stdout);
  });

  test('says which port is in use, as one process does', async () => {
    const { base } = await testBase();
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => {
      other.close();
    });
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const args = ['serve', '--base', base, '--listen', `127.0.0.1:${port}`];
    const { code, stdout, stderr } = await runCommand(args, { env: { TAGWAVE_WORKERS: '2' } });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`nothing can be heard at 127.0.0.1:${port} (EADDRINUSE)\n→ another process listens there`);
  });

  test('starts a door that was killed again, and a head, which polls wait for; status tells of both', async () => {
    const { base } = await testBase();
    const server = await serveWorkers(base);
    const before = server.parts();
    for (const pid of [before.door[0], before.head[0]]) process.kill(pid ?? 0, 'SIGKILL');
    // Nobody is turned away meanwhile.
    expect(await tagOf(server.url, HOSTS.web)).toBe(`tags/${NEWEST}`);
    await until('all parts to be there again', () => {
      const { head, door } = server.parts();
      return head.length === 1 && door.length === 2 ? true : undefined;
    });
    const problems = await until('status to tell of both', async () => {
      const told = (await problemsOf(server.url)).filter((sentence) => sentence.includes('ended unexpectedly'));
      return told.length === 2 ? told : undefined;
    });
    expect(problems.join('\n')).toMatch(/the door 1 ended unexpectedly once within an hour, last by SIGKILL/);
    expect(problems.join('\n')).toMatch(/the head ended unexpectedly once within an hour, last by SIGKILL/);
    expect(server.logged().filter(({ level }) => level === 'error')).toHaveLength(2);
  });

  test('leaves no process behind when its supervisor is killed, and can be started again at once', async () => {
    const { base } = await testBase();
    const first = await serveWorkers(base);
    const { head, door } = first.parts();
    await kill9(first).catch(() => undefined);
    const second = await serveWorkers(base);
    expect(await tagOf(second.url, HOSTS.web)).toBe(`tags/${NEWEST}`);
    await gone([...head, ...door]);
  });
});

describe('a server that is one process', () => {
  test('goes on after SIGHUP, and says how it could have been restarted', async () => {
    const { base } = await testBase();
    const server = await serve(base);
    server.child.kill('SIGHUP');
    await until('the warning', () => server.said.stderr.includes('nothing was restarted') || undefined);
    expect(server.said.stderr).toContain('workers: 2');
    expect(await tagOf(server.url, HOSTS.web)).toBe(`tags/${NEWEST}`);
    server.child.kill('SIGTERM');
    expect(await server.ended).toMatchObject({ code: 0 });
  });
});
