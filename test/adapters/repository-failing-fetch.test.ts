import { chmod, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Source } from '../../server/adapters/git/obtain.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { preparedRepository, type SourceRepository, sourceRepository } from '../rig/git.ts';
import { failureOf, unwrap } from '../rig/records.ts';
import { until } from '../rig/until.ts';

const at = (time: string): number => Date.parse(`2026-11-20T${time}Z`);
const branchOf = ({ directory }: SourceRepository, branch: string | null = 'main'): Source => ({
  kind: 'url',
  url: directory,
  branch,
});

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('a fetch that fails says why, and leaves everything as it was', () => {
  test('a remote that is gone', async () => {
    const source = await sourceRepository();
    const tip = await source.commit({ a: '1' });
    const { repository } = await preparedRepository(branchOf(source));
    unwrap(await repository.fetch(at('08:00:00')));
    await rename(source.directory, `${source.directory}.away`);
    const { sentence, hint } = failureOf(await repository.fetch(at('08:01:00')));
    expect(sentence).toContain(
      `${source.directory} cannot be reached: fatal: '${source.directory}' does not appear to be a git repository`,
    );
    expect(hint).toContain('repo.url');
    expect(await repository.trunk()).toMatchObject({ commit: tip, at: at('08:00:00') });
    await rename(`${source.directory}.away`, source.directory);
    expect(unwrap(await repository.fetch(at('08:02:00')))).toMatchObject({ previous: tip });
  });

  test('nobody listening, with the password of the address left out', async () => {
    const { repository } = await preparedRepository({
      kind: 'url',
      url: 'http://deploy:s3cret@127.0.0.1:1/x.git',
      branch: 'main',
    });
    const failure = failureOf(await repository.fetch(at('08:00:00')));
    expect(failure.sentence).toContain('http://127.0.0.1:1/x.git cannot be reached');
    expect(JSON.stringify(failure)).not.toContain('s3cret');
  });

  test('a wrong branch, naming the ones there are', async () => {
    const source = await sourceRepository();
    await source.commit({ a: '1' });
    await source.git(['branch', 'feature/x']);
    const { repository } = await preparedRepository(branchOf(source, 'trunk'));
    const { sentence, hint } = failureOf(await repository.fetch(at('08:00:00')));
    expect(sentence).toBe(`${source.directory} has no branch "trunk"; it has feature/x, main`);
    expect(hint).toContain('repo.branch');
    expect(await repository.trunk()).toBeUndefined();
  });

  test('an empty repository, by its branch, its HEAD or as a directory', async () => {
    const source = await sourceRepository();
    for (const from of [
      branchOf(source),
      branchOf(source, null),
      { kind: 'directory', path: source.directory, update: null } as const,
    ]) {
      const { repository } = await preparedRepository(from);
      expect(failureOf(await repository.fetch(at('08:00:00'))).sentence).toBe(
        `${source.directory} is empty: it has no branch`,
      );
    }
  });

  test('a HEAD that names no commit, where other branches have some', async () => {
    const source = await sourceRepository();
    await source.commit({ a: '1' });
    await source.git(['symbolic-ref', 'HEAD', 'refs/heads/none']);
    const { repository } = await preparedRepository(branchOf(source, null));
    expect(failureOf(await repository.fetch(at('08:00:00'))).sentence).toContain(
      'names no commit; its branches are main',
    );
  });

  test('a damaged object', async () => {
    const source = await sourceRepository();
    const tip = await source.commit({ a: 'fine\n' });
    const { repository } = await preparedRepository(branchOf(source));
    unwrap(await repository.fetch(at('08:00:00')));
    await source.commit({ a: 'soon damaged\n' });
    const blob = await source.git(['rev-parse', 'HEAD:a']);
    const path = join(source.directory, '.git/objects', blob.slice(0, 2), blob.slice(2));
    await chmod(path, 0o644);
    await writeFile(path, 'garbage');
    const { sentence, hint } = failureOf(await repository.fetch(at('08:01:00')));
    expect(sentence).toContain(`${source.directory} has damaged or missing objects`);
    expect(hint).toContain('git fsck');
    expect(await repository.trunk()).toMatchObject({ commit: tip });
    await rm(path);
    expect(failureOf(await repository.fetch(at('08:02:00'))).sentence).toContain('has damaged or missing objects');
  });

  test('an object that nobody may make', async () => {
    const source = await sourceRepository();
    const tip = await source.commit({ a: '1' });
    const { repository } = await preparedRepository(branchOf(source));
    unwrap(await repository.fetch(at('08:00:00')));
    const input = Buffer.concat([
      Buffer.from('40000 ..\0'),
      Buffer.from(await source.tree(), 'hex'),
      Buffer.from('100644 a\0'),
      Buffer.from(await source.git(['rev-parse', 'HEAD:a']), 'hex'),
    ]);
    const tree = await source.git(['hash-object', '-t', 'tree', '-w', '--literally', '--stdin'], { input });
    await source.git(['update-ref', 'refs/heads/main', await source.git(['commit-tree', tree, '-p', tip, '-m', 'up'])]);
    expect(failureOf(await repository.fetch(at('08:01:00'))).sentence).toContain("hasDotdot: contains '..'");
    expect(await repository.trunk()).toMatchObject({ commit: tip, at: at('08:00:00') });
  });

  test('a remote that hangs: it is stopped with everything it started, and the next fetch works', async () => {
    const source = await sourceRepository();
    const tip = await source.commit({ a: '1' });
    const { ssh, pids } = await fakeSsh('sleep 1000 & echo $! >> "$0.pids"; trap "" TERM; wait');
    const { repository, stateDir } = await preparedRepository(
      { kind: 'url', url: 'ssh://host/x', branch: 'main' },
      { fetchTimeoutSeconds: 0.5 },
    );
    vi.stubEnv('GIT_SSH_COMMAND', ssh);
    const { sentence, hint } = failureOf(await repository.fetch(at('08:00:00')));
    expect(sentence).toBe('fetching ssh://host/x took longer than 0.5 s and was stopped');
    expect(hint).toContain('repo.fetch_timeout_seconds');
    const started = await pids();
    expect(started).toHaveLength(2);
    await until('the processes to be gone', () => (started.some(isAlive) ? undefined : true));
    vi.unstubAllEnvs();
    const { repository: again } = await preparedRepository(branchOf(source), { stateDir });
    expect(unwrap(await again.fetch(at('08:01:00'))).tip.id).toBe(tip);
  });

  test('a daemon that was left behind with our pipes open does not hold up the answer', async () => {
    const { ssh, pids } = await fakeSsh(
      'setsid sleep 1000 </dev/null >/dev/null & echo $! >> "$0.pids"; echo "x@host: Permission denied (publickey)." >&2; exit 255',
    );
    vi.stubEnv('GIT_SSH_COMMAND', ssh);
    const { repository } = await preparedRepository({ kind: 'url', url: 'ssh://host/x', branch: 'main' });
    const { sentence, hint } = failureOf(await repository.fetch(at('08:00:00')));
    expect(sentence).toBe('ssh://host/x refuses us: x@host: Permission denied (publickey).');
    expect(hint).toContain("as the server's user");
    expect((await pids()).some(isAlive)).toBe(true);
  });

  test('an update command that fails, with its last line, and one that takes too long', async () => {
    const source = await sourceRepository();
    const tip = await source.commit({ a: '1' });
    const directory = { kind: 'directory', path: source.directory } as const;
    const failing = await preparedRepository({
      ...directory,
      update: ['sh', '-c', 'echo one >&2; echo "svn: E170013: no route" >&2; exit 3'],
    });
    const { sentence, hint } = failureOf(await failing.repository.fetch(at('08:00:00')));
    expect(sentence).toContain('(repo.update) failed: svn: E170013: no route');
    expect(hint).toContain(source.directory);
    const slow = await preparedRepository({ ...directory, update: ['sleep', '1000'] }, { fetchTimeoutSeconds: 0.3 });
    expect(failureOf(await slow.repository.fetch(at('08:00:00'))).sentence).toContain(
      "'sleep …' (repo.update) took longer than 0.3 s",
    );
    const missing = await preparedRepository({ ...directory, update: ['no-such-program'] });
    expect(failureOf(await missing.repository.fetch(at('08:00:00'))).sentence).toContain('No such file or directory');
    const working = await preparedRepository({
      ...directory,
      update: ['git', 'commit', '--quiet', '--allow-empty', '--message=by update'],
    });
    vi.stubEnv('GIT_AUTHOR_NAME', 'U');
    vi.stubEnv('GIT_AUTHOR_EMAIL', 'u@x');
    vi.stubEnv('GIT_COMMITTER_NAME', 'U');
    vi.stubEnv('GIT_COMMITTER_EMAIL', 'u@x');
    const fetched = unwrap(await working.repository.fetch(at('08:00:00')));
    expect(fetched.tip.subject).toBe('by update');
    expect(await working.repository.commitsBetween(tip, fetched.tip.id)).toBe(1);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** What git runs instead of ssh, and the processes that it noted; they are ended with the test. */
async function fakeSsh(script: string): Promise<{ ssh: string; pids: () => Promise<number[]> }> {
  const ssh = join(await disposableDirectory(), 'ssh');
  await writeFile(ssh, `#!/bin/sh\necho $$ >> "$0.pids"\n${script}\n`);
  await chmod(ssh, 0o755);
  const pids = async () => (await readFile(`${ssh}.pids`, 'utf8')).trim().split('\n').map(Number);
  onTestFinished(async () => {
    for (const pid of (await pids()).filter(isAlive)) process.kill(pid, 'SIGKILL');
  });
  return { ssh, pids };
}
