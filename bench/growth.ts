import { setTimeout as delay } from 'node:timers/promises';
import { FLEET, hostNames } from './base.ts';
import { type Compared, compare, figureOfSubject } from './compare.ts';
import { type CpuTime, openCpuTime } from './cpu-time.ts';
import { makeCrowd } from './crowd.ts';
import { figureOf } from './figure.ts';
import { growthLines } from './growth-report.ts';
import { findLoad, type Load } from './load.ts';
import { prepareMarks, tagsServed } from './mark.ts';
import { residentBytes } from './memory.ts';
import type { Bench, Measured } from './part.ts';
import { startTagwave, type TagwaveServer, withServers } from './servers.ts';
import { stopwatch } from './stopwatch.ts';

const FLEETS = [10_000, 32_000, 100_000] as const;
const TAGS = [24, 120, 600] as const;
const HOSTS = 1000;

/** A cost at each size, in the order of the sizes. */
export interface Growing {
  readonly of: string;
  readonly unit: string;
  readonly sizes: readonly number[];
  readonly costs: readonly number[];
}

interface Cost {
  readonly of: string;
  readonly unit: string;
  readonly cost: number;
}

/** What things cost at three sizes of the fleet and of the number of tags. */
export async function measureGrowth(bench: Bench): Promise<Measured> {
  const tools = { bench, load: await findLoad(bench), cpuTime: await openCpuTime() };
  const [fleets, tagCounts] = bench.isQuick
    ? [
        [300, 1000, 3000],
        [12, 24, 48],
      ]
    : [FLEETS, TAGS];
  const fleet = await withServers([startTagwave(bench, 'growth', FLEET)] as const, ([server]) =>
    growing(fleets, (size) => costsOfFleet(tools, server, size)),
  );
  const tags = await growing(tagCounts, (size) => costsOfTags(tools, size));
  return { lines: growthLines({ fleet, tags }), figures: { fleet, tags } };
}

async function growing(sizes: readonly number[], measure: (size: number) => Promise<Cost[]>): Promise<Growing[]> {
  const all: Cost[][] = [];
  for (const size of sizes) all.push(await measure(size));
  return (all[0] ?? []).map(({ of, unit }, row) => ({
    of,
    unit,
    sizes,
    costs: all.map((costs) => costs[row]?.cost ?? 0),
  }));
}

interface Tools {
  readonly bench: Bench;
  readonly load: Load;
  readonly cpuTime: CpuTime;
}

async function costsOfFleet(tools: Tools, server: TagwaveServer, size: number): Promise<Cost[]> {
  const { bench, cpuTime } = tools;
  bench.progress(`${size} hosts ask`);
  const began = await cpuTime(server.pid);
  const poll = await pollCost(tools, server, hostNames(size, 'fleet'));
  const status = await requestMs(server, '/v1/status');
  const first = { of: 'all of them asking, with nothing at hand', unit: 's', cost: poll.learning - began };
  return [
    first,
    poll.cost,
    { of: 'GET /v1/status', unit: 'ms', cost: status },
    { of: 'GET /v1/tags', unit: 'ms', cost: await requestMs(server, '/v1/tags') },
    { of: 'a mark that changes every answer', unit: 'ms of CPU', cost: await markCpuMs(tools, server) },
    { of: 'memory', unit: 'MB', cost: (await residentBytes(server.pid)) / 1_000_000 },
  ];
}

async function costsOfTags(tools: Tools, tags: number): Promise<Cost[]> {
  tools.bench.progress(`${tags} tags`);
  const starting = startTagwave(tools.bench, `growth-${tags}`, { ...FLEET, tags });
  return withServers([starting] as const, async ([server]) => {
    const started = await tools.cpuTime(server.pid);
    const poll = await pollCost(tools, server, hostNames(HOSTS, 'fleet'));
    return [
      { of: 'start until ready', unit: 's of CPU', cost: started },
      poll.cost,
      { of: 'GET /v1/tags', unit: 'ms', cost: await requestMs(server, '/v1/tags') },
      { of: 'a mark that changes every answer', unit: 'ms of CPU', cost: await markCpuMs(tools, server) },
    ];
  });
}

/** `learning`: the server's CPU time when every host had asked once. */
async function pollCost(tools: Tools, server: TagwaveServer, hosts: readonly string[]) {
  const { bench, load, cpuTime } = tools;
  const crowd = await makeCrowd(bench, server, { name: 'growth', hosts });
  await crowd.learn();
  const learning = await cpuTime(server.pid);
  const title = 'polls';
  const how = { load, close: false, rounds: 3, seconds: 1, progress: bench.progress };
  const compared: Compared = await compare([{ title, server, crowd }], how);
  const cost = figureOfSubject(compared, title, 'cpuMicroseconds').median;
  return { learning, cost: { of: 'an unchanged poll', unit: 'µs of CPU', cost } };
}

const REQUESTS = 5;

async function requestMs({ url }: TagwaveServer, path: string): Promise<number> {
  const times: number[] = [];
  for (let request = 0; request < REQUESTS; request++) {
    const taking = stopwatch();
    const answer = await fetch(`${url}${path}`);
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`${path} answered ${answer.status}`);
    times.push(taking.ms());
  }
  return figureOf(times).median;
}

/** Everything that a mark is the reason for has been done by then. */
const SETTLED_MS = 1500;

/** Nobody asks meanwhile; what the server does of itself in the same time is not counted. */
async function markCpuMs({ cpuTime }: Tools, server: TagwaveServer): Promise<number> {
  const put = await prepareMarks(server.base, await tagsServed(server, HOSTS));
  const cpuOf = async (act: () => void): Promise<number> => {
    const before = await cpuTime(server.pid);
    act();
    await delay(SETTLED_MS);
    return (await cpuTime(server.pid)) - before;
  };
  const idle = await cpuOf(() => undefined);
  const busy = await cpuOf(put);
  return Math.max(0, busy - idle) * 1000;
}
