import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { corpusOf } from './corpus.ts';
import { anyBytes, changed } from './inputs.ts';
import type { Target } from './target.ts';

export interface Running {
  readonly seed: number;
  /** Inputs besides the corpus. */
  readonly runs: number;
  /** Of all corpora. */
  readonly corpus: string;
  /** Milliseconds after which no further input is tried. */
  readonly limitMs?: number;
}

export interface Ran {
  readonly inputs: number;
  readonly slowestMs: number;
  readonly slowest: Buffer;
  /** Mebibytes that the process grew by at most. */
  readonly grewMib: number;
  /** Mebibytes of them that are still held when all is answered: what must not grow with what is sent. */
  readonly keptMib: number;
  readonly failure: Failure | undefined;
}

/** What is loaded when it is first used, and what caches may hold, of which each has its own limit. */
export const MOST_KEPT_MIB = 64;

export interface Failure {
  /** As small as it was found to still go wrong. */
  readonly input: Buffer;
  /** Of the corpus. */
  readonly file: string | undefined;
  readonly error: string;
}

/** Tries the corpus, then inputs until one of them goes wrong. Equal seeds try equal inputs. */
export async function fuzz(target: Target, { seed, runs, corpus, limitMs }: Running): Promise<Ran> {
  const kept = corpusOf(corpus, target.name);
  const opened = await target.open();
  const meter = measuring();
  const attempt = async (input: Buffer): Promise<void> => {
    const done = meter.begin(input);
    await opened.check(input);
    done();
  };
  try {
    for (const { file, bytes } of kept) {
      const error = await attempt(bytes).then(() => undefined, wordsOf);
      if (error !== undefined) return { ...meter.read(), failure: { input: bytes, file, error } };
    }
    const details = await fc.check(
      fc.asyncProperty(
        inputsOf(
          target,
          kept.map(({ bytes }) => bytes),
        ),
        attempt,
      ),
      {
        seed,
        numRuns: Math.max(1, runs),
        ...(limitMs === undefined ? {} : { interruptAfterTimeLimit: limitMs, markInterruptAsFailure: false }),
      },
    );
    const [input] = details.counterexample ?? [];
    const failure =
      details.failed && input !== undefined
        ? { input, file: undefined, error: wordsOf(details.errorInstance) }
        : undefined;
    return { ...meter.read(), failure };
  } finally {
    await opened.close?.();
  }
}

function inputsOf({ inputs, words }: Target, kept: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const known = kept.length === 0 ? inputs : fc.constantFrom(...kept);
  return fc.oneof(
    { weight: 4, arbitrary: inputs },
    { weight: 4, arbitrary: changed(known, words) },
    { weight: 3, arbitrary: changed(inputs, words) },
    { weight: 1, arbitrary: anyBytes },
  );
}

function measuring() {
  const heldBefore = heldBytes();
  const before = process.memoryUsage.rss();
  let [inputs, slowestMs, most] = [0, 0, before];
  let slowest: Buffer = Buffer.alloc(0);
  return {
    begin(input: Buffer) {
      inputs++;
      const from = performance.now();
      return () => {
        const took = performance.now() - from;
        if (took > slowestMs) [slowestMs, slowest] = [took, input];
        if (inputs % 64 === 0) most = Math.max(most, process.memoryUsage.rss());
      };
    },
    read: () => ({ inputs, slowestMs, slowest, grewMib: mib(most - before), keptMib: mib(heldBytes() - heldBefore) }),
  };
}

/** What is reachable, in the heap and beside it. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function mib(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
