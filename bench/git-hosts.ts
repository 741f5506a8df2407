import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import pLimit from 'p-limit';
import { openEndedCpuTimeOf } from './cpu-time.ts';
import { startGitHttp, withServers } from './servers.ts';
import { GIT_ENVIRONMENT } from './source.ts';

const AT_ONCE = 4;

export interface GitFetches {
  readonly hosts: number;
  /** Of `git http-backend` and what it starts, for all hosts. Seconds. */
  readonly cpuSeconds: number;
}

interface Options {
  readonly dist: string;
  readonly work: string;
  /** A bare repository whose `main` is one commit ahead of what the hosts have. */
  readonly source: string;
  readonly hosts: number;
}

/** The same change fetched by so many clones from git's own HTTP server. */
export async function fetchByGit({ dist, work, source, hosts }: Options): Promise<GitFetches> {
  const clones = await makeClones(join(work, 'clones'), source, hosts);
  return withServers([startGitHttp(dist, source)] as const, async ([server]) => {
    const cpuTime = await openEndedCpuTimeOf(server.pid);
    const before = await cpuTime();
    const limit = pLimit(AT_ONCE);
    const fetchIn = (clone: string) => git(clone, 'fetch', '--quiet', '--no-tags', server.url, 'main');
    await Promise.all(clones.map((clone) => limit(() => fetchIn(clone))));
    return { hosts, cpuSeconds: (await cpuTime()) - before };
  });
}

/** Each borrows the objects of one that is a commit behind: what the server does for them is the same. */
async function makeClones(directory: string, source: string, hosts: number): Promise<string[]> {
  const behind = join(directory, 'behind');
  await mkdir(behind, { recursive: true });
  await git(source, 'update-ref', 'refs/heads/behind', 'main~1');
  await git(behind, 'init', '--quiet', '--bare', '--template=');
  await git(behind, 'fetch', '--quiet', source, '+refs/heads/behind:refs/heads/main');
  const first = join(directory, 'clone-0');
  await cp(behind, first, { recursive: true, filter: (path) => !path.includes('/objects/') });
  await mkdir(join(first, 'objects/info'), { recursive: true });
  await writeFile(join(first, 'objects/info/alternates'), `${join(behind, 'objects')}\n`);
  const clones = Array.from({ length: hosts }, (_, index) => join(directory, `clone-${index}`));
  for (const clone of clones.slice(1)) await cp(first, clone, { recursive: true });
  return clones;
}

function git(directory: string, ...args: string[]) {
  return execa('git', ['--git-dir', directory, ...args], { env: { ...GIT_ENVIRONMENT, GIT_TERMINAL_PROMPT: '0' } });
}
