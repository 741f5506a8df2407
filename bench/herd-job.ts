import { readFileSync } from 'node:fs';
import { type Request, textOf } from './ask-job.ts';
import { percentile } from './figure.ts';
import { monotonicMs } from './poll-job.ts';
import { headerOf, openWire, type Wire, type WireAnswer } from './wire.ts';

export interface HerdJob {
  readonly url: string;
  /** A line for each host: an array of its name, the entity tag of its last answer, and the digest of what it runs. */
  readonly hosts: string;
  /** They begin evenly over so long, whether those before them are done or not. */
  readonly seconds: number;
}

export interface HerdTaken {
  readonly seconds: number;
  readonly polls: Asked;
  readonly downloads: Asked;
  /** How far the generator itself was behind the time at which a host was to begin, 99 % of them at most. Milliseconds. */
  readonly lateMs: number;
}

export interface Asked {
  readonly byStatus: Readonly<Record<string, number>>;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  readonly bytes: number;
}

/** Each host has a connection of its own, asks, and downloads what differs where it is told to change. */
export async function runHerd(job: HerdJob): Promise<HerdTaken> {
  const lines = readFileSync(job.hosts, 'utf8').trimEnd().split('\n');
  const [polls, downloads] = [tally(), tally()];
  const late: number[] = [];
  const running: Promise<void>[] = [];
  const began = monotonicMs();
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const now = monotonicMs();
      const due = Math.min(lines.length, Math.ceil(((now - began) / 1000 / job.seconds) * lines.length));
      for (let next = running.length; next < due; next++) {
        late.push(now - began - (next / lines.length) * job.seconds * 1000);
        running.push(runHost(job.url, JSON.parse(lines[next] ?? '') as Host, { polls, downloads }));
      }
      if (running.length < lines.length) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  await Promise.all(running);
  late.sort((a, b) => a - b);
  const seconds = (monotonicMs() - began) / 1000;
  return { seconds, polls: polls.summary(), downloads: downloads.summary(), lateMs: percentile(late, 0.99) };
}

type Host = readonly [name: string, etag: string, digest: string];

interface Tallies {
  readonly polls: Tally;
  readonly downloads: Tally;
}

async function runHost(url: string, [name, etag, digest]: Host, { polls, downloads }: Tallies): Promise<void> {
  const wire = openWire(url);
  const headers = { 'If-None-Match': etag, 'Tagwave-Running': digest };
  const answer = await timed(wire, { method: 'GET', path: `/v1/nodes/${name}`, headers }, polls);
  const wanted = answer?.status === 200 ? headerOf(answer.head, 'tagwave-digest') : undefined;
  if (wanted !== undefined && wanted !== digest)
    await timed(wire, { method: 'GET', path: `/v1/views/${wanted}/archive?from=${digest}` }, downloads);
  wire.close();
}

async function timed(wire: Wire, request: Request, tally: Tally): Promise<WireAnswer | undefined> {
  const since = monotonicMs();
  const answer = await wire.ask(textOf(request, false)).catch(() => undefined);
  tally.add(monotonicMs() - since, answer);
  return answer;
}

interface Tally {
  add(ms: number, answer: WireAnswer | undefined): void;
  summary(): Asked;
}

function tally(): Tally {
  const took: number[] = [];
  const byStatus: Record<string, number> = {};
  let bytes = 0;
  return {
    add(ms, answer) {
      took.push(ms);
      byStatus[answer?.status ?? 0] = (byStatus[answer?.status ?? 0] ?? 0) + 1;
      bytes += answer?.bytes ?? 0;
    },
    summary() {
      took.sort((a, b) => a - b);
      const [p50Ms, p99Ms, maxMs] = [percentile(took, 0.5), percentile(took, 0.99), took.at(-1) ?? 0];
      return { byStatus, p50Ms, p99Ms, maxMs, bytes };
    },
  };
}
