import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { floorHour, type Hour, tagNameOf } from '../protocol/names.ts';
import { openRepository } from '../server/adapters/git/repository.ts';
import type { App } from '../server/compose.ts';
import type { TagRecord } from '../server/core/tag.ts';
import { fetchSource } from '../server/operations/fetch.ts';
import { added, type DiskUse, diskUse } from './disk-use.ts';
import type { Bench } from './part.ts';
import { makeSource } from './source.ts';
import { stopwatch } from './stopwatch.ts';
import { composed, succeeded, tagOf } from './tagging.ts';

/** Tags of a repository in which nothing happens. */
export interface Unchanged {
  readonly tags: number;
  /** Each tag's time, in order. Milliseconds. */
  readonly tagMs: readonly number[];
  /** The same of some more, made where there are ten times as many. */
  readonly among: { readonly tags: number; readonly tagMs: readonly number[] };
  /** What the first of them, on a commit of ten files, added to the repository with that commit. */
  readonly first: DiskUse;
  /** What all that followed added. */
  readonly others: DiskUse;
  /** The same once garbage was collected, against the repository with the first alone likewise. */
  readonly packed: DiskUse;
  readonly reading: readonly Reading[];
}

/** A process that has just started reads all tags. */
export interface Reading {
  readonly tags: number;
  readonly ms: readonly number[];
}

const FILES = 1_000;
const TAGS = 72;
const MANY = 720;
const MORE = 18;
const READINGS = 7;

export async function measureUnchanged({ work, isQuick, progress }: Bench): Promise<Unchanged> {
  const base = join(work, 'base-unchanged');
  const [tags, many] = isQuick ? [8, 80] : [TAGS, MANY];
  const source = await makeSource(join(base, 'trunk'), { files: FILES, committedAt: Date.now() });
  const app = await composed(base);
  try {
    const { context, settings } = app;
    const use = () => diskUse(join(settings.stateDir, 'repository.git'));
    const packedUse = async () => {
      await context.repository.collectGarbage(0);
      return use();
    };
    const firstHour = floorHour(context.time.now()) - many - MORE;
    succeeded(await fetchSource(context));
    const empty = await packedUse();
    await source.commit(Date.now());
    succeeded(await fetchSource(context));
    progress(`${tags} tags of an unchanged repository`);
    await tagOf(context, firstHour);
    const first = await use();
    const firstPacked = await packedUse();
    const before = await use();
    const tagMs: number[] = [];
    for (let more = 1; more < tags; more++) tagMs.push((await tagOf(context, firstHour + more)).tagMs);
    const all = await use();
    const packed = await packedUse();
    const reading = [await readingOf(app, tags)];
    progress(`${many} tags of an unchanged repository`);
    await fill(app, { from: firstHour + tags, count: many - tags });
    await packedUse();
    reading.push(await readingOf(app, many));
    // The first finds what it has not heard of yet.
    await tagOf(context, firstHour + many);
    const among: number[] = [];
    for (let more = 1; more < MORE; more++) among.push((await tagOf(context, firstHour + many + more)).tagMs);
    return {
      tags,
      tagMs,
      among: { tags: many, tagMs: among },
      first: added(empty, first),
      others: added(before, all),
      packed: added(firstPacked, packed),
      reading,
    };
  } finally {
    await app.close();
    await rm(base, { recursive: true });
  }
}

/** Tags whose making is not measured. */
async function fill({ context }: App, { from, count }: { from: Hour; count: number }): Promise<void> {
  const last = context.shelf.current().tags.at(-1);
  if (last === undefined) throw new Error('there is no tag');
  for (let more = 0; more < count; more++) {
    const record: TagRecord = { ...last, hour: from + more, name: tagNameOf(from + more), commits: 0 };
    await context.repository.createTag(record);
  }
}

async function readingOf({ settings }: App, tags: number): Promise<Reading> {
  const ms: number[] = [];
  while (ms.length < READINGS) {
    const repository = openRepository({ stateDir: settings.stateDir, ...settings.repo });
    const reading = stopwatch();
    const { records } = await repository.tags();
    ms.push(reading.ms());
    if (records.length !== tags) throw new Error(`there are ${records.length} tags, not ${tags}`);
  }
  return { tags, ms };
}
