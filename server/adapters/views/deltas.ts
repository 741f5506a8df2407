import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pLimit from 'p-limit';
import * as z from 'zod/mini';
import { type Digest, hexOf, parseDigest } from '../../../protocol/names.ts';
import type { DeltaWriter } from './delta.ts';
import { singleFlight } from './flight.ts';
import { publish, removeLeftovers } from './publish.ts';
import { type Verified, verified } from './shelf.ts';
import { explained } from './trouble.ts';

/** From one view to another. */
export interface Pair {
  readonly from: Digest;
  readonly to: Digest;
}

interface Parts {
  readonly directory: string;
  /** Bytes that all deltas may take together; 0 = none is made. */
  readonly limit: () => number;
  /** Undefined where no delta can be made. */
  readonly plan: (pair: Pair) => Promise<DeltaWriter | undefined>;
}

interface Kept {
  readonly pair: Pair;
  readonly size: number;
  /** As the file was when it was last read. */
  file?: Verified;
}

const sumSchema = z.strictObject({
  size: z.int().check(z.nonnegative()),
  sha256: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
});

/** Remembering more pairs that are not worth it would cost more than finding that out again. */
const UNFIT_LIMIT = 10_000;
/** However small they are: files cost more than their bytes. */
const MOST_DELTAS = 20_000;

/**
 * Deltas on the disk, `TO-FROM.tar.gz`, each with its sum beside it: made when first asked for, once however many ask, and
 * removed again, the least recently used first, where they become too much. All of it may be lost.
 */
export function openDeltas({ directory, limit, plan }: Parts) {
  const flight = singleFlight<Verified | undefined>();
  const few = pLimit(2);
  /** The least recently used first. */
  const kept = new Map<string, Kept>();
  /** Pairs that no delta is kept for, and how large it would be. */
  const unfit = new Map<string, number>();
  let loading: Promise<void> | undefined;

  const pathOf = (name: string): string => join(directory, `${name}.tar.gz`);
  const sumOf = (name: string): string => join(directory, `${name}.json`);

  /** Those of earlier runs in the order in which they were made. */
  async function load(): Promise<void> {
    await removeLeftovers(directory).catch(() => undefined);
    const found: { name: string; pair: Pair; size: number; madeAt: number }[] = [];
    for (const file of await readdir(directory).catch(() => [])) {
      const pair = pairIn(file);
      const stats = pair && (await stat(join(directory, file)).catch(() => undefined));
      if (pair && stats) found.push({ name: nameOf(pair), pair, size: stats.size, madeAt: stats.mtimeMs });
    }
    found.sort((a, b) => a.madeAt - b.madeAt);
    for (const { name, pair, size } of found) kept.set(name, { pair, size });
  }

  async function find(name: string): Promise<Verified | undefined> {
    const known = kept.get(name);
    if (known === undefined) return undefined;
    const sum = sumSchema.safeParse(await readJson(sumOf(name)));
    const file = sum.success ? await verified(pathOf(name), sum.data.sha256, known.file) : undefined;
    kept.delete(name);
    if (file !== undefined) kept.set(name, { ...known, size: file.size, file });
    return file;
  }

  async function make(pair: Pair): Promise<Verified | undefined> {
    const name = nameOf(pair);
    const writer = await plan(pair);
    if (writer === undefined) return note(name, Number.POSITIVE_INFINITY);
    return explained(`the delta from ${pair.from} to ${pair.to} cannot be stored`, directory, async () => {
      const sum = await publish(pathOf(name), writer);
      if (sum.size > limit()) {
        await remove(name);
        return note(name, sum.size);
      }
      await writeFile(sumOf(name), JSON.stringify(sum), { mode: 0o600 });
      kept.set(name, { pair, size: sum.size });
      await makeRoom(name);
      return find(name);
    });
  }

  function note(name: string, size: number): undefined {
    if (unfit.size >= UNFIT_LIMIT) unfit.clear();
    unfit.set(name, size);
  }

  async function makeRoom(except: string): Promise<void> {
    let total = 0;
    for (const { size } of kept.values()) total += size;
    for (const [name, { size }] of [...kept]) {
      if (total <= limit() && kept.size <= MOST_DELTAS) return;
      if (name === except) continue;
      await remove(name);
      total -= size;
    }
  }

  async function remove(name: string): Promise<void> {
    kept.delete(name);
    await rm(sumOf(name), { force: true });
    await rm(pathOf(name), { force: true });
  }

  return {
    /** Undefined where there is none to be had: the whole archive then is. Throws a sentence where the disk fails. */
    get(pair: Pair): Promise<Verified | undefined> {
      const name = nameOf(pair);
      return flight(name, async () => {
        loading ??= load();
        await loading;
        if (limit() === 0 || (unfit.get(name) ?? 0) > limit()) return undefined;
        return (await find(name)) ?? (await few(() => make(pair)));
      });
    },

    /** Removes the deltas of views that are gone, and those that are too much by now. */
    async retain(isWanted: (pair: Pair) => Promise<boolean>): Promise<void> {
      loading ??= load();
      await loading;
      for (const [name, { pair }] of [...kept]) if (!(await isWanted(pair))) await remove(name);
      await makeRoom('');
    },
  };
}

export type Deltas = ReturnType<typeof openDeltas>;

function nameOf({ from, to }: Pair): string {
  return `${hexOf(to)}-${hexOf(from)}`;
}

function pairIn(file: string): Pair | undefined {
  const [, to, from] = /^([0-9a-f]{64})-([0-9a-f]{64})\.tar\.gz$/.exec(file) ?? [];
  const pair = { from: parseDigest(`sha256:${from}`), to: parseDigest(`sha256:${to}`) };
  return pair.from && pair.to ? { from: pair.from, to: pair.to } : undefined;
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}
