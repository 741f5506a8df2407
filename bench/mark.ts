import { renameSync, writeFileSync } from 'node:fs';
import { appendFile, copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FLEET, hostNames } from './base.ts';
import { type Crowd, makeCrowd } from './crowd.ts';
import { percentile } from './figure.ts';
import { generate } from './generator.ts';
import { CONNECTIONS } from './load.ts';
import { markLines } from './mark-report.ts';
import type { Bench, Measured } from './part.ts';
import { monotonicMs, type OnePoll } from './poll-job.ts';
import { roundsOf } from './rounds.ts';
import { startTagwave, type TagwaveServer, withServers } from './servers.ts';

const HOSTS = 5_000;
const ROUNDS = 8;
const LIMIT_MS = 60_000;
/** The generator starts, and the server warms up; what is compared with is taken from the end of it. */
const BEFORE_MS = 1700;
const QUIET_MS = 1000;
/** Time for every host to ask once more, on a slow machine as well. */
const AFTER_MARK_MS = 3000;
const AFTER_KILLSWITCH_MS = 500;

/** Milliseconds, all of them. */
export interface MarkRound {
  readonly quiet: Latency;
  /** Of the polls that began after the mark, until every host knew of it. */
  readonly changed: Latency;
  /** Hosts that were told another tag. */
  readonly told: number;
  /** From the file to the last poll that still began to be answered as before; 0 where there was none. */
  readonly untilLastOld: number;
  /** From the file to the first host that knew. */
  readonly untilFirstNew: number;
  readonly killswitch: { readonly untilLastOld: number; readonly untilFirstNew: number };
}

export interface Latency {
  readonly polls: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What a mark that changes everybody's answer does to those who ask at that moment, and how soon files are heeded. */
export function measureMark(bench: Bench): Promise<Measured> {
  const hosts = bench.isQuick ? HOSTS / 10 : HOSTS;
  return withServers([startTagwave(bench, 'mark', FLEET)] as const, async ([server]) => {
    const crowd = await makeCrowd(bench, server, { name: 'mark', hosts: hostNames(hosts, 'fleet') });
    await crowd.learn();
    const limits = { most: bench.isQuick ? 2 : ROUNDS, least: 2, limitMs: LIMIT_MS };
    const rounds = await roundsOf(limits, async (round) => {
      bench.progress(`a mark and a killswitch, round ${round + 1} of ${limits.most}`);
      const marked = await markRound(bench, server, crowd);
      return { ...marked, killswitch: await killswitchRound(bench, server, crowd) };
    });
    return { lines: markLines(rounds, hosts), figures: { hosts, rounds } };
  });
}

async function markRound(bench: Bench, server: TagwaveServer, crowd: Crowd): Promise<Omit<MarkRound, 'killswitch'>> {
  const tags = await tagsServed(server, crowd.lines);
  const put = await prepareMarks(server.base, tags);
  const { polls, at } = await during(bench, { server, crowd, learn: true, afterMs: AFTER_MARK_MS }, put);
  const news = polls.filter(([began, took, status]) => status === 200 && began + took > at);
  const lastNews = Math.max(...news.map(([began]) => began));
  const changed = polls.filter(([began]) => began >= at && began <= lastNews);
  const told = new Set(news.map(([, , , line]) => line)).size;
  if (told < crowd.lines * 0.9) throw new Error(`only ${told} of ${crowd.lines} hosts were told another tag`);
  return {
    quiet: latencyOf(polls.filter(([began]) => began >= at - QUIET_MS && began < at)),
    changed: latencyOf(changed),
    told,
    ...distances(polls, at, 200),
  };
}

async function killswitchRound(bench: Bench, server: TagwaveServer, crowd: Crowd): Promise<MarkRound['killswitch']> {
  const killswitch = join(server.base, 'killswitch');
  const { polls, at } = await during(bench, { server, crowd, learn: false, afterMs: AFTER_KILLSWITCH_MS }, () =>
    writeFileSync(killswitch, 'a drill\n'),
  );
  await rm(killswitch);
  return distances(polls, at, 423);
}

interface Asking {
  readonly server: TagwaveServer;
  readonly crowd: Crowd;
  readonly learn: boolean;
  readonly afterMs: number;
}

/** Does something in the middle of a load, and answers when it was done, by the clock that the polls are timed by. */
async function during(
  bench: Bench,
  { server, crowd, learn, afterMs }: Asking,
  act: () => void,
): Promise<{ readonly polls: readonly OnePoll[]; readonly at: number }> {
  const how = { connections: CONNECTIONS, close: false, start: 0, seconds: (BEFORE_MS + afterMs) / 1000 };
  const load = { url: server.url, asks: crowd.file, ...how, learn, keep: true };
  const polling = generate(bench, 'polls', load);
  polling.catch(() => undefined);
  await delay(BEFORE_MS);
  act();
  const at = monotonicMs();
  const { polls, broken } = await polling;
  if (broken > 0) throw new Error(`${broken} of ${polls.length} polls got no answer`);
  return { polls, at };
}

/** Old is each host's answer until it is told the new one for the first time. */
function distances(polls: readonly OnePoll[], at: number, newStatus: number): MarkRound['killswitch'] {
  const knowing = new Set<number>();
  let [lastOld, firstNew] = [at, Number.POSITIVE_INFINITY];
  for (const [began, took, status, line] of polls) {
    if (began + took < at) continue;
    if (status === newStatus) {
      knowing.add(line);
      firstNew = Math.min(firstNew, began + took);
    } else if (!knowing.has(line)) lastOld = Math.max(lastOld, began);
  }
  return { untilLastOld: lastOld - at, untilFirstNew: firstNew - at };
}

function latencyOf(polls: readonly OnePoll[]): Latency {
  const took = polls.map(([, ms]) => ms).sort((a, b) => a - b);
  return { polls: took.length, p50: percentile(took, 0.5), p99: percentile(took, 0.99), max: took.at(-1) ?? 0 };
}

/** The hosts of every site are among the first, and with them those of every wave. */
const ASKED = 400;

export async function tagsServed({ url }: TagwaveServer, hosts: number): Promise<ReadonlySet<string>> {
  const tags = new Set<string>();
  for (const host of hostNames(Math.min(ASKED, hosts), 'fleet')) {
    const answer = await fetch(`${url}/v1/nodes/${host}`);
    await answer.arrayBuffer();
    tags.add(answer.headers.get('tagwave-tag') ?? '');
  }
  return tags;
}

/** As an admin's editor does it: beside the old file, then, when what comes back is called, in its place. */
export async function prepareMarks(base: string, tags: ReadonlySet<string>): Promise<() => void> {
  const tagstate = join(base, 'tagstate');
  const fresh = join(base, '.tagstate.new');
  await copyFile(tagstate, fresh).catch(() => undefined);
  await appendFile(fresh, [...tags].map((tag) => `${tag} bad to be measured\n`).join(''));
  return () => renameSync(fresh, tagstate);
}
