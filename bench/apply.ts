import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { type CpuTime, openCpuTime } from './cpu-time.ts';
import { type Daemon, startGitDaemon, startRsyncDaemon } from './daemons.ts';
import { type Server, serveBase } from './servers.ts';
import { GIT_ENVIRONMENT, makeSource, type Source } from './source.ts';
import { type Timed, timed } from './timed.ts';

const FILES = 10_000;
/** Four times a KiB: 40 MB. */
const SCALE = 4;
const ROUNDS = 7;
const LEAST_ROUNDS = 3;
const LIMIT_MS = 120_000;
const SETTLING_RUNS = 3;

/** What a host does, and the same done by what is at hand everywhere. Of servers and daemons, the CPU time of a run alone. */
export interface ApplyRound {
  /** Node starting and doing nothing. */
  readonly node: Timed;
  /** Node reading the client as far as it has to before it runs any of it, and the client saying which version it is. */
  readonly start: { readonly understood: Timed; readonly version: Timed };
  readonly fresh: { readonly tagwave: Served; readonly rsync: Timed; readonly tar: Timed };
  /** Ten files changed. */
  readonly change: { readonly tagwave: Served; readonly rsync: Timed };
  readonly nothing: { readonly tagwave: Served; readonly rsync: Served; readonly git: Served };
}

export interface Served extends Timed {
  readonly serverCpuMs: number;
}

export interface ApplyFigures {
  readonly files: number;
  readonly rounds: readonly ApplyRound[];
}

interface ApplyOptions {
  readonly dist: string;
  readonly work: string;
  readonly progress: (text: string) => void;
}

/** A host that gets 10,000 files for the first time, then ten changed ones, then nothing new. */
export async function measureApply({ dist, work, progress }: ApplyOptions): Promise<ApplyFigures> {
  progress(`a repository of ${FILES} files, and who serves it`);
  const site = await openSite(dist, join(work, 'apply'));
  try {
    const rounds: ApplyRound[] = [];
    const until = performance.now() + LIMIT_MS;
    while (rounds.length < LEAST_ROUNDS || (rounds.length < ROUNDS && performance.now() < until)) {
      progress(`applying, round ${rounds.length + 1} of ${ROUNDS}`);
      rounds.push(await roundOf(site, rounds.length));
    }
    return { files: FILES, rounds };
  } finally {
    await Promise.all([site.server.stop(), site.rsync.stop(), site.git.stop()]);
    await rm(site.work, { recursive: true, force: true });
  }
}

interface Site {
  readonly work: string;
  readonly client: string;
  readonly cpu: CpuTime;
  readonly source: Source;
  /** The bare repository, and its tip as plain files. */
  readonly repository: string;
  readonly plain: string;
  readonly server: Server;
  readonly rsync: Daemon;
  readonly git: Daemon;
}

async function openSite(dist: string, work: string): Promise<Site> {
  const base = join(work, 'base');
  const repository = join(base, 'trunk');
  const plain = join(work, 'plain');
  await mkdir(base, { recursive: true });
  await writeFile(join(base, 'server.yml'), 'http: { local_changes: true }\n');
  const source = await makeSource(repository, { files: FILES, committedAt: Date.now(), scale: SCALE });
  await mkdir(plain);
  const server = await serveBase(dist, base);
  return {
    work,
    client: join(dist, 'tagwave.cjs'),
    cpu: await openCpuTime(),
    source,
    repository,
    plain,
    server,
    rsync: await startRsyncDaemon(work, plain),
    git: await startGitDaemon(repository),
  };
}

async function roundOf(site: Site, round: number): Promise<ApplyRound> {
  const at = join(site.work, `round-${round}`);
  const target = { tagwave: join(at, 'tagwave'), rsync: join(at, 'rsync'), tar: join(at, 'tar'), git: join(at, 'git') };
  for (const directory of Object.values(target)) await mkdir(directory, { recursive: true });
  await publish(site);
  const archive = join(at, 'plain.tar');
  await execa('tar', ['-C', site.plain, '-cf', archive, '.']);
  await execa('git', ['clone', '--quiet', '--bare', site.git.url, target.git], { env: GIT_ENVIRONMENT });
  // Another host was first: what the server makes once is made.
  const other = join(at, 'other');
  await poll(site, other);
  const node = await timed([process.execPath, '-e', '0']);
  const start = {
    understood: await timed([process.execPath, '--check', site.client]),
    version: await timed([process.execPath, site.client, '--version']),
  };
  const fresh = {
    tagwave: await poll(site, target.tagwave),
    rsync: await timed(['rsync', '-a', `${site.plain}/`, `${target.rsync}/`]),
    tar: await timed(['tar', '-xf', archive, '-C', target.tar]),
  };
  await site.source.commit(Date.now());
  await publish(site);
  await poll(site, other);
  const change = {
    tagwave: await poll(site, target.tagwave),
    rsync: await timed(['rsync', '-a', '--delete', `${site.plain}/`, `${target.rsync}/`]),
  };
  // What the first runs after a change look at twice and remember for all others is no cost of every run; the same for git.
  for (let run = 0; run < SETTLING_RUNS; run++) await poll(site, target.tagwave);
  await execa('git', ['-C', target.git, 'fetch', '--quiet', 'origin', 'main'], { env: GIT_ENVIRONMENT });
  const nothing = {
    tagwave: await poll(site, target.tagwave),
    rsync: await served(site, site.rsync.pid, ['rsync', '-a', '--delete', site.rsync.url, `${target.rsync}/`]),
    git: await served(site, site.git.pid, ['git', '-C', target.git, 'fetch', '--quiet', 'origin', 'main']),
  };
  await rm(at, { recursive: true });
  return { node, start, fresh, change, nothing };
}

/** The tip becomes what the server gives out as trunk, and what lies in `plain`. */
async function publish({ server, repository, plain }: Site): Promise<void> {
  const answer = await fetch(`${server.url}/v1/hooks/push`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{}',
  });
  if (!answer.ok) throw new Error(`the server cannot fetch: ${await answer.text()}`);
  const checkout = ['--git-dir', repository, '--work-tree', plain, 'checkout', '--quiet', '--force', 'main'];
  await execa('git', checkout, { env: GIT_ENVIRONMENT });
}

function poll(site: Site, target: string): Promise<Served> {
  const how = ['--hostname', 'web1.example.com', '--tag', 'trunk', '--config', '/dev/null'];
  const command = [process.execPath, site.client, 'poll', '--server', site.server.url, '--target', target, ...how];
  return served(site, site.server.pid, command);
}

async function served({ cpu }: Site, pid: number, command: readonly string[]): Promise<Served> {
  const before = await cpu(pid);
  const taken = await timed(command, GIT_ENVIRONMENT);
  return { ...taken, serverCpuMs: ((await cpu(pid)) - before) * 1000 };
}
