import { linkSync, lstatSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { syncDirectory } from '../adapters/publish.ts';
import { Refused, systemFailure } from '../core/failure.ts';
import { makeDirectory, naming, remove, writeContent } from './content.ts';
import { keepAs } from './copies.ts';
import { parentOf } from './found.ts';
import { UNCHANGEABLE_HINT, unchangeable } from './obstacles.ts';
import { homeOf, operationsOf } from './order.ts';
import {
  arm,
  disarm,
  type Journal,
  type Ledger,
  makePrivate,
  readLedger,
  type Storage,
  temporaryOf,
  tidy,
  undoOf,
  writeLedger,
} from './storage.ts';
import { isManyOf, syncFileSystems } from './sync.ts';
import type { Tree } from './tree.ts';
import { undo } from './undo.ts';

export interface Application {
  readonly storage: Storage;
  readonly tree: Tree;
  readonly journal: Journal;
  /** Where the release's files are. */
  readonly release: string;
  /** As it is when all is done. */
  readonly ledger: Ledger;
}

/**
 * Carries out a journal: all of it, or none. What it takes to undo it is written and synced before anything in the tree is
 * touched; what is written is synced before it gets its name; and replacing the ledger makes it final. Throws what went wrong,
 * once the tree is as it was.
 */
export async function apply(application: Application): Promise<void> {
  const { storage, tree, journal, ledger } = application;
  const looks = prepare(application);
  try {
    await fill(application);
    switchOver(application, looks);
    await settle(application);
    writeLedger(storage, ledger);
  } catch (error) {
    if (readLedger(storage)?.plan !== journal.id) await back(application, explained(tree, error));
  }
  disarm(storage);
}

/** Root is refused nothing for its rights: what is left is what chattr(1) does. */
function explained({ root }: Tree, error: unknown): unknown {
  const { code, path } = error as NodeJS.ErrnoException;
  const failure = systemFailure(error);
  const isIt = code === 'EPERM' && process.geteuid?.() === 0 && path?.startsWith(root);
  if (!isIt || failure === undefined) return error;
  return new Refused({ sentence: `${failure.sentence}; is it, or its directory, immutable?`, hint: UNCHANGEABLE_HINT });
}

async function back({ storage, tree, journal }: Application, error: unknown): Promise<never> {
  const why = systemFailure(error);
  let told: readonly string[];
  try {
    told = await undo(storage, tree, journal);
    disarm(storage);
  } catch (second) {
    const whyNot = systemFailure(second);
    if (why === undefined || whyNot === undefined) throw error;
    throw new Refused({
      sentence: `${why.sentence}; and ${tree.root} could not be brought back to what it was: ${whyNot.sentence}`,
      hint: `See to what is in the way: the next run begins with bringing it back. ${why.hint}`,
    });
  }
  if (why === undefined || told.length === 0) throw error;
  throw new Refused({ sentence: [why.sentence, ...told].join('\n'), hint: why.hint });
}

/** How what stood at each path looks, by the change's number. */
type Looks = ReadonlyMap<number, string>;

/** Keeps all that is to be replaced or removed, and writes the plan. Nothing in the tree is touched. */
function prepare({ storage, tree, journal }: Application): Looks {
  const looks = new Map<number, string>();
  try {
    tidy(storage);
    for (const directory of [storage.journal, storage.originals]) makePrivate(directory);
    journal.changes.forEach((change, index) => {
      const store = undoOf(storage, change, index);
      if (store !== undefined) keep(tree, change.path, store);
      looks.set(index, lookOf(tree, change.path));
    });
    for (const directory of [storage.journal, storage.originals, storage.target]) syncDirectory(directory);
    arm(storage, journal);
    return looks;
  } catch (error) {
    disarm(storage);
    throw error;
  }
}

function keep(tree: Tree, path: string, store: string): void {
  const from = tree.at(path);
  try {
    const how = naming(join(tree.root, path), () => tree.within(() => keepAs(from, store)));
    if (how === 'copied' && isUnchangeable(tree, path, store)) throw new Refused(unchangeable(join(tree.root, path)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw moved(tree, path);
    throw error;
  }
}

const NOTHING = 'nothing';

/** What root can give no second name, on a file system where a copy of it can have one. */
function isUnchangeable(tree: Tree, path: string, copy: string): boolean {
  if (process.geteuid?.() !== 0 || tree.look(path)?.dev !== lstatSync(copy).dev) return false;
  const second = `${copy}.second`;
  try {
    linkSync(copy, second);
    rmSync(second);
    return true;
  } catch {
    return false;
  }
}

/** Differs when somebody changed what is there. Not by the time that the kernel keeps of it: our own second names move that. */
function lookOf(tree: Tree, path: string): string {
  const stats = tree.look(path);
  if (stats === undefined) return NOTHING;
  const { ino, size, mtimeMs, mode } = stats;
  return stats.isDirectory() ? `directory ${ino}` : `${ino} ${size} ${mtimeMs} ${mode}`;
}

function moved(tree: Tree, path: string): Refused {
  return new Refused({
    sentence: `${join(tree.root, path)} was changed by somebody else while the release was put into use`,
    hint: 'Everything is as it was before; the next run tries again.',
  });
}

/** Writes all that is new beside the places where it is to be. */
async function fill({ storage, tree, journal, release }: Application): Promise<void> {
  const { changes } = journal;
  const changed = new Set(changes.map(({ path }) => path));
  const homes = new Set<string>();
  const isMany = isManyOf(changes.length);
  changes.forEach((change, index) => {
    const { after, path } = change;
    if (after === null || after.kind === 'directory') return;
    const home = homeOf(path, changed);
    const temporary = tree.at(join(home, temporaryOf(journal, index)));
    homes.add(home);
    tree.within(() => writeContent(temporary, after, { release, originals: storage.originals, isSynced: !isMany }));
  });
  if (isMany) await syncFileSystems(tree, homes);
}

/** Puts everything in its place, as fast as it can be done. */
function switchOver({ tree, journal }: Application, looks: Looks): void {
  const { changes } = journal;
  const changed = new Set(changes.map(({ path }) => path));
  const numbers = new Map(changes.map(({ path }, index) => [path, index]));
  const cleared = new Set<string>();
  for (const { kind, change } of operationsOf(changes)) {
    const { path, before, after } = change;
    const index = numbers.get(path) ?? -1;
    if (lookOf(tree, path) !== (cleared.has(path) ? NOTHING : looks.get(index))) throw moved(tree, path);
    if (kind === 'remove') {
      remove(tree, path, before?.kind === 'directory');
      cleared.add(path);
    } else if (after?.kind === 'directory') {
      makeDirectory(tree, path, after);
    } else {
      const from = tree.at(join(homeOf(path, changed), temporaryOf(journal, index)));
      const to = tree.at(path);
      tree.within(() => renameSync(from, to));
    }
  }
}

async function settle({ tree, journal }: Application): Promise<void> {
  const folders = [...new Set(journal.changes.map(({ path }) => parentOf(path)))].filter(
    (folder) => folder === '' || tree.look(folder)?.isDirectory(),
  );
  if (isManyOf(folders.length)) await syncFileSystems(tree, new Set(folders));
  else for (const folder of folders) tree.sync(folder);
}
