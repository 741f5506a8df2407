import { copyFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';

const ROOT = join(import.meta.dirname, '../..');

/** A bare repository with the hook, and a clone of it that holds the sample base. */
async function baseInGit() {
  const directory = await disposableDirectory();
  const command = join(directory, 'tagwave-server');
  const loader = join(ROOT, 'node_modules/tsx/dist/esm/index.mjs');
  await writeFile(
    command,
    `#!/bin/sh\nexec '${process.execPath}' --import '${loader}' '${ROOT}/server/main.ts' "$@"\n`,
    {
      mode: 0o755,
    },
  );
  const env = {
    PATH: `${directory}:${process.env['PATH']}`,
    HOME: directory,
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_AUTHOR_NAME: 'a',
    GIT_AUTHOR_EMAIL: 'a@example.com',
    GIT_COMMITTER_NAME: 'a',
    GIT_COMMITTER_EMAIL: 'a@example.com',
  };
  const bare = join(directory, 'base.git');
  const clone = join(directory, 'clone');
  await execa('git', ['init', '-q', '--bare', '-b', 'main', bare], { env });
  await copyFile(join(ROOT, 'samples/hooks/pre-receive'), join(bare, 'hooks/pre-receive'));
  await mkdir(clone);
  await cp(join(ROOT, 'samples/base'), clone, { recursive: true });
  const git = (...args: string[]) => execa('git', args, { cwd: clone, env, extendEnv: false, reject: false });
  await git('init', '-q', '-b', 'main');
  await git('remote', 'add', 'origin', bare);
  const push = async (branch = 'main') => {
    await git('add', '-A');
    await git('commit', '-q', '-m', 'change');
    return git('push', '-q', 'origin', `HEAD:${branch}`);
  };
  const tip = async () => (await execa('git', ['rev-parse', 'main'], { cwd: bare, env, reject: false })).stdout;
  return { clone, git, push, tip };
}

test('a push of control files without errors is taken over, one with errors is refused with all of them', async () => {
  const { clone, git, push, tip } = await baseInGit();
  expect(await push()).toMatchObject({ exitCode: 0 });
  const before = await tip();

  const schedule = await readFile(join(clone, 'schedule.yml'), 'utf8');
  await writeFile(
    join(clone, 'schedule.yml'),
    schedule.replace('hours: 1 ', 'hours: 1h ').replace('hours: 2 ', 'hour: 2 '),
  );
  await writeFile(join(clone, 'nodegroups.yml'), 'a: [b]\nb: [a]\n');
  const refused = await push();
  expect(refused.exitCode).not.toBe(0);
  expect(refused.stderr).toMatch(/schedule\.yml line 4:.*hours/);
  expect(refused.stderr).toMatch(/schedule\.yml line 5:.*hour\b/);
  expect(refused.stderr).toMatch(/nodegroups\.yml line \d+:.*a → b → a/);
  expect(refused.stderr).not.toMatch(/^remote:.*\/base\//m);
  expect(await tip()).toBe(before);

  // Other branches are nobody's base, and the branch itself may be removed.
  expect(await push('work')).toMatchObject({ exitCode: 0 });
  await rm(join(clone, 'nodegroups.yml'));
  await writeFile(join(clone, 'schedule.yml'), schedule);
  expect(await push()).toMatchObject({ exitCode: 0 });
  expect(await tip()).not.toBe(before);
  expect(await git('push', '-q', 'origin', ':work')).toMatchObject({ exitCode: 0 });
});

test('where the check itself cannot run, nothing is taken over', async () => {
  const { clone, git, push, tip } = await baseInGit();
  await rm(join(clone, '../tagwave-server'));
  expect((await push()).exitCode).not.toBe(0);
  expect(await tip()).not.toMatch(/^[0-9a-f]{40}$/);
  expect((await git('rev-parse', 'HEAD')).stdout).toMatch(/^[0-9a-f]{40}$/);
});
