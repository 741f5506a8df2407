import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { floorHour, type Hour } from '../protocol/names.ts';
import type { App } from '../server/compose.ts';
import { fetchSource } from '../server/operations/fetch.ts';
import { type BareGit, makeBareGit } from './bare-git.ts';
import { copyTree } from './copy.ts';
import { added, type DiskUse, diskUse } from './disk-use.ts';
import type { Bench } from './part.ts';
import { makeSource, type Source } from './source.ts';
import { stopwatch } from './stopwatch.ts';
import { composed, succeeded, tagOf } from './tagging.ts';
import { measureUnchanged, type Unchanged } from './tags-unchanged.ts';

const SIZES = [1_000, 10_000, 100_000] as const;
const QUICK_SIZES = [200, 1_000, 5_000] as const;
const ROUNDS = 7;
const LEAST_ROUNDS = 3;
/** For the rounds of one size; a slow machine does fewer of them. */
const LIMIT_MS = 45_000;

export interface TagFigures {
  readonly sizes: readonly SizeFigures[];
  readonly unchanged: Unchanged;
}

export interface SizeFigures {
  readonly files: number;
  readonly rounds: readonly Round[];
}

/** One more tag after a commit of ten files, the same commit copied, and the same commit fetched and named by git alone. */
export interface Round {
  /** All that makes it a tag: looking up the commit, the check for flaws, the record, the ref. Milliseconds, like all of these. */
  readonly tagMs: number;
  readonly copyMs: number;
  /** Taking the commit in, which every poll of the source does, tag or no tag. */
  readonly fetchMs: number;
  /** `git fetch` and `git update-ref` into a plain bare repository. */
  readonly bareMs: number;
  /** The view's manifest, which hosts verify their files by; etch had nothing of the kind. */
  readonly manifestMs: number;
  /** The repository's growth: the objects that the commit brought, and the tag. */
  readonly tagDisk: DiskUse;
  readonly manifestDisk: DiskUse;
  readonly copyDisk: DiskUse;
}

export async function measureTags(bench: Bench): Promise<TagFigures> {
  const { work, isQuick, progress } = bench;
  const sizes: SizeFigures[] = [];
  for (const files of isQuick ? QUICK_SIZES : SIZES) {
    const base = join(work, `base-${files}`);
    progress(`a repository of ${files} files`);
    sizes.push({ files, rounds: await roundsOf(bench, base, files) });
    await rm(base, { recursive: true });
  }
  return { sizes, unchanged: await measureUnchanged(bench) };
}

async function roundsOf({ progress, isQuick }: Bench, base: string, files: number): Promise<Round[]> {
  const directory = join(base, 'trunk');
  const source = await makeSource(directory, { files, committedAt: Date.now() });
  const app = await composed(base);
  try {
    const bare = await makeBareGit(join(base, 'bare'), directory);
    const site = { app, source, base, bare };
    const most = isQuick ? LEAST_ROUNDS : ROUNDS;
    const firstHour = floorHour(app.context.time.now()) - most;
    // The first has to read everything and is not what an hour costs.
    await bare.fetchAndName('first');
    succeeded(await fetchSource(app.context));
    await tagOf(app.context, firstHour);
    const rounds: Round[] = [];
    const until = performance.now() + LIMIT_MS;
    while (rounds.length < LEAST_ROUNDS || (rounds.length < most && performance.now() < until)) {
      progress(`tags of ${files} files, round ${rounds.length + 1} of ${most}`);
      rounds.push(await roundOf(site, firstHour + 1 + rounds.length));
    }
    return rounds;
  } finally {
    await app.close();
  }
}

interface Site {
  readonly app: App;
  readonly source: Source;
  readonly base: string;
  readonly bare: BareGit;
}

async function roundOf({ app, source, base, bare }: Site, hour: Hour): Promise<Round> {
  const { context, settings } = app;
  await source.commit(Date.now());
  const before = await stateUse(settings.stateDir);
  // Whoever comes second finds what it reads at hand: they take turns.
  const isFirst = hour % 2 === 0;
  const bareFirst = isFirst ? await bare.fetchAndName(`${hour}`) : undefined;
  const fetching = stopwatch();
  const { tip } = succeeded(await fetchSource(context));
  const fetchMs = fetching.ms();
  const { tagMs, manifestMs } = await tagOf(context, hour);
  const bareMs = bareFirst ?? (await bare.fetchAndName(`${hour}`));
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
    bareMs,
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
