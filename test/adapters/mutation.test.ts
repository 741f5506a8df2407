import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { mutations } from '../../server/adapters/git/mutation.ts';
import { refsBelow, resolve } from '../../server/adapters/git/refs.ts';
import { openGit } from '../../server/adapters/git/run.ts';
import { lock, tryLock } from '../../server/adapters/lock.ts';
import { failureOf, unwrap } from '../rig/records.ts';
import { repositoryWith } from '../rig/repository.ts';

async function changeable() {
  const repository = await repositoryWith({ a: 'one' });
  const git = openGit(repository.gitDir);
  const lockFile = join(repository.work, 'lock');
  const head = await repository.head();
  const names = async () => (await refsBelow(git, 'refs/test/')).map((ref) => ref.name);
  return { ...mutations(git, lockFile), git, gitDir: repository.gitDir, lockFile, head, names };
}

describe('a change of refs', () => {
  test('is made by one at a time, and whoever else wants to is told who', async () => {
    const { changeRefs, mutate, lockFile, head, names } = await changeable();
    const seen: string[] = [];
    const first = changeRefs({
      at: 0,
      action: async (apply) => {
        expect(failureOf(await tryLock(lockFile)).sentence).toBe(`${lockFile} is locked by process ${process.pid}`);
        await apply([`create refs/test/a ${head}`]);
        expect(await names()).toEqual(['refs/test/a']);
        // What is written down after it is still under the lock.
        failureOf(await tryLock(lockFile));
        seen.push('first');
      },
    });
    const second = mutate(async () => seen.push('second'));
    await Promise.all([first, second]);
    expect(seen).toEqual(['first', 'second']);
    unwrap(await tryLock(lockFile)).release();
  });

  test('takes effect as a whole or not at all, and one that failed is in nobody’s way', async () => {
    const { changeRefs, head, names } = await changeable();
    const change = (lines: readonly string[]) => changeRefs({ at: 0, action: (apply) => apply(lines) });
    await change([`create refs/test/a ${head}`]);
    const both = [`create refs/test/b ${head}`, `create refs/test/a ${head}`];
    await expect(change(both)).rejects.toThrow('reference already exists');
    await expect(change(['nonsense'])).rejects.toThrow('git update-ref --stdin');
    const thinkBetter = changeRefs({ at: 0, action: () => Promise.reject(new Error('better not')) });
    await expect(thinkBetter).rejects.toThrow('better not');
    expect(await names()).toEqual(['refs/test/a']);
    await change([]);
    await change([`create refs/test/b ${head}`]);
    expect(await names()).toEqual(['refs/test/a', 'refs/test/b']);
  });

  test('finds no file left locked by a git that was killed', async () => {
    const { changeRefs, git, gitDir, head } = await changeable();
    await mkdir(join(gitDir, 'refs/test'), { recursive: true });
    for (const name of ['refs/test/a.lock', 'packed-refs.lock']) await writeFile(join(gitDir, name), '');
    await changeRefs({ at: 0, action: (apply) => apply([`create refs/test/a ${head}`]) });
    expect(await resolve(git, 'refs/test/a')).toBe(head);
  });

  test('of a process that is killed in the middle changes nothing, and frees the lock', async () => {
    const { gitDir, lockFile, names } = await changeable();
    const at = (path: string) => JSON.stringify(join(import.meta.dirname, '../../server/adapters/git', path));
    const script = `const [{ mutations }, { openGit }] = [await import(${at('mutation.ts')}), await import(${at('run.ts')})];
      const [gitDir, lockFile] = process.argv.slice(1);
      await mutations(openGit(gitDir), lockFile).changeRefs({ at: 0, action: (apply) => {
        console.log('held');
        return new Promise(() => setInterval(() => {}, 1000));
      } });`;
    const args = ['--import', 'tsx', '--input-type=module', '-e', script, gitDir, lockFile];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    await once(child.stdout, 'data');
    expect(failureOf(await tryLock(lockFile)).sentence).toContain(`process ${child.pid}`);
    child.kill('SIGKILL');
    unwrap(await lock(lockFile, { waitMs: 10_000 })).release();
    expect(await names()).toEqual([]);
  });

  test('that cannot have the lock says why', async () => {
    const { git, lockFile } = await changeable();
    const { changeRefs } = mutations(git, join(lockFile, 'none/lock'));
    await expect(changeRefs({ at: 0, action: () => Promise.resolve() })).rejects.toThrow(
      'cannot be locked: no such file',
    );
  });
});
