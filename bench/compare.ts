import { type CpuTime, openCpuTime } from './cpu-time.ts';
import type { Crowd } from './crowd.ts';
import { type Figure, figureBy } from './figure.ts';
import type { Load } from './load.ts';
import { inTurn, roundsOf } from './rounds.ts';
import type { Server } from './servers.ts';

/** A server under load, and the hosts that ask it. */
export interface Subject {
  readonly title: string;
  readonly server: Pick<Server, 'url' | 'pid'>;
  readonly crowd: Crowd;
}

export interface Sample {
  readonly pollsPerSecond: number;
  /** Of the server's processor time, all its processes together, for one poll. */
  readonly cpuMicroseconds: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** How much of one core the load generator took. */
  readonly loadCores: number;
}

export type SampleName = keyof Sample;

export interface Compared {
  readonly seconds: number;
  readonly titles: readonly string[];
  /** In the order of the titles. */
  readonly rounds: readonly (readonly Sample[])[];
}

export interface CompareOptions {
  readonly load: Load;
  readonly close: boolean;
  readonly rounds: number;
  readonly seconds: number;
  readonly progress: (text: string) => void;
}

const LEAST_ROUNDS = 3;
const LIMIT_MS = 60_000;

/** Polls that are answered 304, by all subjects in turn: what else the machine does meets all of them. */
export async function compare(subjects: readonly Subject[], options: CompareOptions): Promise<Compared> {
  const tools = { ...options, cpuTime: await openCpuTime() };
  for (const subject of subjects) await sampleOf(subject, tools);
  const limits = { most: options.rounds, least: Math.min(LEAST_ROUNDS, options.rounds), limitMs: LIMIT_MS };
  const rounds = await roundsOf(limits, async (round) => {
    options.progress(`polls, round ${round + 1} of ${options.rounds}`);
    const samples = new Map<Subject, Sample>();
    for (const subject of inTurn(subjects, round)) samples.set(subject, await sampleOf(subject, tools));
    return subjects.flatMap((subject) => samples.get(subject) ?? []);
  });
  return { seconds: options.seconds, titles: subjects.map(({ title }) => title), rounds };
}

const TRIES = 3;

/** Where the hour, and with it the tag, changed in the middle, not all was 304: once more. */
async function sampleOf(subject: Subject, tools: CompareOptions & { readonly cpuTime: CpuTime }): Promise<Sample> {
  const { crowd, server } = subject;
  const { load, cpuTime, close, seconds } = tools;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    if (!crowd.isOfNow()) await crowd.learn();
    const cpuBefore = await cpuTime(server.pid);
    const target = { url: server.url, asks: crowd.file, lines: crowd.lines, close };
    const { requests, failed, cores, ...taken } = await load.burst(target, seconds);
    const cpuSeconds = (await cpuTime(server.pid)) - cpuBefore;
    if (!crowd.isOfNow()) continue;
    if (failed > 0) throw new Error(`${failed} of ${requests} polls of ${subject.title} failed`);
    return {
      pollsPerSecond: requests / taken.seconds,
      cpuMicroseconds: (cpuSeconds * 1_000_000) / requests,
      p50Us: taken.p50Us,
      p99Us: taken.p99Us,
      loadCores: cores,
    };
  }
  throw new Error(`${subject.title} gives another answer at every look`);
}

export function figureOfSubject({ titles, rounds }: Compared, title: string, of: SampleName): Figure {
  return figureBy(rounds, (samples) => sampleAt(samples, titles.indexOf(title))[of]);
}

/** A subject's figure by that of another, round by round. */
export function ratioOf(compared: Compared, of: SampleName, [title, to]: readonly [string, string]): Figure {
  const [one, other] = [compared.titles.indexOf(title), compared.titles.indexOf(to)];
  return figureBy(compared.rounds, (samples) => sampleAt(samples, one)[of] / sampleAt(samples, other)[of]);
}

/** Polls for the same processor time, by those of another: what counts where both have a core. More is better. */
export function perCore(compared: Compared, [title, to]: readonly [string, string]): Figure {
  return ratioOf(compared, 'cpuMicroseconds', [to, title]);
}

function sampleAt(samples: readonly Sample[], index: number): Sample {
  const sample = samples[index];
  if (sample === undefined) throw new Error('a server was left out of a round');
  return sample;
}
