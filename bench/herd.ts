import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Request } from './ask-job.ts';
import { ask } from './asking.ts';
import { type BaseKind, hostNames } from './base.ts';
import { openCpuTime, openEndedCpuTime } from './cpu-time.ts';
import { generate } from './generator.ts';
import type { HerdTaken } from './herd-job.ts';
import { herdLines } from './herd-report.ts';
import { prepareMarks, tagsServed } from './mark.ts';
import type { Bench, Measured } from './part.ts';
import { startTagwave, type TagwaveServer, withServers } from './servers.ts';

const HOSTS = 20_000;
/** A minute of cron with a splay of most of it. */
const SECONDS = 40;
/** As many a second as in the herd, for so long, and nothing has changed. */
const QUIET_SECONDS = 10;
const KIND: BaseKind = { files: 2000, tags: 24, nodes: 'fleet' };
/** One host in so many runs what was released some hours ago; one in so many has nothing that the server knows. */
const ONE_OLD_IN = 10;
const ONE_NEW_IN = 100;
const OLD_TAGS = 5;
const NOTHING = `sha256:${'0'.repeat(64)}`;

/** With what it took of the processor: cores, on average, of the server and of the generator. */
export interface HerdRun extends HerdTaken {
  readonly serverCores: number;
  readonly loadCores: number;
}

export interface HerdFigures {
  readonly hosts: number;
  readonly perSecond: number;
  readonly quiet: HerdRun;
  readonly herd: HerdRun;
}

/** A fleet that asks in the minute after a mark: everybody is told something else, and downloads it. */
export async function measureHerd(bench: Bench): Promise<Measured> {
  const part = bench.isQuick ? 20 : 1;
  const [hosts, seconds, quietSeconds] = [HOSTS / part, SECONDS / part, QUIET_SECONDS / part];
  const figures = await withServers(
    [startTagwave(bench, 'herd', KIND)] as const,
    async ([server]): Promise<HerdFigures> => {
      bench.progress(`${hosts} hosts ask for the first time`);
      const lines = await herdOf(bench, server, hosts);
      bench.progress('a quiet minute');
      const quiet = await run(bench, server, {
        lines: lines.slice(0, (hosts * quietSeconds) / seconds),
        seconds: quietSeconds,
      });
      const put = await prepareMarks(server.base, await tagsServed(server, hosts));
      bench.progress('a mark, and a herd');
      put();
      const herd = await run(bench, server, { lines, seconds });
      return { hosts, perSecond: hosts / seconds, quiet, herd };
    },
  );
  return { lines: herdLines(figures), figures };
}

/** What every host has been told, and what it says that it runs: some lag behind, some are new. */
async function herdOf(bench: Bench, server: TagwaveServer, hosts: number): Promise<string[]> {
  const names = hostNames(hosts, 'fleet');
  const requests = names.map((name): Request => ({ method: 'GET', path: `/v1/nodes/${name}` }));
  const keep = ['etag', 'tagwave-digest'];
  const { kept } = await ask(bench, { url: server.url, requests, expected: 200, keep });
  const old = await oldDigests(bench, server);
  return names.map((name, index) => {
    const [etag, digest] = kept[index] ?? [];
    const lagging = old[(index / ONE_OLD_IN) % old.length];
    const running = index % ONE_NEW_IN === 1 ? NOTHING : (lagging ?? digest);
    return `${JSON.stringify([name, etag, running])}\n`;
  });
}

async function oldDigests(bench: Bench, { url }: TagwaveServer): Promise<string[]> {
  const answer = await fetch(`${url}/v1/tags`);
  const names = [...new Set((await answer.text()).match(/etchautotag-\d{8}-\d{4}/g) ?? [])].sort();
  const requests = names
    .slice(1, 1 + OLD_TAGS)
    .map((tag): Request => ({ method: 'GET', path: `/v1/nodes/probe.example.com?tag=${tag}` }));
  const { kept } = await ask(bench, { url, requests, expected: 200, keep: ['tagwave-digest'] });
  return kept.map(([digest = '']) => digest);
}

interface Running {
  readonly lines: readonly string[];
  readonly seconds: number;
}

async function run(bench: Bench, { url, pid }: TagwaveServer, { lines, seconds }: Running): Promise<HerdRun> {
  const hosts = join(bench.work, `herd-${lines.length}`);
  await writeFile(hosts, lines.join(''));
  const [cpuTime, endedCpuTime] = [await openCpuTime(), await openEndedCpuTime()];
  const before = { server: await cpuTime(pid), load: await endedCpuTime() };
  const taken = await generate(bench, 'herd', { url, hosts, seconds });
  const serverCores = ((await cpuTime(pid)) - before.server) / taken.seconds;
  return { ...taken, serverCores, loadCores: ((await endedCpuTime()) - before.load) / taken.seconds };
}
