import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { lock, tryLock } from '../../server/adapters/lock.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { holdLock } from '../rig/hold-lock.ts';
import { failureOf, unwrap } from '../rig/records.ts';

const isFree = async (path: string): Promise<boolean> =>
  (await execa('flock', ['--nonblock', path, 'true'], { reject: false })).exitCode === 0;

describe('a lock', () => {
  test.each(['file', 'directory'])('on a %s is had by one at a time, and free when it is released', async (kind) => {
    const path = join(await disposableDirectory(), 'held');
    if (kind === 'directory') await mkdir(path);
    const first = unwrap(await tryLock(path));
    expect(await isFree(path)).toBe(false);
    expect(failureOf(await tryLock(path)).sentence).toContain(`${path} is locked by `);
    first.release();
    first.release();
    expect(await isFree(path)).toBe(true);
    unwrap(await tryLock(path)).release();
  });

  test('names who holds it, where that is one of us', async () => {
    const path = join(await disposableDirectory(), 'lock');
    const held = unwrap(await tryLock(path));
    expect(failureOf(await tryLock(path))).toEqual({
      ok: false,
      sentence: `${path} is locked by process ${process.pid}`,
      hint: `Wait for it to end; 'fuser -v ${path}' shows what has it open.`,
    });
    held.release();
    expect(await readFile(path, 'utf8')).toMatch(new RegExp(`^${process.pid} `));
  });

  test('is waited for, and given up after the time', async () => {
    const path = await disposableDirectory();
    const letGo = await holdLock(path);
    failureOf(await lock(path, { waitMs: 50 }));
    const waiting = lock(path, { waitMs: 20_000 });
    await letGo();
    unwrap(await waiting).release();
  });

  test('is had by each of many that wait, one after the other', async () => {
    const path = await disposableDirectory();
    let holders = 0;
    const turns = Array.from({ length: 8 }, async () => {
      const held = unwrap(await lock(path, { waitMs: 30_000 }));
      expect(++holders).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      holders--;
      held.release();
    });
    await Promise.all(turns);
  });

  test('is gone when its holder is killed', async () => {
    const path = join(await disposableDirectory(), 'lock');
    const script = `const { lock } = await import(${JSON.stringify(join(import.meta.dirname, '../../server/adapters/lock.ts'))});
      await lock(process.argv[1], { waitMs: 0 }); console.log('held'); setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script, path], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    await once(child.stdout, 'data');
    expect(failureOf(await tryLock(path)).sentence).toBe(`${path} is locked by process ${child.pid}`);
    child.kill('SIGKILL');
    await once(child, 'exit');
    unwrap(await lock(path, { waitMs: 10_000 })).release();
  });

  test('that cannot be had at all says why', async () => {
    const directory = await disposableDirectory();
    await writeFile(join(directory, 'file'), '');
    await symlink('loop', join(directory, 'loop'));
    const why = async (path: string) => failureOf(await tryLock(join(directory, path))).sentence;
    expect(await why('missing/lock')).toBe(`${directory}/missing/lock cannot be locked: no such file`);
    expect(await why('file/lock')).toBe(`${directory}/file/lock cannot be locked: a part of its path is no directory`);
    expect(await why('loop')).toBe(`${directory}/loop cannot be locked: too many symbolic links`);
  });
});
