import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { floorHour, type Hour } from '../protocol/names.ts';
import { type App, compose } from '../server/compose.ts';
import type { Context } from '../server/operations/context.ts';
import { fetchSource } from '../server/operations/fetch.ts';
import { makeTag } from '../server/operations/make-tag.ts';
import type { Attempt, Log } from '../server/ports.ts';
import { copyTree } from './copy.ts';
import { added, type DiskUse, diskUse } from './disk-use.ts';
import { makeSource, type Source } from './source.ts';
import { stopwatch } from './stopwatch.ts';

const SIZES = [10_000, 100_000] as const;
const ROUNDS = 7;
const LEAST_ROUNDS = 3;
/** For the rounds of one size; a slow machine does fewer of them. */
const LIMIT_MS = 45_000;

export interface TagFigures {
  readonly files: number;
  readonly rounds: readonly Round[];
}

/** One more tag after a commit of ten files, and the same commit copied. */
export interface Round {
  /** All that makes it a tag: looking up the commit, the check for flaws, the record, the ref. Milliseconds, like all of these. */
  readonly tagMs: number;
  readonly copyMs: number;
  /** Taking the commit in, which every poll of the source does, tag or no tag. */
  readonly fetchMs: number;
  /** The view's manifest, which hosts verify their files by; etch had nothing of the kind. */
  readonly manifestMs: number;
  /** The repository's growth: the objects that the commit brought, and the tag. */
  readonly tagDisk: DiskUse;
  readonly manifestDisk: DiskUse;
  readonly copyDisk: DiskUse;
}

interface TagOptions {
  readonly work: string;
  readonly progress: (text: string) => void;
}

export async function measureTags({ work, progress }: TagOptions): Promise<TagFigures[]> {
  const figures: TagFigures[] = [];
  for (const files of SIZES) {
    const base = join(work, `base-${files}`);
    progress(`a repository of ${files} files`);
    figures.push({ files, rounds: await roundsOf(base, files, progress) });
    await rm(base, { recursive: true });
  }
  return figures;
}

async function roundsOf(base: string, files: number, progress: (text: string) => void): Promise<Round[]> {
  const source = await makeSource(join(base, 'trunk'), { files, committedAt: Date.now() });
  const app = await composed(base);
  try {
    const { context } = app;
    const firstHour = floorHour(context.time.now()) - ROUNDS;
    // The first has to read everything and is not what an hour costs.
    succeeded(await fetchSource(context));
    await tagOf(context, firstHour);
    const rounds: Round[] = [];
    const until = performance.now() + LIMIT_MS;
    while (rounds.length < LEAST_ROUNDS || (rounds.length < ROUNDS && performance.now() < until)) {
      progress(`tags of ${files} files, round ${rounds.length + 1} of ${ROUNDS}`);
      rounds.push(await roundOf({ app, source, base }, firstHour + 1 + rounds.length));
    }
    return rounds;
  } finally {
    await app.close();
  }
}

const quiet: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Tagwave's parts as its commands put them together. */
async function composed(base: string): Promise<App> {
  const flags = { 'repo.fetch_timeout_seconds': 120 };
  const result = await compose({ base, env: {}, flags, role: 'worker', log: quiet });
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.app;
}

interface Site {
  readonly app: App;
  readonly source: Source;
  readonly base: string;
}

async function roundOf({ app, source, base }: Site, hour: Hour): Promise<Round> {
  const { context, settings } = app;
  await source.commit(Date.now());
  const before = await stateUse(settings.stateDir);
  const fetching = stopwatch();
  const { tip } = succeeded(await fetchSource(context));
  const fetchMs = fetching.ms();
  const { tagMs, manifestMs } = await tagOf(context, hour);
  const after = await stateUse(settings.stateDir);
  const gitDir = join(settings.stateDir, 'repository.git');
  const directory = join(base, 'copy');
  const copyMs = await copyTree({ gitDir, commit: tip.id, directory });
  const copyDisk = await diskUse(directory);
  await rm(directory, { recursive: true });
  await context.journal.flush();
  return {
    tagMs,
    copyMs,
    fetchMs,
    manifestMs,
    tagDisk: added(before.repository, after.repository),
    manifestDisk: added(before.views, after.views),
    copyDisk,
  };
}

async function stateUse(stateDir: string): Promise<{ repository: DiskUse; views: DiskUse }> {
  return {
    repository: await diskUse(join(stateDir, 'repository.git')),
    views: await diskUse(join(stateDir, 'views')),
  };
}

/** Makes a tag as the server does on the hour. The manifest, which it makes on the way, is timed apart. */
async function tagOf(context: Context, hour: Hour): Promise<{ tagMs: number; manifestMs: number }> {
  const tip = await context.repository.trunk();
  if (tip === undefined) throw new Error('nothing was fetched');
  let manifestMs = 0;
  const views: Context['views'] = {
    ...context.views,
    async ofTree(tree) {
      const making = stopwatch();
      const view = await context.views.ofTree(tree);
      manifestMs += making.ms();
      return view;
    },
  };
  const whole = stopwatch();
  const made = await makeTag(
    { ...context, views },
    {
      hour,
      commit: tip.commit,
      origin: 'cron',
      stale: false,
      fetched: tip.at,
      reasons: ['made to be measured'],
      by: 'bench',
    },
  );
  const tagMs = whole.ms() - manifestMs;
  const { outcome, record } = succeeded(made);
  if (outcome !== 'created' || record.broken !== null) throw new Error(`${record.name} was not made: ${record.broken}`);
  return { tagMs, manifestMs };
}

function succeeded<Value>(attempt: Attempt<Value>): Value {
  if (!attempt.ok) throw new Error(attempt.sentence);
  return attempt.value;
}
