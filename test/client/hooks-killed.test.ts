import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { HooksFile } from '../../protocol/hooks.ts';
import { until } from '../rig/until.ts';
import { type HookHost, hookHost, MODES, type Mode, say } from './hook-host.ts';
import { type Started, startClient } from './run-client.ts';
import { NEXT_TAG, TAG } from './serve-view.ts';

/** A command that notes its beginning and its end, and hangs in between the first time that it is run. */
function hangsOnce(beside: string, name: string): string {
  const mark = `${beside}/${name}.hung`;
  const [begun, done] = ['begun', 'done'].map((word) => `echo "${name} ${word}" >> ${beside}/log`);
  return `if test -e ${mark}; then ${begun}; else touch ${mark}; ${begun}; sleep 1000; fi; ${done}`;
}

async function begun(at: HookHost, line: string): Promise<void> {
  await until(`the hook to say "${line}"`, () => at.lines().includes(line) || undefined);
}

async function killed(at: HookHost, line: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<Started> {
  const started = await at.start();
  await begun(at, line);
  started.child.kill(signal);
  await started.ended;
  return started;
}

async function hostOn(mode: Mode, files: Record<string, string>, hooks: Partial<HooksFile> = {}): Promise<HookHost> {
  const at = await hookHost(mode);
  await at.serve(files, hooks, TAG);
  expect((await at.poll()).code).toBe(0);
  return at;
}

describe.each(MODES)('kill -9 with %s', (mode) => {
  test.each(['stage', 'test'] as const)(
    'in a %s hook leaves the old release, and the next run begins again',
    async (kind) => {
      const at = await hostOn(mode, { a: 'old' });
      const hooks = [{ [kind]: hangsOnce(at.beside, kind), run: say(at.beside, 'run') }];
      await at.serve({ a: 'new' }, { hooks }, NEXT_TAG);
      await killed(at, `${kind} begun`);
      expect(await at.tree()).toEqual({ a: 'old' });
      expect((await at.poll()).code).toBe(0);
      expect(await at.tree()).toEqual({ a: 'new' });
      // What the killed run had begun was ended before: two at once would get into each other's way.
      expect(at.lines()).toEqual([`${kind} begun`, `${kind} begun`, `${kind} done`, 'run']);
    },
  );

  test('in a run hook: it and what follows are run by the next run, what was done is not, without a server', async () => {
    const at = await hostOn(mode, { a: 'old' });
    const hooks = [
      { run: say(at.beside, 'one') },
      { run: hangsOnce(at.beside, 'two') },
      { run: say(at.beside, 'three') },
    ];
    await at.serve({ a: 'new' }, { hooks, verify: [{ command: say(at.beside, 'verify') }] }, NEXT_TAG);
    await killed(at, 'two begun');
    expect(await at.tree()).toEqual({ a: 'new' });
    expect((await at.command('status')).stdout).toContain('an activation is under way, with 2 hooks to run');
    at.server.answer = () => ({ status: 503 });
    const next = await at.poll();
    expect(next).toMatchObject({ code: 1, stdout: expect.stringContaining(`now on ${NEXT_TAG}`) });
    expect(at.lines()).toEqual(['one', 'two begun', 'two begun', 'two done', 'three', 'verify']);
    await at.serve({ a: 'new' }, { hooks, verify: [{ command: say(at.beside, 'verify') }] }, NEXT_TAG);
    expect(await at.poll()).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(at.lines()).toHaveLength(6);
    expect(at.server.reports.map(({ outcome }) => outcome)).toEqual(['applied', 'applied', 'failed']);
  });

  test('in a run hook, then something else to apply: the pending ones come first', async () => {
    const at = await hostOn(mode, { a: 'old' });
    await at.serve({ a: 'new' }, { hooks: [{ run: hangsOnce(at.beside, 'new') }] }, NEXT_TAG);
    await killed(at, 'new begun');
    await at.serve({ a: 'newest' }, { hooks: [{ run: say(at.beside, 'newest') }] });
    expect((await at.poll()).code).toBe(0);
    expect(at.lines()).toEqual(['new begun', 'new begun', 'new done', 'newest']);
    expect(await at.tree()).toEqual({ a: 'newest' });
  });

  test('while it verifies: the next run verifies, and goes back if that fails', async () => {
    const at = await hostOn(mode, { a: 'old' });
    const command = `${hangsOnce(at.beside, 'verify')}; false`;
    await at.serve({ a: 'new' }, { verify: [{ command, retries: 0 }] }, NEXT_TAG);
    await killed(at, 'verify begun');
    const next = await at.poll();
    expect(next).toMatchObject({ code: 1, stderr: expect.stringContaining(`went back from ${NEXT_TAG}`) });
    expect(await at.tree()).toEqual({ a: 'old' });
    expect(at.server.reports.at(-1)).toMatchObject({ outcome: 'rolled-back', tag: NEXT_TAG });
    expect(await at.poll()).toMatchObject({ code: 1, stderr: '' });
  });

  test('on the way back: the next run goes on with it, runs what is pending there, tells and reports it', async () => {
    const at = await hookHost(mode);
    const old = `test -e ${at.beside}/second || { touch ${at.beside}/second; exit 0; }; ${hangsOnce(at.beside, 'back')}`;
    await at.serve({ a: 'old' }, { hooks: [{ run: old }, { run: say(at.beside, 'last') }] }, TAG);
    await at.poll();
    await at.serve({ a: 'new' }, { hooks: [{ run: 'false' }] }, NEXT_TAG);
    await killed(at, 'back begun');
    expect(await at.tree()).toEqual({ a: 'old' });
    const next = await at.poll();
    expect(next).toMatchObject({ code: 1, stderr: expect.stringContaining(`went back from ${NEXT_TAG}`) });
    expect(at.lines()).toEqual(['last', 'back begun', 'back begun', 'back done', 'last']);
    expect(at.server.reports.at(-1)).toMatchObject({ outcome: 'rolled-back', tag: NEXT_TAG });
    expect(await at.state()).toMatchObject({ returning: null, running: { tag: TAG }, refused: { tag: NEXT_TAG } });
  });

  test('at 8 random moments: who reads the content has been told of the one in use after each whole run', async () => {
    const at = await hookHost(mode);
    // A service that reads its configuration when it is told, and takes its time.
    const reload = `sleep 0.02; cp a ${at.beside}/loaded`;
    const hooks = {
      hooks: [
        { when: ['a'], run: 'sleep 0.02' },
        { when: ['a'], run: reload },
      ],
    };
    await at.serve({ a: '0' }, hooks);
    const began = performance.now();
    await (await at.start()).ended;
    const usual = performance.now() - began;
    for (let round = 1; round <= 8; round++) {
      await at.serve({ a: String(round) }, hooks);
      const started = await at.start();
      await Promise.race([started.ended, delay(usual * (0.3 + 0.7 * Math.random()))]);
      started.child.kill('SIGKILL');
      await started.ended;
      // A server that stops the host does not stop what was begun.
      if (round % 2 === 0) at.server.answer = () => ({ status: 423 });
      expect((await at.poll()).code).toBe(round % 2 === 0 ? 3 : 0);
      expect(await readFile(join(at.beside, 'loaded'), 'utf8')).toBe((await at.tree())?.['a']);
    }
  });
});

describe('a polite signal', () => {
  test('in a run hook ends the hook, and the next run runs it again and tells', async () => {
    const at = await hostOn('releases', { a: 'old' });
    await at.serve({ a: 'new' }, { hooks: [{ run: hangsOnce(at.beside, 'run') }] }, NEXT_TAG);
    const { ended } = await killed(at, 'run begun', 'SIGTERM');
    expect(await ended).toMatchObject({ code: 143, stderr: expect.stringContaining('stopped by SIGTERM') });
    expect(await at.poll()).toMatchObject({ code: 0, stdout: expect.stringContaining(`now on ${NEXT_TAG}`) });
    expect(at.lines()).toEqual(['run begun', 'run begun', 'run done']);
  });
});

test('kill -9 in a clean hook: the release is still there, and the next run cleans up after it', async () => {
  const at = await hookHost();
  for (const a of ['1', '2', '3']) {
    await at.serve({ a }, { hooks: [{ clean: a === '1' ? hangsOnce(at.beside, 'clean') : 'true' }] });
    await at.poll();
  }
  await at.serve({ a: '4' });
  await killed(at, 'clean begun');
  expect(await at.tree()).toEqual({ a: '4' });
  expect((await at.poll()).code).toBe(0);
  expect(at.lines()).toEqual(['clean begun', 'clean begun', 'clean done']);
});

test('the stop file does not stop what was begun: pending runs are run, and nothing more is done', async () => {
  const at = await hostOn('releases', { a: 'old' });
  await at.serve({ a: 'new' }, { hooks: [{ run: hangsOnce(at.beside, 'run') }] }, NEXT_TAG);
  await killed(at, 'run begun');
  await writeFile(join(at.beside, 'disable'), 'why');
  await at.serve({ a: 'newest' });
  const next = await at.poll();
  expect(next).toMatchObject({ code: 4, stdout: expect.stringContaining(`now on ${NEXT_TAG}`) });
  expect(next.stderr).toContain('disabled');
  expect(at.lines()).toEqual(['run begun', 'run begun', 'run done']);
  expect(await at.tree()).toEqual({ a: 'new' });
});

test('kill -9 in a hook of `tagwave rollback`: the next run goes on with it, and stays there', async () => {
  const at = await hookHost();
  const old = `test -e ${at.beside}/used || { touch ${at.beside}/used; exit 0; }; ${hangsOnce(at.beside, 'back')}`;
  await at.serve({ a: 'old' }, { hooks: [{ run: old }, { run: say(at.beside, 'last') }] }, TAG);
  await at.poll();
  await at.serve({ a: 'new' }, undefined, NEXT_TAG);
  await at.poll();
  const started = await startClient(['rollback', '--hostname', 'web1', '--target', at.target]);
  await begun(at, 'back begun');
  started.child.kill('SIGKILL');
  await started.ended;
  expect(await at.poll()).toMatchObject({ code: 4, stderr: expect.stringContaining(`held at ${TAG}`) });
  expect(at.lines()).toEqual(['last', 'back begun', 'back begun', 'back done', 'last']);
  expect(await at.tree()).toEqual({ a: 'old' });
});

test('a process that has the number of a forgotten hook, but began at another time, is left alone', async () => {
  const at = await hostOn('releases', { a: 'old' });
  await writeFile(join(at.target, '.hook'), `${process.pid} 1\n`);
  expect((await at.poll()).code).toBe(0);
});
