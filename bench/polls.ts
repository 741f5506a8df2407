import { type CpuTime, openCpuTime } from './cpu-time.ts';
import { type Figure, figureBy } from './figure.ts';
import { CONNECTIONS, findLoad, type Load } from './load.ts';
import { type Server, startTagwave, startYardstick } from './servers.ts';

const ROUNDS = 12;
const LEAST_ROUNDS = 3;
/** For all rounds; where the load generator is slow to start, there are fewer of them. */
const LIMIT_MS = 75_000;
const SECONDS = 1;
const WARM_UP_SECONDS = 1;

export interface PollFigures {
  readonly tool: Load['tool'];
  readonly connections: number;
  readonly hosts: number;
  readonly roundSeconds: number;
  /** Polls per second, Tagwave's by the yardstick's of the same round. */
  readonly timesExpress: Figure;
  readonly timesNode: Figure;
  readonly servers: Readonly<Record<Name, { readonly pollsPerSecond: Figure; readonly cpuMicroseconds: Figure }>>;
}

const NAMES = ['tagwave', 'express', 'node'] as const;
export type Name = (typeof NAMES)[number];
type Servers = Readonly<Record<Name, Server>>;

interface Sample {
  readonly pollsPerSecond: number;
  /** Of the server's processor time, for one poll. */
  readonly cpuMicroseconds: number;
}

interface PollOptions {
  readonly dist: string;
  readonly work: string;
  readonly progress: (text: string) => void;
}

/** Polls that are answered 304, by Tagwave and by the yardsticks in turn: what else the machine does meets all of them. */
export async function measurePolls({ dist, work, progress }: PollOptions): Promise<PollFigures> {
  const tools = { load: await findLoad(work), cpuTime: await openCpuTime() };
  const servers = await startAll(dist, work);
  try {
    for (const name of NAMES) await sampleOf(servers[name], tools, WARM_UP_SECONDS);
    const rounds: Record<Name, Sample>[] = [];
    const until = performance.now() + LIMIT_MS;
    while (rounds.length < LEAST_ROUNDS || (rounds.length < ROUNDS && performance.now() < until)) {
      progress(`polls, round ${rounds.length + 1} of ${ROUNDS}`);
      rounds.push(await roundOf(servers, tools, rounds.length));
    }
    return figuresOf(rounds, tools.load);
  } finally {
    await Promise.all(NAMES.map((name) => servers[name].stop()));
  }
}

/** All of them or none: where one does not start, the others are stopped again. */
async function startAll(dist: string, work: string): Promise<Servers> {
  const starting = [
    startTagwave({ dist, work }),
    startYardstick(dist, 'express'),
    startYardstick(dist, 'node'),
  ] as const;
  try {
    const [tagwave, express, node] = await Promise.all(starting);
    return { tagwave, express, node };
  } catch (error) {
    for (const started of await Promise.allSettled(starting))
      if (started.status === 'fulfilled') await started.value.stop();
    throw error;
  }
}

interface Tools {
  readonly load: Load;
  readonly cpuTime: CpuTime;
}

/** Each round begins with another server: none of them always comes first. */
async function roundOf(servers: Servers, tools: Tools, round: number): Promise<Record<Name, Sample>> {
  const samples: Partial<Record<Name, Sample>> = {};
  for (const index of NAMES.keys()) {
    const name = NAMES[(index + round) % NAMES.length] ?? 'tagwave';
    samples[name] = await sampleOf(servers[name], tools, SECONDS);
  }
  const { tagwave, express, node } = samples;
  if (!tagwave || !express || !node) throw new Error('a server was left out of a round');
  return { tagwave, express, node };
}

const TRIES = 3;

/** Where the hour, and with it the tag, changed in the middle, not all was 304: once more. */
async function sampleOf({ url, pid }: Server, { load, cpuTime }: Tools, seconds: number): Promise<Sample> {
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const etag = await etagOf(url);
    const cpuBefore = await cpuTime(pid);
    const burst = await load.burst({ url, etag }, seconds);
    const cpuSeconds = (await cpuTime(pid)) - cpuBefore;
    if ((await etagOf(url)) !== etag) continue;
    if (burst.failed > 0) throw new Error(`${burst.failed} of ${burst.requests} polls of ${url} failed`);
    return {
      pollsPerSecond: burst.requests / burst.seconds,
      cpuMicroseconds: (cpuSeconds * 1_000_000) / burst.requests,
    };
  }
  throw new Error(`${url} gives another answer at every look`);
}

/** The entity tag to poll with. Throws unless the server answers 304 to it. */
async function etagOf(url: string): Promise<string> {
  const node = `${url}/v1/nodes/web1.example.com`;
  const first = await fetch(node);
  const etag = first.headers.get('etag') ?? '';
  const again = await fetch(node, { headers: { 'If-None-Match': etag } });
  if (first.status !== 200 || again.status !== 304)
    throw new Error(`${node} answered ${first.status} and ${again.status} (${await first.text()})`);
  return etag;
}

function figuresOf(rounds: readonly Record<Name, Sample>[], { tool, hosts }: Load): PollFigures {
  const figures = (name: Name) => ({
    pollsPerSecond: figureBy(rounds, (round) => round[name].pollsPerSecond),
    cpuMicroseconds: figureBy(rounds, (round) => round[name].cpuMicroseconds),
  });
  return {
    tool,
    connections: CONNECTIONS,
    hosts,
    roundSeconds: SECONDS,
    timesExpress: figureBy(rounds, ({ tagwave, express }) => tagwave.pollsPerSecond / express.pollsPerSecond),
    timesNode: figureBy(rounds, ({ tagwave, node }) => tagwave.pollsPerSecond / node.pollsPerSecond),
    servers: { tagwave: figures('tagwave'), express: figures('express'), node: figures('node') },
  };
}
