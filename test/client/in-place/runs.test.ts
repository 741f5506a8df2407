import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { HOOKS_PATH, type HooksFile, hooksBytes } from '../../../protocol/hooks.ts';
import { watchDisk } from '../../rig/disk-steps.ts';
import { noDisks, smallDisk } from '../../rig/small-disk.ts';
import { type Ended, pollArgs, runClient, runProcess } from '../run-client.ts';
import { type Files, KILLSWITCH, NEXT_TAG, serveView, TAG, type ViewServer, viewOf } from '../serve-view.ts';
import { pictureOf, plant, quickDirectory, sumsOf } from './host-tree.ts';

const FILES = { 'etc/motd': 'hello\n', 'etc/run.sh': { run: '#!/bin/sh\n' }, 'etc/link': { link: 'motd' } };

interface Host {
  readonly root: string;
  readonly target: string;
  readonly server: ViewServer;
  /** What the server has for it from now on. */
  serve(files: Files, tag?: string): Promise<void>;
  poll(...flags: readonly string[]): Promise<Ended>;
  args(...flags: readonly string[]): string[];
}

async function hostServed(files: Files): Promise<Host> {
  const directory = quickDirectory();
  const [root, target] = [join(directory, 'root'), join(directory, 'target')];
  mkdirSync(root);
  const server = await serveView(await viewOf(files));
  const args = (...flags: readonly string[]): string[] => pollArgs(server, target, '--root', root, ...flags);
  return {
    root,
    target,
    server,
    async serve(next, tag = NEXT_TAG) {
      const view = await viewOf(next);
      server.answer = () => ({ serve: view, tag });
    },
    args,
    poll: (...flags) => runClient(args(...flags)),
  };
}

function withHooks(files: Files, hooks: HooksFile['hooks']): Files {
  return { ...files, [HOOKS_PATH]: hooksBytes({ hooks, verify: [] }) };
}

describe('a poll with --root', () => {
  test('puts the view onto the tree, says so in one line, and is silent and quick when nothing changed', async () => {
    const host = await hostServed(withHooks(FILES, [{ run: 'true' }]));
    const run = await runProcess(host.args());
    expect(run).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^web1: now on .*\n$/) });
    expect(Object.keys(sumsOf(host.root))).toEqual(['etc/link', 'etc/motd', 'etc/run.sh']);
    const before = pictureOf(host.root);
    expect(await host.poll()).toMatchObject({ code: 0, stderr: '', stdout: '' });
    expect(pictureOf(host.root)).toEqual(before);
    const status = await runClient(['status', '--target', host.target, '--json']);
    expect(JSON.parse(status.stdout)).toMatchObject({ root: host.root, current: { tag: TAG }, problem: null });
  });

  test('tells what it replaces of others, and gives it back when the view no longer has it', async () => {
    const host = await hostServed(FILES);
    plant(host.root, { 'etc/motd': 'theirs\n', 'etc/other': 'x' });
    const before = pictureOf(host.root);
    const run = await host.poll();
    expect(run.stdout).toContain(`${host.root}/etc/motd is replaced; what was there before is kept in`);
    await host.serve({});
    expect((await host.poll()).code).toBe(0);
    expect(pictureOf(host.root)).toEqual(before);
  });

  test('prints one JSON object, with what became of the work of others, where that is asked for', async () => {
    const host = await hostServed(FILES);
    plant(host.root, { 'etc/motd': 'theirs\n' });
    const first = JSON.parse((await host.poll('--json')).stdout);
    expect(first).toMatchObject({ outcome: 'applied', kept: [{ path: 'etc/motd' }] });
    plant(host.root, { 'etc/motd': 'by hand\n' });
    const second = JSON.parse((await host.poll('--json')).stdout);
    expect(second).toMatchObject({ exitCode: 0, kept: [{ sentence: expect.stringContaining('+by hand') }] });
  });

  test('repairs what somebody changed, tells its difference, keeps a copy and reports it', async () => {
    const host = await hostServed(FILES);
    await host.poll();
    plant(host.root, { 'etc/motd': 'by hand\n' });
    const run = await host.poll();
    expect(run.code).toBe(0);
    expect(run.stdout + run.stderr).toContain('+by hand');
    expect(run.stdout + run.stderr).toContain(`a copy is kept as ${host.target}/kept/`);
    expect(readFileSync(join(host.root, 'etc/motd'), 'utf8')).toBe('hello\n');
    expect(host.server.reports.at(-1)).toMatchObject({ drifted: { count: 1, paths: ['etc/motd'] } });
    expect(await host.poll()).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  test('tells each time what keeps it from repairing, and repairs and runs hooks when that is gone', async () => {
    const hooks = [{ when: ['etc/motd'], run: 'echo ran >> "$TAGWAVE_ROOT/../log"' }];
    const host = await hostServed(withHooks(FILES, hooks));
    await host.poll();
    const log = join(host.root, '../log');
    rmSync(log);
    rmSync(join(host.root, 'etc/motd'));
    plant(host.root, { 'etc/motd/theirs': 'x' });
    for (let round = 0; round < 2; round++) {
      const run = await host.poll('--verbose');
      expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining('etc/motd is a directory with') });
      expect(existsSync(log)).toBe(false);
    }
    rmSync(join(host.root, 'etc/motd'), { recursive: true });
    expect((await host.poll()).code).toBe(0);
    expect(readFileSync(log, 'utf8')).toBe('ran\n');
    expect(readFileSync(join(host.root, 'etc/motd'), 'utf8')).toBe('hello\n');
  });

  test('brings the release in use back exactly where a hook of the next one fails, and runs hooks for the way back', async () => {
    const log = (text: string): string => `echo ${text} $TAGWAVE_TAG >> "$TAGWAVE_ROOT/../log"`;
    const host = await hostServed(withHooks(FILES, [{ run: log('old') }]));
    plant(host.root, { 'etc/added': 'theirs\n' });
    await host.poll();
    const before = pictureOf(host.root);
    await host.serve(withHooks({ 'etc/motd': 'bad\n', 'etc/added': 'new\n' }, [{ run: `${log('new')}; exit 1` }]));
    const run = await host.poll();
    expect(run.code).toBe(1);
    expect(host.server.reports.at(-1)).toMatchObject({ outcome: 'rolled-back' });
    const after = pictureOf(host.root);
    expect(Object.keys(after)).toEqual(Object.keys(before));
    expect(readFileSync(join(host.root, 'etc/motd'), 'utf8')).toBe('hello\n');
    expect(after['etc/added']).toBe(before['etc/added']);
    expect(readFileSync(join(host.root, '../log'), 'utf8')).toBe(`old ${TAG}\nnew ${NEXT_TAG}\nold ${TAG}\n`);
  });

  test('goes back to a kept release by hand, stays there, and goes on', async () => {
    const host = await hostServed(FILES);
    await host.poll();
    const before = pictureOf(host.root, { times: false });
    await host.serve({ 'etc/motd': 'next\n', 'etc/link/inner': 'x' });
    await host.poll();
    const flags = ['--hostname', 'web1', '--target', host.target, '--root', host.root];
    expect((await runClient(['rollback', ...flags])).code).toBe(0);
    expect(pictureOf(host.root, { times: false })).toEqual(before);
    expect((await host.poll()).code).toBe(4);
    expect(pictureOf(host.root, { times: false })).toEqual(before);
    expect((await runClient(['resume', '--target', host.target])).code).toBe(0);
    expect((await host.poll()).code).toBe(0);
    expect(readFileSync(join(host.root, 'etc/link/inner'), 'utf8')).toBe('x');
  });

  test('gives back the originals where a hook of the very first release fails', async () => {
    const host = await hostServed(withHooks(FILES, [{ run: 'exit 1' }]));
    plant(host.root, { 'etc/motd': { text: 'theirs\n', perm: '0640' }, 'srv/x': 'y' });
    const before = pictureOf(host.root);
    expect((await host.poll()).code).toBe(1);
    expect(pictureOf(host.root)).toEqual(before);
  });

  test('changes nothing of the tree with --dry-run, and says what it would do', async () => {
    const host = await hostServed(FILES);
    plant(host.root, { 'etc/motd': 'theirs\n' });
    const before = pictureOf(host.root);
    const run = await host.poll('--dry-run');
    expect(run.stdout).toContain('would move to');
    expect(pictureOf(host.root)).toEqual(before);
  });

  test('names the link where a directory should be, and touches nothing', async () => {
    const host = await hostServed(FILES);
    mkdirSync(join(host.root, 'real'));
    symlinkSync('real', join(host.root, 'etc'));
    const run = await host.poll();
    expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining('etc is a symbolic link to "real"') });
    expect(pictureOf(host.root)).toMatchObject({ etc: expect.stringContaining('-> real') });
    expect(host.server.reports.at(-1)).toMatchObject({ outcome: 'failed' });
  });

  test('refuses a root that is a link, one that is not there, and a target that is of another tree or of none', async () => {
    const host = await hostServed(FILES);
    await host.poll();
    symlinkSync('root', join(host.root, '../link'));
    mkdirSync(join(host.root, '../other'));
    for (const [root, sentence] of [
      ['link', 'is a symbolic link to "root"'],
      ['gone', 'there is no directory'],
      ['other', `is of the tree ${host.root}`],
    ] as const) {
      const args = pollArgs(host.server, host.target, '--root', join(host.root, '..', root));
      expect(await runClient(args)).toMatchObject({ code: 1, stderr: expect.stringContaining(sentence) });
    }
    const without = await runClient(pollArgs(host.server, host.target));
    expect(without).toMatchObject({ code: 1, stderr: expect.stringContaining(`is of the tree ${host.root}`) });
    const released = join(quickDirectory(), 'target');
    await runClient(pollArgs(host.server, released));
    const onto = await runClient(pollArgs(host.server, released, '--root', host.root));
    expect(onto).toMatchObject({ code: 1, stderr: expect.stringContaining('was used without --root') });
  });

  test('of ten at once each applies, finds nothing to do, or exits 5', async () => {
    const host = await hostServed(FILES);
    const runs = await Promise.all(Array.from({ length: 10 }, () => runClient(host.args())));
    expect(runs.map(({ code }) => code).filter((code) => code !== 0 && code !== 5)).toEqual([]);
    expect(runs.filter(({ stdout }) => stdout.includes('now on'))).toHaveLength(1);
    expect(Object.keys(sumsOf(host.root))).toHaveLength(3);
  });

  test('applies, finds drift and gives back as ever when the clock was set back by a year', async () => {
    const host = await hostServed(FILES);
    plant(host.root, { 'etc/motd': 'theirs\n' });
    const before = pictureOf(host.root);
    await host.poll();
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 365 * 86_400_000 });
    try {
      plant(host.root, { 'etc/motd': 'by hand\n' });
      expect((await host.poll()).stdout).toContain('+by hand');
      await host.serve({ ...FILES, 'etc/motd': 'next\n' });
      expect(await host.poll()).toMatchObject({ code: 0, stdout: expect.stringContaining(`now on ${NEXT_TAG}`) });
      await host.serve({}, TAG);
      expect((await host.poll()).code).toBe(0);
      expect(pictureOf(host.root)).toEqual(before);
    } finally {
      vi.useRealTimers();
    }
  });
});

class Killed extends Error {}

/** A poll that is killed when it puts the first file into its place. */
async function killedWhileSwitching(host: Host): Promise<void> {
  let isFrozen = false;
  const disk = watchDisk((_step, name, path) => {
    isFrozen ||= name === 'renameSync' && String(path).includes('.tagwave-');
    if (isFrozen) throw new Killed();
  });
  await expect(host.poll()).rejects.toThrow(Killed);
  disk.restore();
}

test('an interrupted repair is undone, and its hooks run once it is made', async () => {
  const hooks = [{ run: 'echo "$(cat "$TAGWAVE_ROOT/etc/motd")" >> "$TAGWAVE_ROOT/../log"' }];
  const host = await hostServed(withHooks(FILES, hooks));
  await host.poll();
  plant(host.root, { 'etc/motd': 'by hand\n' });
  await killedWhileSwitching(host);
  expect((await host.poll()).code).toBe(0);
  expect(readFileSync(join(host.root, '../log'), 'utf8')).toBe('hello\nhello\n');
});

test('an interrupted apply is undone without a server and under the killswitch', async () => {
  const host = await hostServed(FILES);
  plant(host.root, { 'etc/motd': 'theirs\n' });
  await host.poll();
  const before = pictureOf(host.root);
  await host.serve({ 'etc/motd': 'next\n', 'etc/run.sh/file': 'x' });
  await killedWhileSwitching(host);
  host.server.answer = () => KILLSWITCH('stop');
  const stopped = await host.poll();
  expect(stopped.code).toBe(3);
  expect(stopped.stderr).toContain(`a run was interrupted while it changed ${host.root}: that is undone`);
  expect(pictureOf(host.root)).toEqual(before);
});

test.skipIf(noDisks !== '')(
  `a full disk under the tree is a clear error, and leaves it as it was${noDisks}`,
  async () => {
    const host = await hostServed(FILES);
    const disk = await smallDisk(1, host.root);
    await host.poll();
    await host.serve({ ...FILES, 'etc/large': Buffer.alloc(2_000_000, 1) });
    const before = pictureOf(host.root);
    const run = await host.poll();
    expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining('no space is left on its file system') });
    expect(run.stderr).toContain(host.root);
    expect(pictureOf(host.root)).toEqual(before);
    await disk.setReadOnly();
    await host.serve({ 'etc/motd': 'next\n' });
    const readOnly = await host.poll();
    expect(readOnly).toMatchObject({ code: 1, stderr: expect.stringContaining('on a file system that is read-only') });
    await disk.setWritable();
    expect((await host.poll()).code).toBe(0);
    expect(readFileSync(join(host.root, 'etc/motd'), 'utf8')).toBe('next\n');
  },
);

test('a directory that this user may not write into is told before anything is touched', async (context) => {
  if (process.getuid?.() !== 0) return context.skip('only root can become another user');
  const host = await hostServed(FILES);
  for (const each of [host.root, join(host.root, '..')]) chmodSync(each, 0o755);
  mkdirSync(host.target);
  execFileSync('chown', ['65534', host.target]);
  const run = await runProcess(host.args(), { uid: 65_534 });
  expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining('is not for this user to write into') });
  expect(pictureOf(host.root)).toEqual({});
});
