import { chmod, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Hostname } from '../../protocol/names.ts';
import { GitFailed } from '../../server/adapters/git/git-failed.ts';
import { openObjectReader } from '../../server/adapters/git/reader.ts';
import { openGit } from '../../server/adapters/git/run.ts';
import { ambientEnvironment, talk } from '../../server/adapters/git/transport.ts';
import { runExecutable } from '../../server/adapters/programs/executable.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { preparedRepository, sourceRepository } from '../rig/git.ts';
import { failureOf } from '../rig/records.ts';
import { until } from '../rig/until.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

const SECRETS = {
  CREDENTIALS_DIRECTORY: '/run/credentials/tagwave',
  NOTIFY_SOCKET: '/run/notify',
  TAGWAVE_OIDC_CLIENT_SECRET: 'of-the-server',
  TAGWAVE_BASE: '/etc/tagwave',
};
const OF_OTHERS = { API_TOKEN: 'of-somebody', DB_PASSWORD: 'of-somebody-else', AWS_SECRET_ACCESS_KEY: 'of-a-cloud' };
const HARMLESS = { SITE_REGION: 'north', http_proxy: 'http://proxy.example.com:3128' };

function withSecrets(): void {
  for (const [name, value] of Object.entries({ ...SECRETS, ...OF_OTHERS, ...HARMLESS })) vi.stubEnv(name, value);
}

async function script(body: string): Promise<{ readonly path: string; readonly directory: string }> {
  const directory = await disposableDirectory();
  const path = join(directory, 'script');
  await writeFile(path, `#!/bin/sh\n${body}\n`);
  await chmod(path, 0o755);
  return { path, directory };
}

/** Waits until the process that is named in a file is gone. */
async function gone(file: string): Promise<void> {
  const pid = Number(await readFile(file, 'utf8'));
  expect(pid).toBeGreaterThan(1);
  await until('the process to be gone', async () => {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
    return stat.includes(') Z') ? true : undefined;
  });
}

describe('what a child is told of our environment', () => {
  test('a nodetagger learns neither our secrets nor anybody else’s, and the rest as it is', async () => {
    withSecrets();
    const { path, directory } = await script('env');
    const answer = await runExecutable(path, 'a.example.com' as Hostname, { base: directory, seconds: 20 });
    const told = 'text' in answer ? answer.text : expect.unreachable(answer.failed);
    for (const name of Object.keys({ ...SECRETS, ...OF_OTHERS })) expect(told).not.toContain(name);
    for (const [name, value] of Object.entries(HARMLESS)) expect(told).toContain(`${name}=${value}`);
    expect(told).toContain('TZ=UTC');
  });

  test('git and repo.update learn nothing that is only ours, and may use what is theirs', async () => {
    withSecrets();
    const { path, directory } = await script('env; exit 0');
    const { stdout } = await talk([path], { seconds: 20, env: ambientEnvironment(), cwd: directory });
    for (const name of Object.keys(SECRETS)) expect(stdout).not.toContain(name);
    expect(stdout).toContain('API_TOKEN=of-somebody');
  });
});

describe('a command that git runs, or that talks to the outside,', () => {
  test('is ended after its time together with all that it started', async () => {
    const { path, directory } = await script('sleep 1000 & echo $! >child; wait');
    const result = await talk([path], { seconds: 1, env: ambientEnvironment(), cwd: directory });
    expect(result).toMatchObject({ ok: false, timedOut: true });
    await gone(join(directory, 'child'));
  });

  test('may say whatever it likes without end: the beginning of what was asked for and the end of what it complains are kept', async () => {
    const { path } = await script(
      'yes "a line of output" | head -c 20000000; yes grumble | head -c 20000000 >&2; echo last >&2; exit 3',
    );
    const result = await talk([path], { seconds: 60, env: ambientEnvironment() });
    expect(result.ok).toBe(false);
    expect(result.stdout.length).toBeLessThanOrEqual(4 * 1024 * 1024);
    expect(result.stderr.length).toBeLessThanOrEqual(64 * 1024);
    expect(result.stderr.endsWith('grumble\nlast')).toBe(true);
  });

  test('is stopped where it is one for the repository itself, grandchildren included, and says why', async () => {
    const { stateDir } = await preparedRepository({
      kind: 'url',
      url: (await sourceRepository()).directory,
      branch: 'main',
    });
    const place = await disposableDirectory();
    const git = openGit(join(stateDir, 'repository.git'));
    const hang = `!sleep 1000 & echo $! >${place}/child; wait`;
    const failed = await git.plumb(['-c', `alias.hang=${hang}`, 'hang'], { seconds: 1 }).catch((error) => error);
    expect(failed).toBeInstanceOf(GitFailed);
    expect(failed).toMatchObject({
      isLate: true,
      message: expect.stringContaining('stopped because it takes too long'),
    });
    await gone(join(place, 'child'));
  });

  test('is another one where git owes an answer and says nothing; where that is silent too, the question fails', async () => {
    const source = await sourceRepository();
    await source.commit({ a: '1' });
    const gitDir = join(source.directory, '.git');
    const { directory } = await script('');
    const real = (await execa('which', ['git'])).stdout.trim();
    await symlink('/bin/sleep', join(directory, 'sleep'));
    const put = (body: string) => writeFile(join(directory, 'git'), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    const env = { PATH: `${directory}:/usr/bin:/bin`, GIT_DIR: gitDir };
    await put(`[ -e ${directory}/first ] && exec ${real} "$@"; : >${directory}/first; exec sleep 1000`);
    const [found] = await openObjectReader(gitDir, env, { silentMs: 500 }).contents(['HEAD:a']);
    expect(found?.content.toString()).toBe('1');
    await put('exec sleep 1000');
    await expect(openObjectReader(gitDir, env, { silentMs: 100 }).contents(['HEAD:a'])).rejects.toThrow('SIGKILL');
  });
});

test('a source whose git never ends saying something is given up after the time for a fetch', async () => {
  const { path, directory } = await script('exec yes "remote: something to say"');
  const { repository } = await preparedRepository(
    { kind: 'directory', path: directory, update: [path] },
    { fetchTimeoutSeconds: 1 },
  );
  expect(failureOf(await repository.fetch(Date.parse('2026-11-20T08:00:00Z'))).sentence).toContain(
    'took longer than 1 s',
  );
});
