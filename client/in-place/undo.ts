import { lstatSync, renameSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { Refused } from '../core/failure.ts';
import { makeDirectory, remove, setAttributes } from './content.ts';
import { copyAs } from './copies.ts';
import { ancestorsOf, type Change, parentOf } from './found.ts';
import { contentHashOf } from './hash.ts';
import { type KeptCopy, keepCopy } from './kept.ts';
import { homeOf } from './order.ts';
import { type Journal, type Storage, temporaryOf, undoOf } from './storage.ts';
import { isManyOf, syncFileSystems } from './sync.ts';
import type { Tree } from './tree.ts';

/**
 * Brings back what stood in the tree before an apply that was interrupted anywhere, or fails and can then be begun again: what
 * is as it was is left alone, so it does not matter how far the apply came, nor an undoing before this one. What somebody else
 * changed since is left as they made it. Answers sentences to tell.
 */
export async function undo(storage: Storage, tree: Tree, journal: Journal): Promise<readonly string[]> {
  const undoing: Undoing = { storage, tree, journal, told: [], left: new Set(), folders: new Set() };
  const { changes } = journal;
  const changed = new Set(changes.map(({ path }) => path));
  const temporaries = changes.map(({ path }, index) => join(homeOf(path, changed), temporaryOf(journal, index)));
  for (const path of temporaries) removeTemporary(undoing, path);
  const numbered = changes.map((change, index) => ({ change, index }));
  for (const { change, index } of [...numbered].reverse()) takeAway(undoing, change, index);
  for (const { change, index } of numbered) putBack(undoing, change, { index, temporary: temporaries[index] ?? '' });
  await settle(undoing);
  return undoing.told;
}

interface Undoing {
  readonly storage: Storage;
  readonly tree: Tree;
  readonly journal: Journal;
  readonly told: string[];
  /** Paths that somebody else changed. */
  readonly left: Set<string>;
  /** What something was done in. */
  readonly folders: Set<string>;
}

function removeTemporary({ tree, folders }: Undoing, path: string): void {
  if (tree.look(path) === undefined) return;
  const place = tree.at(path);
  tree.within(() => unlinkSync(place));
  folders.add(parentOf(path));
}

/** Takes away what the apply put there, where it is not what belongs there. Inner paths come first. */
function takeAway(undoing: Undoing, change: Change, index: number): void {
  const { tree, folders } = undoing;
  const { path, before, after } = change;
  const now = tree.look(path);
  if (now === undefined) return;
  const isFolder = now.isDirectory();
  if (before !== null && isFolder === (before.kind === 'directory')) return;
  const isOurs = isFolder ? after?.kind === 'directory' : isWritten(undoing, change);
  if (isOurs && isRemoved(tree, path, isFolder)) folders.add(parentOf(path));
  else leave(undoing, change, index);
}

/** Not where somebody put something into a directory. */
function isRemoved(tree: Tree, path: string, isFolder: boolean): boolean {
  try {
    remove(tree, path, isFolder);
    return true;
  } catch (error) {
    if (isFolder && isNotEmpty(error)) return false;
    throw error;
  }
}

function isNotEmpty(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOTEMPTY' || code === 'EEXIST';
}

/** What is there is just what the apply wrote. */
function isWritten({ tree, storage }: Undoing, { path, after }: Change): boolean {
  if (after === null || after.kind === 'directory') return false;
  const now = contentHashOf(tree.at(path));
  if (after.kind === 'entry') return now === after.entry.sha256;
  return now !== undefined && now === contentHashOf(join(storage.originals, after.store));
}

/** Somebody else did something here meanwhile: that stays, and what was there before the apply is kept beside. */
function leave(undoing: Undoing, change: Change, index: number): void {
  const { storage, tree, told, left } = undoing;
  const { path } = change;
  if (left.has(path)) return;
  left.add(path);
  const store = undoOf(storage, change, index);
  const kept = store === undefined ? undefined : keepIfThere(storage, path, store);
  const before = kept === undefined ? '' : `; what was there before is kept as ${kept.place}`;
  told.push(`${join(tree.root, path)} was changed by somebody else meanwhile and is left as it is${before}`);
}

function keepIfThere(storage: Storage, path: string, store: string): KeptCopy | undefined {
  return lstatSync(store, { throwIfNoEntry: false }) === undefined ? undefined : keepCopy(storage, path, store);
}

interface Numbered {
  readonly index: number;
  readonly temporary: string;
}

/** Puts back what stood there. Outer paths come first. */
function putBack(undoing: Undoing, change: Change, { index, temporary }: Numbered): void {
  const { tree, left, folders } = undoing;
  const { path, before } = change;
  if (before === null || left.has(path)) return;
  const folder = parentOf(path);
  const isReachable = !ancestorsOf(path).some((ancestor) => left.has(ancestor)) && isDirectory(tree, folder);
  if (!isReachable) leave(undoing, change, index);
  else if (before.kind !== 'directory') putContentBack(undoing, change, { index, temporary });
  else if (tree.look(path) === undefined) makeDirectory(tree, path, before);
  else setAttributes(tree, path, before);
  if (isReachable) folders.add(folder);
}

function putContentBack(undoing: Undoing, change: Change, { index, temporary }: Numbered): void {
  const { storage, tree } = undoing;
  const { path } = change;
  const now = tree.look(path);
  const store = undoOf(storage, change, index) ?? '';
  const was = lstatSync(store, { throwIfNoEntry: false });
  if (was === undefined) expectBack(undoing, change);
  else if (now !== undefined && now.dev === was.dev && now.ino === was.ino) return;
  else if (now === undefined || isWritten(undoing, change) || isSame(tree, path, store))
    moveBack(tree, { store, path, temporary });
  else leave(undoing, change, index);
}

/** What waited for its return has returned: an undoing before this one was interrupted too. */
function expectBack({ tree, storage }: Undoing, { path, before }: Change): void {
  const now = tree.look(path);
  if (now !== undefined && now.isSymbolicLink() === (before?.kind === 'link') && !now.isDirectory()) return;
  throw new Refused({
    sentence: `${join(tree.root, path)} cannot be brought back: what was kept of it in ${storage.target} is gone`,
    hint: `Put ${path} back from a backup, then remove ${storage.journal} so that runs go on.`,
  });
}

function isSame(tree: Tree, path: string, store: string): boolean {
  return contentHashOf(tree.at(path)) === contentHashOf(store);
}

/** The very file, if it can be: it takes no space, and nothing about it is other than before. */
function moveBack(
  tree: Tree,
  { store, path, temporary }: { readonly store: string; readonly path: string; readonly temporary: string },
): void {
  const place = tree.at(path);
  try {
    tree.within(() => renameSync(store, place));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    const beside = tree.at(temporary);
    tree.within(() => copyAs(store, beside));
    tree.within(() => renameSync(beside, tree.at(path)));
  }
}

function isDirectory(tree: Tree, path: string): boolean {
  return path === '' || tree.look(path)?.isDirectory() === true;
}

async function settle({ tree, folders }: Undoing): Promise<void> {
  const there = new Set([...folders].filter((folder) => isDirectory(tree, folder)));
  if (isManyOf(there.size)) await syncFileSystems(tree, there);
  else for (const folder of there) tree.sync(folder);
}
