import { existsSync, lstatSync, readlinkSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { Layout } from '../adapters/layout.ts';
import type { Drifted } from '../core/drift.ts';
import { type Failure, systemFailure } from '../core/failure.ts';
import type { DriftCheckHow, DriftFound, Kept, Place, Recovered, ReleaseInUse } from '../core/place.ts';
import {
  type Aim,
  bring,
  isAsSeen,
  obstacleTo,
  outlookOn,
  remember,
  type Site,
  seenFile,
  siteOf,
  timeAt,
} from './activation.ts';
import { DamagedRelease } from './content.ts';
import type { Overwritten } from './plan.ts';
import { disarm, namesIn, readJournal, readLedger } from './storage.ts';
import { OPEN_FILES, openTree, type Tree } from './tree.ts';
import { undo } from './undo.ts';
import { readWanted, wantedOf } from './wanted.ts';

/** Releases are put onto the tree below `root`, journaled: what is there already is replaced file by file, and comes back one day. */
export function openRootPlace(layout: Layout, root: string): Place {
  const site = siteOf(layout, resolve(root));
  return {
    root: site.root,
    inUse() {
      const ledger = readLedger(site.storage);
      if (ledger === undefined || ledger.release === null) return undefined;
      const { release: name, since } = ledger;
      const isThere = lstatSync(join(layout.releases, name), { throwIfNoEntry: false })?.isDirectory();
      return isThere ? { name, since: new Date(since) } : undefined;
    },
    takenName: () => readLedger(site.storage)?.release ?? undefined,
    recover: () => recover(site),
    async obstacle({ name, entries }) {
      return onTree(site, async (tree) => {
        const aim = { release: name, wanted: await wantedOf(entries) };
        return obstacleTo(site, tree, outlookOn(site, tree, aim));
      });
    },
    async activate({ name, entries }) {
      return bring(site, { release: name, wanted: await wantedOf(entries) });
    },
    withdraw: () => bring(site, NOTHING),
    drift: (release, how) => onTree(site, (tree) => driftOn(site, tree, release, how)),
    repair: (release, drifted) => repair(site, release, drifted),
  };
}

const NOTHING: Aim = { release: null, wanted: new Map() };

async function onTree<Value>({ root }: Site, work: (tree: Tree) => Promise<Value>): Promise<Value> {
  const tree = openTree(root);
  try {
    return await work(tree);
  } finally {
    tree.close();
  }
}

/** Undoes an apply that was killed before it was final, on whichever tree that was; finishes one that only had to be tidied up. */
async function recover(site: Site): Promise<Recovered> {
  try {
    const lost = lostLedger(site);
    if (lost !== undefined) return { told: [], failure: lost };
    const undone = await undoInterrupted(site);
    const recovered = { told: undone ?? [], isUndone: undone !== undefined };
    const failure = flawOfRoot(site.root) ?? flawOfTarget(site);
    return failure === undefined ? recovered : { ...recovered, failure };
  } catch (error) {
    const failure = systemFailure(error);
    if (failure === undefined) throw error;
    return { told: [], failure };
  }
}

/**
 * Something was put onto the tree, and what is not known. Going on would take Tagwave's own files for originals, and drop the
 * true ones as nobody's.
 */
function lostLedger({ storage, layout }: Site): Failure | undefined {
  if (readLedger(storage) !== undefined || readJournal(storage) !== undefined) return undefined;
  if (namesIn(storage.originals).length === 0 || !existsSync(seenFile(layout))) return undefined;
  return {
    sentence: `${storage.applied} is gone: what Tagwave did to the tree is not known`,
    hint: `Nothing is touched. Get it back from a backup; or give up what stood in the tree before, by moving ${storage.originals} away.`,
  };
}

/** Undefined where there was nothing to undo. */
async function undoInterrupted({ storage }: Site): Promise<string[] | undefined> {
  const journal = readJournal(storage);
  const ledger = readLedger(storage);
  if (journal === undefined || journal.id === ledger?.plan) {
    disarm(storage);
    return undefined;
  }
  const tree = openTree(journal.root);
  try {
    const told = await undo(storage, tree, journal);
    disarm(storage);
    const what = ledger?.release == null ? 'as it was before' : `on releases/${ledger.release} as before`;
    return [
      `a run was interrupted while it changed ${journal.root}: that is undone, ${journal.root} is ${what}`,
      ...told,
    ];
  } finally {
    tree.close();
  }
}

function flawOfRoot(root: string): Failure | undefined {
  if (!existsSync(OPEN_FILES))
    return {
      sentence: `there is no ${OPEN_FILES}, without which links cannot be told from directories while a tree is changed`,
      hint: 'Mount /proc, or do without --root.',
    };
  const stats = lstatSync(root, { throwIfNoEntry: false });
  if (stats?.isDirectory()) return undefined;
  if (stats?.isSymbolicLink())
    return {
      sentence: `${root} is a symbolic link to ${JSON.stringify(readlinkSync(root))}: nothing is ever written through a link`,
      hint: 'Give the directory itself with --root.',
    };
  return { sentence: `there is no directory ${root}`, hint: 'Make it, or give another one with --root.' };
}

/** One target, one tree: what it knows of one would be wrong of another. */
function flawOfTarget({ storage, layout, root }: Site): Failure | undefined {
  const ledger = readLedger(storage);
  const { target } = storage;
  if (ledger !== undefined && ledger.root !== root)
    return {
      sentence: `${target} is of the tree ${ledger.root}, and not of ${root}`,
      hint: `Give --root ${ledger.root}, or another directory with --target.`,
    };
  if (ledger === undefined && lstatSync(layout.current, { throwIfNoEntry: false }) !== undefined)
    return {
      sentence: `${layout.current} is there: until now ${target} was used without --root`,
      hint: `Give another directory with --target; or, when nothing uses it any more, remove ${layout.current}.`,
    };
  if (!relative(target, root).startsWith('..'))
    return {
      sentence: `${root} lies in ${target}, where Tagwave keeps its own files`,
      hint: 'Give another directory with --root or with --target.',
    };
  return undefined;
}

async function driftOn(
  site: Site,
  tree: Tree,
  release: ReleaseInUse,
  { thorough, remembers }: DriftCheckHow,
): Promise<DriftFound> {
  const ledger = readLedger(site.storage);
  if (ledger === undefined || ledger.release !== release.name) return 'unknown';
  if (!thorough && isAsSeen(site, tree, ledger.plan)) return [];
  const beganAtMs = remembers ? timeAt(site) : 0;
  const wanted = readWanted(site.storage, ledger.plan);
  const aim = { release: release.name, wanted };
  const { plan, survey } = outlookOn(site, tree, aim, thorough ? { suspects: 'all' } : {});
  const drifted = plan.overwritten.map(driftedOf);
  if (drifted.length === 0 && remembers) remember(site, { plan: ledger.plan, wanted, beganAtMs, looks: survey.looks });
  return drifted;
}

function driftedOf({ path, how }: Overwritten): Drifted {
  return { path, how };
}

async function repair(
  site: Site,
  release: ReleaseInUse,
  drifted: readonly Drifted[],
): Promise<readonly Kept[] | 'stage'> {
  const ledger = readLedger(site.storage);
  if (ledger === undefined || ledger.release !== release.name) return 'stage';
  const wanted = readWanted(site.storage, ledger.plan);
  try {
    return await bring(site, { release: release.name, wanted }, { suspects: new Set(drifted.map(({ path }) => path)) });
  } catch (error) {
    if (error instanceof DamagedRelease) return 'stage';
    throw error;
  }
}
