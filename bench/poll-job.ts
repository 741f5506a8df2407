import { readFileSync, writeFileSync } from 'node:fs';
import { percentile } from './figure.ts';
import { headerOf, openWire } from './wire.ts';

export interface PollJob {
  readonly url: string;
  /** Lines of a path, the entity tag of the last answer (empty where it is not known) and, where there is one, a token. */
  readonly asks: string;
  readonly connections: number;
  /** A connection for each poll. */
  readonly close: boolean;
  /** The line to begin with. */
  readonly start: number;
  /** Over and over for so long; null: each line once. */
  readonly seconds: number | null;
  /** Whether what is answered becomes the entity tag to ask with next. */
  readonly learn: boolean;
  /** Keep every poll, in the order of their answers. */
  readonly keep: boolean;
}

export interface PollsTaken {
  readonly seconds: number;
  readonly byStatus: Readonly<Record<string, number>>;
  /** No whole answer came. */
  readonly broken: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly polls: readonly OnePoll[];
}

/**
 * When it began, in milliseconds of the system's monotonic clock, how long it took, how it was answered (0: not at all), and
 * which line of the file it was.
 */
export type OnePoll = readonly [beganMs: number, tookMs: number, status: number, line: number];

interface Ask {
  readonly line: number;
  readonly path: string;
  etag: string;
  /** Empty: it has none. */
  readonly token: string;
}

/** Polls as fast as it is answered, over so many connections at once. With `learn` the file is rewritten in the end. */
export async function takePolls(job: PollJob): Promise<PollsTaken> {
  const asks = readAsks(job.asks);
  const polls: OnePoll[] = [];
  const began = monotonicMs();
  const until = job.seconds === null ? Number.POSITIVE_INFINITY : began + job.seconds * 1000;
  let next = 0;
  const nextAsk = (): Ask | undefined => {
    if (monotonicMs() >= until || (job.seconds === null && next >= asks.length)) return undefined;
    return asks[(job.start + next++) % asks.length];
  };
  await Promise.all(Array.from({ length: job.connections }, () => pollOn(job, nextAsk, polls)));
  const seconds = (monotonicMs() - began) / 1000;
  if (job.learn) writeFileSync(job.asks, asks.map((ask) => `${askLine(ask)}\n`).join(''));
  const took = polls.map(([, ms]) => ms).sort((a, b) => a - b);
  return {
    seconds,
    byStatus: countBy(polls),
    broken: polls.filter(([, , status]) => status === 0).length,
    p50Us: percentile(took, 0.5) * 1000,
    p99Us: percentile(took, 0.99) * 1000,
    polls: job.keep ? polls : [],
  };
}

async function pollOn(job: PollJob, nextAsk: () => Ask | undefined, polls: OnePoll[]): Promise<void> {
  const wire = openWire(job.url);
  for (let ask = nextAsk(); ask !== undefined; ask = nextAsk()) {
    const began = monotonicMs();
    const answer = await wire.ask(requestOf(ask, job.close)).catch(() => undefined);
    polls.push([began, monotonicMs() - began, answer?.status ?? 0, ask.line]);
    if (job.learn && answer?.status === 200) ask.etag = headerOf(answer.head, 'etag') ?? '';
  }
  wire.close();
}

/** What a host asks with, as a line of a file of asks. */
export function askLine({ path, etag = '', token = '' }: Pick<Ask, 'path'> & Partial<Ask>): string {
  return token === '' ? `${path} ${etag}` : `${path} ${etag} ${token}`;
}

function requestOf({ path, etag, token }: Ask, close: boolean): string {
  const known = etag === '' ? '' : `If-None-Match: ${etag}\r\n`;
  const shown = token === '' ? '' : `Authorization: Bearer ${token}\r\n`;
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${shown}${known}${close ? 'Connection: close\r\n' : ''}\r\n`;
}

function readAsks(file: string): Ask[] {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines.map((text, line) => {
    const [path = '', etag = '', token = ''] = text.split(' ');
    return { line, path, etag, token };
  });
}

function countBy(polls: readonly OnePoll[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [, , status] of polls) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** The same clock in all processes. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1_000_000;
}
