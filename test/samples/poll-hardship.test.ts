import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { currentTree, runClient } from '../client/run-client.ts';
import { serveView, viewOf } from '../client/serve-view.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { until } from '../rig/until.ts';

const SCRIPT = join(import.meta.dirname, '../../samples/poll.sh');
const HOST = 'web1.example.com';
const BEFORE = { 'etc/motd': 'before\n', 'etc/old': 'old\n' };
const AFTER = { 'etc/motd': 'after\n', 'usr/bin/report': { run: '#!/bin/sh\n' }, 'etc/link': { link: 'motd' } };
const AFTER_TREE = { 'etc/motd': 'after\n', 'usr/bin/report': '#!/bin/sh\n', 'etc/link': '-> motd' };

const args = (url: string, target: string): string[] => [SCRIPT, '-s', url, '-n', HOST, '-t', target];
const poll = (url: string, target: string) => execa('dash', args(url, target), { reject: false });

/** Starts a run in a process group of its own, so that a kill takes curl and tar as well, as a power cut would. */
function start(url: string, target: string): { kill(which?: { group: boolean }): Promise<void> } {
  const child = spawn('dash', args(url, target), { detached: true, stdio: 'ignore' });
  const ended = once(child, 'exit');
  return {
    async kill({ group } = { group: true }) {
      if (child.exitCode === null && child.pid !== undefined) process.kill(group ? -child.pid : child.pid, 'SIGKILL');
      await ended;
    },
  };
}

const QUESTION = ['question'] as const;
const STEPS = [
  ['the first question', QUESTION],
  ['the manifest', ['manifest']],
  ['the archive', ['archive']],
  ['the second question', ['question', 'question']],
] as const;

async function between() {
  const [before, after] = [await viewOf(BEFORE), await viewOf(AFTER)];
  const server = await serveView(before);
  const target = join(await disposableDirectory(), 'target');
  expect((await poll(server.url, target)).exitCode).toBe(0);
  server.answer = () => ({ serve: after });
  return { server, target, before, after };
}

async function expectToComplete({ server, target }: Awaited<ReturnType<typeof between>>): Promise<void> {
  expect((await poll(server.url, target)).exitCode).toBe(0);
  expect(await currentTree(target)).toEqual(AFTER_TREE);
  expect((await readdir(target)).filter((name) => name.startsWith('.poll.'))).toEqual([]);
}

test.each(STEPS)(
  'killed while it waits for %s, a run leaves the old release, and the next one completes',
  async (_, kinds) => {
    const the = await between();
    const asked = the.server.count('question');
    const hang = { hang: true } as const;
    the.server.answer = (__, number) =>
      kinds[0] === 'question' && number === asked + kinds.length ? hang : { serve: the.after };
    the.server.instead = {
      manifest: () => (kinds[0] === 'manifest' ? hang : undefined),
      archive: () => (kinds[0] === 'archive' ? hang : undefined),
    };
    const run = start(the.server.url, the.target);
    for (const kind of kinds) await the.server.next(kind);
    await run.kill();
    expect(await currentTree(the.target)).toEqual(BEFORE);

    the.server.instead = {};
    the.server.answer = () => ({ serve: the.after });
    await expectToComplete(the);
  },
);

test.each(STEPS)(
  'killed just after it was answered %s, a run leaves one of the two releases, whole',
  async (_, kinds) => {
    const the = await between();
    const run = start(the.server.url, the.target);
    for (const kind of kinds) await the.server.next(kind);
    await run.kill();
    expect([BEFORE, AFTER_TREE]).toContainEqual(await currentTree(the.target));
    await expectToComplete(the);
  },
);

test('killed just after the flip, before it could remember it, a run leaves the new release, and the next one is content with it', async () => {
  const the = await between();
  const old = await readlink(join(the.target, 'current'));
  const run = start(the.server.url, the.target);
  await until('the flip', async () => (await readlink(join(the.target, 'current'))) !== old || undefined);
  await run.kill();
  expect(await currentTree(the.target)).toEqual(AFTER_TREE);
  await expectToComplete(the);
  expect(the.server.count('archive')).toBe(2);
});

test('when only the script dies, its hanging download keeps nobody waiting: the next run completes', async () => {
  const the = await between();
  the.server.instead = { archive: () => ({ hang: true }) };
  const run = start(the.server.url, the.target);
  await the.server.next('archive');
  await run.kill({ group: false });
  the.server.instead = {};
  await expectToComplete(the);
});

test('on a full disk a run fails with a sentence, the release in force stays whole, and the next run completes once there is room', async (context) => {
  const disk = join(await disposableDirectory(), 'disk');
  await mkdir(disk);
  const mounted = await execa('mount', ['-t', 'tmpfs', '-o', 'size=700k', 'tmpfs', disk], { reject: false });
  if (mounted.exitCode !== 0) return context.skip('a small file system cannot be mounted here');
  onTestFinished(async () => void (await execa('umount', ['-l', disk], { reject: false })));
  const target = join(disk, 'target');
  const before = await viewOf(BEFORE);
  const server = await serveView(before);
  expect((await poll(server.url, target)).exitCode).toBe(0);

  const large = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`data/${index}`, 'x'.repeat(20_000)]));
  const after = await viewOf(large);
  server.answer = () => ({ serve: after });
  const full = await poll(server.url, target);
  expect(full.exitCode).toBe(1);
  expect(full.stderr).toMatch(/^poll\.sh: .*(cannot|did not answer)/);
  expect(await currentTree(target)).toEqual(BEFORE);
  expect((await readdir(target)).filter((name) => name.startsWith('.poll.'))).toEqual([]);

  await execa('mount', ['-o', 'remount,size=4m', disk]);
  expect((await poll(server.url, target)).exitCode).toBe(0);
  expect(await currentTree(target)).toEqual(large);
});

test('a target can go from poll.sh to the full client and back: neither downloads what the other has', async () => {
  const [before, after] = [await viewOf(BEFORE), await viewOf(AFTER)];
  const server = await serveView(before);
  const target = join(await disposableDirectory(), 'target');
  const client = () => runClient(['poll', '--server', server.url, '--hostname', HOST, '--target', target]);

  expect((await poll(server.url, target)).exitCode).toBe(0);
  expect(await client()).toMatchObject({ code: 0, stderr: '' });
  expect(server.count('archive')).toBe(1);
  server.answer = () => ({ serve: after, tag: 'etchautotag-20261120-0900' });
  expect(await client()).toMatchObject({ code: 0 });
  expect(await currentTree(target)).toEqual(AFTER_TREE);

  expect(await poll(server.url, target)).toMatchObject({ exitCode: 0 });
  expect(server.count('archive')).toBe(2);
  expect(await currentTree(target)).toEqual(AFTER_TREE);
  server.answer = () => ({ serve: before });
  expect(await poll(server.url, target)).toMatchObject({ exitCode: 0 });
  expect(server.count('archive')).toBe(2);
  expect(await currentTree(target)).toEqual(BEFORE);
});

test('while the full client is at work, poll.sh leaves with exit 5', async () => {
  const server = await serveView(await viewOf(BEFORE));
  const target = join(await disposableDirectory(), 'target');
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  server.instead = { manifest: () => gate.then(() => undefined) };
  const asked = server.next('manifest');
  const client = runClient(['poll', '--server', server.url, '--hostname', HOST, '--target', target]);
  await asked;
  expect((await poll(server.url, target)).exitCode).toBe(5);
  release();
  expect(await client).toMatchObject({ code: 0 });
  expect(await readlink(join(target, 'current'))).toMatch(/^releases\/[0-9a-f]{16}$/);
  expect(await readFile(join(target, 'current/etc/motd'), 'utf8')).toBe('before\n');
});
