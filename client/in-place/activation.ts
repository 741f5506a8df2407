import { createHash, randomBytes } from 'node:crypto';
import { accessSync, constants, type Stats } from 'node:fs';
import { join, relative } from 'node:path';
import type { Digest } from '../../protocol/names.ts';
import type { Layout } from '../adapters/layout.ts';
import { fileTime, recall, takeStock } from '../adapters/stat-cache.ts';
import { type Failure, Refused } from '../core/failure.ts';
import type { Kept } from '../core/place.ts';
import { sameAs } from '../core/sightings.ts';
import { apply } from './apply.ts';
import { type Original, parentOf, type Wanted } from './found.ts';
import { asOne, insideTarget, unchangeable } from './obstacles.ts';
import { homeOf } from './order.ts';
import { type Plan, planOf } from './plan.ts';
import { type Ledger, readLedger, type Storage, storageOf, writeLedger } from './storage.ts';
import { type Survey, survey } from './survey.ts';
import { keepChangesByHand, tellOriginals } from './told.ts';
import { openTree, type Tree } from './tree.ts';
import { dropOtherTrees, keepWanted, ownAttributes, readWanted } from './wanted.ts';

/** A tree, and where what was done to it is kept. */
export interface Site {
  readonly layout: Layout;
  readonly storage: Storage;
  /** An absolute path. */
  readonly root: string;
}

export function siteOf(layout: Layout, root: string): Site {
  return { layout, storage: storageOf(layout), root };
}

/** What the tree is to have. */
export interface Aim {
  /** Below releases/; null: nothing. */
  readonly release: string | null;
  readonly wanted: ReadonlyMap<string, Wanted>;
}

/** A plan, and all that it was made of. */
export interface Outlook {
  readonly id: string;
  readonly plan: Plan;
  readonly old: ReadonlyMap<string, Wanted>;
  readonly ledger: Ledger | undefined;
  readonly survey: Survey;
}

const NONE: ReadonlySet<string> = new Set();

export interface Care {
  /** Paths that are read in any case, or all of them. */
  readonly suspects?: ReadonlySet<string> | 'all';
}

/** Works out what is to be done to the tree. Touches nothing. */
export function outlookOn(
  { layout, storage, root }: Site,
  tree: Tree,
  aim: Aim,
  { suspects = NONE }: Care = {},
): Outlook {
  const ledger = readLedger(storage);
  const old = ledger === undefined ? new Map<string, Wanted>() : readWanted(storage, ledger.plan);
  const directories = new Set(ledger?.directories);
  const originals = new Map(Object.entries<Original>(ledger?.originals ?? {}));
  const sightings =
    suspects === 'all' || ledger === undefined ? undefined : recall(seenFile(layout), seenAs(ledger.plan));
  const surveyed = survey({
    tree,
    old,
    next: aim.wanted,
    directories,
    originals,
    sightings,
    suspects: suspects === 'all' ? NONE : suspects,
  });
  const id = randomBytes(6).toString('hex');
  const plan = planOf({
    old,
    next: aim.wanted,
    found: surveyed.found,
    directories,
    originals,
    directory: ownAttributes(0o755),
    storeOf: (path) => `${createHash('sha256').update(path).digest('hex').slice(0, 32)}-${id}`,
    now: new Date().toISOString(),
    root,
  });
  return { id, plan, old, ledger, survey: surveyed };
}

/** How the files of a plan look that was carried out is remembered under its id. */
function seenAs(plan: string): Digest {
  return `sha256:${createHash('sha256').update(plan).digest('hex')}` as Digest;
}

/** There once something was put onto the tree. */
export function seenFile({ seen }: Layout): string {
  return join(seen, 'root');
}

/** What would make it fail and can be known before. */
export function obstacleTo(
  { storage, root }: Site,
  tree: Tree,
  { plan, survey: { found } }: Outlook,
): Failure | undefined {
  const own = relative(root, storage.target);
  const isIn = (path: string): boolean => `${path}/`.startsWith(`${own}/`);
  const inTarget = own.startsWith('..') ? undefined : plan.changes.find(({ path }) => isIn(path));
  if (inTarget !== undefined) return insideTarget(inTarget.path, storage.target);
  const obstacle = asOne(plan.obstacles);
  if (obstacle !== undefined) return obstacle;
  const changed = new Set(plan.changes.map(({ path }) => path));
  const folders = new Set(plan.changes.flatMap(({ path }) => [homeOf(path, changed), parentOf(path)]));
  for (const folder of folders) {
    if (folder !== '' && found.get(folder)?.kind !== 'directory') continue;
    const failure = whyNotWritable(tree, folder);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

function whyNotWritable(tree: Tree, folder: string): Failure | undefined {
  const place = tree.folder(folder);
  try {
    tree.within(() => accessSync(place, constants.W_OK | constants.X_OK));
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const directory = join(tree.root, folder);
    if (code === 'EROFS')
      return {
        sentence: `${directory} is on a file system that is read-only`,
        hint: 'Mount it writable; the next run tries again. Nothing was touched.',
      };
    if (code === 'EPERM') return unchangeable(directory);
    return {
      sentence: `${directory} is not for this user to write into (${code})`,
      hint: 'Run as root, or as the owner of that directory. Nothing was touched.',
    };
  }
}

/** Brings the tree to what it is to have, all of it or nothing. Tells what it kept and overwrote of others' work. */
export async function bring(site: Site, aim: Aim, care: Care = {}): Promise<readonly Kept[]> {
  const tree = openTree(site.root);
  try {
    const beganAtMs = timeAt(site);
    return await bringTree(site, aim, { tree, beganAtMs, outlook: outlookOn(site, tree, aim, care) });
  } finally {
    tree.close();
  }
}

interface Prepared {
  readonly tree: Tree;
  /** Before anything was looked at. */
  readonly beganAtMs: number;
  readonly outlook: Outlook;
}

async function bringTree(site: Site, aim: Aim, { tree, beganAtMs, outlook }: Prepared): Promise<readonly Kept[]> {
  const { layout, storage, root } = site;
  const { id, plan, old, ledger: before } = outlook;
  const obstacle = obstacleTo(site, tree, outlook);
  if (obstacle !== undefined) throw new Refused(obstacle);
  if (plan.changes.length === 0 && before?.release === aim.release) return [];
  const oldRelease = before?.release == null ? undefined : join(layout.releases, before.release);
  const told = [
    ...(await keepChangesByHand({ storage, tree, old, next: aim.wanted, oldRelease }, plan)),
    ...tellOriginals({ storage, tree }, plan),
    ...plan.left.map(({ path, sentence }) => ({ path, sentence: `${join(root, path)} ${sentence}` })),
  ];
  const isSame = before?.release === aim.release;
  const ledger: Ledger = {
    version: 1,
    root,
    release: aim.release,
    since: isSame ? before.since : new Date().toISOString(),
    plan: id,
    directories: [...plan.directories],
    originals: Object.fromEntries(plan.originals),
  };
  keepWanted(storage, id, aim.wanted);
  const journal = { version: 1, id, root, release: aim.release, changes: plan.changes } as const;
  if (plan.changes.length === 0) writeLedger(storage, ledger);
  else await apply({ storage, tree, journal, release: join(layout.releases, aim.release ?? ''), ledger });
  dropOtherTrees(storage, id);
  const looks = new Map(outlook.survey.looks);
  for (const { path } of plan.changes) lookAgain(tree, looks, path);
  remember(site, { plan: id, wanted: aim.wanted, beganAtMs, looks });
  return told;
}

function lookAgain(tree: Tree, looks: Map<string, Stats>, path: string): void {
  const stats = tree.look(path);
  if (stats === undefined) looks.delete(path);
  else looks.set(path, stats);
}

/** What was found right, and how it looked: before it was read, or once it was written. */
export interface Sight {
  readonly plan: string;
  readonly wanted: ReadonlyMap<string, Wanted>;
  /** Before the first was looked at: what changed since then is read again. */
  readonly beganAtMs: number;
  readonly looks: ReadonlyMap<string, Stats>;
}

/** Remembers how files look that are right. Where that cannot be written they are read again, which costs only time. */
export function remember({ layout, root }: Site, { plan, wanted, ...looked }: Sight): void {
  try {
    takeStock({ file: seenFile(layout), root, digest: seenAs(plan), paths: [...wanted.keys()], looked });
  } catch (error) {
    if (!(error instanceof Error && 'syscall' in error)) throw error;
  }
}

/** Whether every file looks as it did when it was last found right. */
export function isAsSeen({ layout }: Site, tree: Tree, plan: string): boolean {
  const sightings = recall(seenFile(layout), seenAs(plan));
  if (sightings === undefined) return false;
  return sightings.paths.every((path, index) => {
    const stats = tree.look(path);
    return stats !== undefined && sameAs(sightings, index, stats);
  });
}

/** The time by the clock of the target's file system, or one so early that whatever was looked at since is read again. */
export function timeAt({ layout }: Site): number {
  try {
    return fileTime(seenFile(layout));
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) return 0;
    throw error;
  }
}
