import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import type { Request } from './ask-job.ts';
import { ask } from './asking.ts';
import { type BaseKind, hostNames } from './base.ts';
import { type CpuTime, openCpuTime } from './cpu-time.ts';
import { isInstalled, startNginx } from './daemons.ts';
import { fetchByGit, type GitFetches } from './git-hosts.ts';
import { hostsLines } from './hosts-report.ts';
import type { Bench, Measured } from './part.ts';
import { roundsOf } from './rounds.ts';
import { startTagwave, type TagwaveServer, withServers } from './servers.ts';
import { GIT_ENVIRONMENT } from './source.ts';

const HOSTS = 200;
const ROUNDS = 6;
const LIMIT_MS = 60_000;
const KIND: BaseKind = { files: 10_000, scale: 4, tags: 12, nodes: 'plain' };
/** The operating system counts in hundredths of a second: what takes less is done more often. */
const NGINX_TIMES = 20;

/** Of all hosts together. */
export interface Work {
  readonly cpuSeconds: number;
  readonly bytes: number;
}

export interface HostsRound {
  readonly poll: Work;
  /** The first host's download, for which what differs is packed. */
  readonly first: Work;
  readonly download: Work;
  readonly report: Work;
  /** Undefined where nginx is not installed. */
  readonly nginx: Work | undefined;
}

export interface HostsFigures {
  readonly hosts: number;
  readonly files: number;
  readonly rounds: readonly HostsRound[];
  readonly git: GitFetches;
}

/** From one tag to another, ten files of ten thousand: what the server does for the hosts, and what others do for the same. */
export async function measureHosts(bench: Bench): Promise<Measured> {
  const kind = bench.isQuick ? { ...KIND, files: 1000 } : KIND;
  const hosts = bench.isQuick ? HOSTS / 10 : HOSTS;
  bench.progress(`a repository of ${kind.files} files with ${kind.tags} tags`);
  const figures = await withServers([startTagwave(bench, 'hosts', kind)] as const, async ([server]) => {
    const site = { bench, server, cpuTime: await openCpuTime(), names: hostNames(hosts, 'plain') };
    let fleet = await ask(bench, pollsOf(site, undefined));
    const limits = { most: bench.isQuick ? 2 : ROUNDS, least: 2, limitMs: LIMIT_MS };
    const rounds = await roundsOf(limits, async (round) => {
      bench.progress(`${hosts} hosts go to another tag, round ${round + 1} of ${limits.most}`);
      const taken = await roundOf(site, fleet.kept);
      fleet = taken.fleet;
      return { ...taken.round, nginx: await byNginx(site, round) };
    });
    const source = join(server.base, 'trunk');
    bench.progress(`${hosts} times git fetch`);
    const git = await fetchByGit({ dist: bench.dist, work: bench.work, source, hosts });
    return { hosts, files: kind.files, rounds, git };
  });
  return { lines: hostsLines(figures), figures };
}

interface Site {
  readonly bench: Bench;
  readonly server: TagwaveServer;
  readonly cpuTime: CpuTime;
  readonly names: readonly string[];
}

/** Entity tag, digest and tag of each host's last answer. */
type Kept = readonly (readonly string[])[];

function pollsOf({ server, names }: Site, before: Kept | undefined) {
  const requests = names.map((name, index): Request => {
    const [etag, running] = before?.[index] ?? [];
    const headers =
      etag === undefined || running === undefined ? {} : { 'If-None-Match': etag, 'Tagwave-Running': running };
    return { method: 'GET', path: `/v1/nodes/${name}`, headers };
  });
  return { url: server.url, requests, expected: 200, keep: ['etag', 'tagwave-digest', 'tagwave-tag'] };
}

async function roundOf(site: Site, before: Kept) {
  const { bench, server, names } = site;
  await toOtherTag(server, before[0]?.[2] ?? '');
  const [poll, fleet] = await counted(site, () => ask(bench, pollsOf(site, before)));
  const downloads = fleet.kept.map(([, digest], index): Request => {
    const from = before[index]?.[1];
    return { method: 'GET', path: `/v1/views/${digest}/archive?from=${from}` };
  });
  const download = (requests: readonly Request[]) =>
    counted(site, () => ask(bench, { url: server.url, requests, expected: 200 }));
  const [first] = await download(downloads.slice(0, 1));
  const [rest] = await download(downloads.slice(1));
  const reports = fleet.kept.map(([, digest = '', tag = ''], index) => reportOf(names[index] ?? '', { digest, tag }));
  const [report] = await counted(site, () => ask(bench, { url: server.url, requests: reports, expected: 201 }));
  return { fleet, round: { poll, first, download: rest, report } };
}

async function counted<Result extends { readonly bytes: number }>(
  { cpuTime, server }: Site,
  use: () => Promise<Result>,
): Promise<[Work, Result]> {
  const before = await cpuTime(server.pid);
  const result = await use();
  return [{ cpuSeconds: (await cpuTime(server.pid)) - before, bytes: result.bytes }, result];
}

let reports = 0;

export function reportOf(host: string, { digest, tag }: { readonly digest: string; readonly tag: string }): Request {
  const startedAt = new Date().toISOString();
  const run = {
    runId: `bench-run-${++reports}`,
    tag,
    digest,
    outcome: 'applied',
    startedAt,
    durationMs: 850,
    changed: 10,
  };
  return { method: 'POST', path: `/v1/nodes/${host}/reports`, body: JSON.stringify(run) };
}

const MOST_LOOKS = 500;

/** The tag that they have becomes bad; a host that is none of them asks until the server says so. */
async function toOtherTag({ base, url }: TagwaveServer, tag: string): Promise<void> {
  await appendFile(join(base, 'tagstate'), `${tag} bad to be measured\n`);
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    const answer = await fetch(`${url}/v1/nodes/probe.example.com`);
    await answer.arrayBuffer();
    if (answer.status === 200 && answer.headers.get('tagwave-tag') !== tag) return;
  }
  throw new Error(`${tag} was marked bad and is still served`);
}

/** The same ten files, packed beforehand. */
async function byNginx({ bench, server, cpuTime, names }: Site, round: number): Promise<Work | undefined> {
  if (!(await isInstalled('nginx'))) return undefined;
  const directory = join(bench.work, `nginx-hosts-${round}`);
  await mkdir(join(directory, 'files'), { recursive: true });
  const git = (...args: string[]) =>
    execa('git', ['--git-dir', join(server.base, 'trunk'), ...args], { env: GIT_ENVIRONMENT });
  const changed = (await git('diff', '--name-only', `main~${round + 1}`, `main~${round}`)).stdout.split('\n');
  const archive = join(directory, 'files', 'delta.tar.gz');
  await git('archive', '--format=tar.gz', '--output', archive, `main~${round}`, '--', ...changed);
  const location = `location / { root ${join(directory, 'files')}; }`;
  return withServers([startNginx(directory, 'nginx', location)] as const, async ([nginx]) => {
    const requests = Array.from(
      { length: names.length * NGINX_TIMES },
      (): Request => ({ method: 'GET', path: '/delta.tar.gz' }),
    );
    const before = await cpuTime(nginx.pid);
    const { bytes } = await ask(bench, { url: nginx.url, requests, expected: 200 });
    const cpuSeconds = (await cpuTime(nginx.pid)) - before;
    return { cpuSeconds: cpuSeconds / NGINX_TIMES, bytes: bytes / NGINX_TIMES };
  });
}
