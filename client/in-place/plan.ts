import { comparePaths } from '../../protocol/manifest.ts';
import type { Failure } from '../core/failure.ts';
import {
  type After,
  type Attributes,
  ancestorsOf,
  type Before,
  type Change,
  type Difference,
  differencesOf,
  type Found,
  type Original,
  type Wanted,
} from './found.ts';
import { directoryInTheWay, linkInTheWay, otherInTheWay } from './obstacles.ts';

export interface Situation {
  /** The entries of the release in use, and of the one that is to be. */
  readonly old: ReadonlyMap<string, Wanted>;
  readonly next: ReadonlyMap<string, Wanted>;
  /** What is on the disk, of every path that is looked for here; missing ones are not there. */
  readonly found: ReadonlyMap<string, Found>;
  /** The directories that Tagwave made. */
  readonly directories: ReadonlySet<string>;
  readonly originals: ReadonlyMap<string, Original>;
  /** What a new directory gets. */
  readonly directory: Attributes;
  /** Names the copy of an original. */
  readonly storeOf: (path: string) => string;
  /** RFC 3339. */
  readonly now: string;
  /** The tree's own path, for sentences. */
  readonly root: string;
}

/** A path that Tagwave wrote and somebody changed since, which is about to be overwritten. */
export interface Overwritten {
  readonly path: string;
  readonly how: readonly Difference[];
  /** Its content is neither what was written nor what comes: a copy is to be kept. */
  readonly isToKeep: boolean;
}

export interface Plan {
  /** By path; each path at most once. */
  readonly changes: readonly Change[];
  /** As they are afterwards. */
  readonly originals: ReadonlyMap<string, Original>;
  readonly directories: readonly string[];
  readonly overwritten: readonly Overwritten[];
  /** What left the view and is something else by now. */
  readonly left: readonly { readonly path: string; readonly sentence: string }[];
  readonly obstacles: readonly Failure[];
}

/**
 * What is to be done so that the tree has the files of `next`, and everything else of it is as it would be without Tagwave.
 * Whatever of `next` is as it should be is left alone.
 */
export function planOf(situation: Situation): Plan {
  const draft = draftOf(situation);
  for (const path of directoriesOf(situation.next.keys())) needDirectory(draft, path);
  for (const [path, wanted] of situation.next) place(draft, path, wanted);
  for (const path of situation.old.keys()) if (!situation.next.has(path)) leave(draft, path);
  for (const path of deepestFirst(situation.originals.keys())) giveBack(draft, path);
  for (const path of deepestFirst(situation.directories)) tidy(draft, path);
  const { changes, originals, directories, overwritten, left, obstacles } = draft;
  const sorted = [...changes.values()].sort((a, b) => comparePaths(a.path, b.path));
  return { changes: sorted, originals, directories: [...directories].sort(), overwritten, left, obstacles };
}

interface Draft extends Situation {
  readonly changes: Map<string, Change>;
  readonly originals: Map<string, Original>;
  readonly directories: Set<string>;
  /** Directories that must be there afterwards. */
  readonly needed: Set<string>;
  readonly overwritten: Overwritten[];
  readonly left: { path: string; sentence: string }[];
  readonly obstacles: Failure[];
}

function draftOf(situation: Situation): Draft {
  return {
    ...situation,
    changes: new Map(),
    originals: new Map(situation.originals),
    directories: new Set(situation.directories),
    needed: new Set(),
    overwritten: [],
    left: [],
    obstacles: [],
  };
}

function directoriesOf(paths: Iterable<string>): string[] {
  const all = new Set<string>();
  for (const path of paths) for (const ancestor of ancestorsOf(path)) all.add(ancestor);
  return [...all].sort(comparePaths);
}

function deepestFirst(paths: Iterable<string>): string[] {
  return [...paths].sort((a, b) => comparePaths(b, a));
}

/** Outer directories come first. */
function needDirectory(draft: Draft, path: string): void {
  if (draft.needed.has(path)) return;
  draft.needed.add(path);
  const found = draft.found.get(path);
  if (found?.kind === 'directory') {
    // What was replaced when this was a file is somebody's directory again, as far as the host can tell.
    if (draft.originals.get(path)?.kind === 'directory') draft.originals.delete(path);
    return;
  }
  if (found?.kind === 'other') draft.obstacles.push(otherInTheWay(draft.root, path, found.what));
  else if (found?.kind === 'link' && !draft.old.has(path)) draft.obstacles.push(linkInTheWay(draft.root, path, found));
  else makeDirectory(draft, path, found);
}

function makeDirectory(draft: Draft, path: string, found: Found | undefined): void {
  const original = draft.originals.get(path);
  const keepAs = found === undefined || draft.changes.has(path) ? null : replace(draft, path, found);
  if (original?.kind === 'directory') {
    draft.originals.delete(path);
    change(draft, path, { after: { ...attributesOf(original), kind: 'directory' }, keepAs });
  } else {
    draft.directories.add(path);
    change(draft, path, { after: { ...draft.directory, kind: 'directory' }, keepAs });
  }
}

/** Sees to what stands where something else is to be. Answers where it is kept, where it is an original. */
function replace(draft: Draft, path: string, found: Found): string | null {
  const old = draft.old.get(path);
  if (old === undefined) return keep(draft, path, found);
  const how = differencesOf(found, old);
  if (how.length === 0) return null;
  const next = draft.next.get(path);
  const isKnown = !how.some((one) => one === 'content' || one === 'type') || isContentOf(found, next);
  draft.overwritten.push({ path, how, isToKeep: !isKnown });
  return null;
}

function isContentOf(found: Found, wanted: Wanted | undefined): boolean {
  return wanted !== undefined && !differencesOf(found, wanted).some((one) => one === 'content' || one === 'type');
}

/** What was kept first stays the original: whatever came to stand there since is kept like any change by hand. */
function keep(draft: Draft, path: string, found: Found): string | null {
  if (found.kind === 'other') return null;
  const known = draft.originals.get(path);
  if (known !== undefined && known.kind !== 'directory') {
    if (found.kind !== 'directory') draft.overwritten.push({ path, how: ['content'], isToKeep: true });
    return null;
  }
  const attributes = attributesOf(found);
  if (found.kind === 'directory') {
    if (known === undefined) draft.originals.set(path, { kind: 'directory', ...attributes, keptAt: draft.now });
    return null;
  }
  const store = draft.storeOf(path);
  draft.originals.set(path, { kind: found.kind, store, ...attributes, keptAt: draft.now });
  return store;
}

function place(draft: Draft, path: string, wanted: Wanted): void {
  const found = draft.found.get(path);
  const after: After = { kind: 'entry', ...wanted };
  if (found?.kind === 'other') {
    obstruct(draft, path, otherInTheWay(draft.root, path, found.what));
  } else if (found?.kind === 'directory') {
    const others = clear(draft, path, { isOthers: true });
    if (others === undefined) change(draft, path, { after, keepAs: null });
    else obstruct(draft, path, directoryInTheWay(draft.root, path, others));
  } else {
    const old = draft.old.get(path);
    if (old !== undefined && differencesOf(found, wanted).length === 0) return;
    if (found === undefined && old !== undefined) draft.overwritten.push({ path, how: ['missing'], isToKeep: false });
    change(draft, path, { after, keepAs: found === undefined ? null : replace(draft, path, found) });
  }
}

function obstruct(draft: Draft, path: string, obstacle: Failure): void {
  draft.obstacles.push(obstacle);
  if (draft.old.has(path)) draft.overwritten.push({ path, how: ['type'], isToKeep: false });
}

/** A path of the old release that the next one does not have. */
function leave(draft: Draft, path: string): void {
  const found = draft.found.get(path);
  if (found === undefined || draft.changes.has(path)) return;
  if (found.kind === 'directory') {
    if (draft.needed.has(path) || isBelowEntry(draft, path)) return;
    draft.left.push({ path, sentence: 'is a directory that somebody made where a file was: it is left alone' });
  } else if (found.kind === 'other') {
    draft.left.push({ path, sentence: `is a ${found.what} by now: it is left alone` });
  } else {
    change(draft, path, { after: null, keepAs: replace(draft, path, found) });
  }
}

function isBelowEntry({ next }: Situation, path: string): boolean {
  return ancestorsOf(path).some((ancestor) => next.has(ancestor));
}

/** Puts an original back, where its path is no longer the view's and nothing that is needed stands in its way. */
function giveBack(draft: Draft, path: string): void {
  const original = draft.originals.get(path);
  if (original === undefined || draft.next.has(path) || !canStand(draft, path)) return;
  if (draft.needed.has(path)) return;
  const found = draft.found.get(path);
  const after: After =
    original.kind === 'directory'
      ? { ...attributesOf(original), kind: 'directory' }
      : { ...attributesOf(original), kind: 'original', store: original.store, isKept: false };
  if (found?.kind === 'directory') {
    if (original.kind === 'directory') draft.originals.delete(path);
    else if (draft.directories.has(path) && clear(draft, path, { isOthers: false }) === undefined)
      putBack(draft, path, after);
    return;
  }
  const planned = draft.changes.get(path);
  // Somebody else's file stands there by now: that stays, and the original is kept on.
  if (found === undefined || planned !== undefined) putBack(draft, path, after);
}

function putBack(draft: Draft, path: string, after: After): void {
  for (const ancestor of ancestorsOf(path)) needDirectory(draft, ancestor);
  if (after.kind === 'directory') draft.needed.add(path);
  draft.originals.delete(path);
  draft.directories.delete(path);
  change(draft, path, { after, keepAs: null });
}

/** Every directory above it is one, or can be made. */
function canStand(draft: Draft, path: string): boolean {
  return ancestorsOf(path).every((ancestor) => {
    if (draft.next.has(ancestor)) return false;
    const found = draft.found.get(ancestor);
    return found === undefined || found.kind === 'directory' || draft.changes.has(ancestor);
  });
}

/** Removes a directory that Tagwave made and nobody needs any more. */
function tidy(draft: Draft, path: string): void {
  const found = draft.found.get(path);
  if (draft.needed.has(path) || draft.changes.get(path)?.after?.kind === 'directory') return;
  if (found?.kind !== 'directory' || draft.changes.has(path)) draft.directories.delete(path);
  else if (clear(draft, path, { isOthers: false }) === undefined) change(draft, path, { after: null, keepAs: null });
}

/**
 * Plans the removal of what is in a directory, where all of it is Tagwave's and goes. Answers one path that is not and keeps
 * the directory, without planning anything then. With `isOthers` also empty directories that are somebody else's go, to be given back one day.
 */
function clear(draft: Draft, path: string, { isOthers }: { readonly isOthers: boolean }): string | undefined {
  const folders: string[] = [];
  const open = [path];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop()) {
    const found = draft.found.get(folder);
    if (draft.needed.has(folder) || found?.kind !== 'directory' || found.names === null) return folder;
    if (!isOthers && !draft.directories.has(folder)) return folder;
    folders.push(folder);
    for (const name of found.names) {
      const child = `${folder}/${name}`;
      if (draft.changes.get(child)?.after === null) continue;
      if (draft.found.get(child)?.kind === 'directory') open.push(child);
      else if (!isLeaving(draft, child)) return child;
    }
  }
  for (const folder of folders) clearFolder(draft, folder, folder === path);
  return undefined;
}

function clearFolder(draft: Draft, folder: string, isOutermost: boolean): void {
  const found = draft.found.get(folder);
  if (draft.old.has(folder)) draft.overwritten.push({ path: folder, how: ['type'], isToKeep: false });
  else if (found?.kind === 'directory' && !draft.directories.has(folder)) keep(draft, folder, found);
  draft.directories.delete(folder);
  if (!isOutermost) change(draft, folder, { after: null, keepAs: null });
}

function isLeaving({ old, next, changes }: Draft, path: string): boolean {
  if (next.has(path)) return false;
  const planned = changes.get(path);
  return planned === undefined ? old.has(path) : planned.after === null;
}

function change(draft: Draft, path: string, { after, keepAs }: Pick<Change, 'after' | 'keepAs'>): void {
  const earlier = draft.changes.get(path);
  draft.changes.set(path, {
    path,
    before: beforeOf(draft.found.get(path)),
    after,
    keepAs: keepAs ?? earlier?.keepAs ?? null,
  });
}

function beforeOf(found: Found | undefined): Before {
  if (found === undefined || found.kind === 'other') return null;
  return { kind: found.kind, ...attributesOf(found) };
}

function attributesOf({ mode, uid, gid }: Attributes): Attributes {
  return { mode, uid, gid };
}
