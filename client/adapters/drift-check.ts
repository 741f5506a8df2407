import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import type { ManifestEntry } from '../../protocol/manifest.ts';
import type { Digest } from '../../protocol/names.ts';
import {
  type Drifted,
  type DriftKind,
  driftOfFolder,
  driftOfLook,
  foldersOf,
  inOrder,
  type Owners,
} from '../core/drift.ts';
import type { DriftFound } from '../core/place.ts';
import type { Sightings } from '../core/sightings.ts';
import type { Accounts } from './accounts.ts';
import { hashOf, hashOfFile } from './hash.ts';
import { keepListing, listingOf, recallListing } from './listing.ts';
import { ownersHere } from './owners.ts';
import { fileTime, lookAt, movedSince, recall, type Stocktaking, takeStock } from './stat-cache.ts';

export interface DriftCheck {
  /** The release: nothing but its entries belongs below it. */
  readonly directory: string;
  /** Of its manifest. */
  readonly digest: Digest;
  /** The manifest's entries; undefined when it is gone. Only asked for when something does not look as it did. */
  readonly entries: () => readonly ManifestEntry[] | undefined;
  /** The numbers behind the owners and groups that entries name; asked for together with them. */
  readonly accountsOf: (entries: readonly ManifestEntry[]) => Promise<Accounts>;
  /** Where looks are remembered. */
  readonly cache: string;
  /** Reads everything, whatever is remembered. */
  readonly isThorough: boolean;
  /** Looks are remembered for the next check. */
  readonly remembers: boolean;
  readonly signal: AbortSignal;
}

/** So many entries are looked at before signals get a turn. */
const BATCH = 128;

/** From so many paths on it is quicker to let another program look at them. */
const MANY = 2000;

/**
 * What is not as the manifest says: content, modes, owners, what is missing and what does not belong there. Reads only what
 * does not look as it did when it was last found right.
 */
export async function findDrift(check: DriftCheck): Promise<DriftFound> {
  if (check.isThorough) return findAmong(check, undefined);
  const { directory, digest, cache } = check;
  const known = recallListing(cache, digest);
  let listing = known === undefined ? undefined : listingOf(directory);
  if (listing !== undefined && listing === known && isSound(directory)) return [];
  const before = recall(cache, digest);
  if (before === undefined) return findAmong(check, undefined);
  if (before.paths.length >= MANY && check.remembers) listing ??= listingOf(directory);
  const moved = new Set(movedSince(before, directory).map((index) => before.paths[index] ?? ''));
  if (moved.size > 0 || !isRootAsBefore(check, before.paths)) return findAmong(check, { before, moved });
  // It was made before the looks that are right.
  if (check.remembers && listing !== undefined) quietly(() => keepListing(cache, { digest, listing }));
  return [];
}

interface Known {
  readonly before: Sightings;
  /** What does not look as before. */
  readonly moved: ReadonlySet<string>;
}

/** Reads what moved, or everything. */
async function findAmong(check: DriftCheck, known: Known | undefined): Promise<DriftFound> {
  const { directory, cache } = check;
  const entries = check.entries();
  if (entries === undefined) return 'unknown';
  const beganAtMs = check.remembers ? quietly(() => fileTime(cache)) : undefined;
  const looks = new Map<string, Stats>();
  const ownersOf = ownersHere(directory, await check.accountsOf(entries));
  const isSuspect = (path: string): boolean => known?.moved.has(path) ?? true;
  const drifted = await examine({ ...check, ownersOf, entries, isSuspect, looks });
  if (drifted.length === 0 && beganAtMs !== undefined)
    remember(check, entries, { looked: { beganAtMs, looks }, before: known?.before });
  return inOrder(drifted);
}

/** Remembers how a release looks that was just staged or verified. A cache that cannot be written costs only time. */
export function rememberRelease(
  of: Pick<DriftCheck, 'directory' | 'digest' | 'cache'>,
  entries: readonly ManifestEntry[],
): void {
  remember(of, entries);
}

function remember(
  { cache: file, directory: root, digest }: Pick<DriftCheck, 'directory' | 'digest' | 'cache'>,
  entries: readonly ManifestEntry[],
  seen: Pick<Stocktaking, 'looked' | 'before'> = {},
): void {
  const files = entries.map(({ path }) => path as string);
  const [, ...folders] = foldersOf(files).keys();
  quietly(() => takeStock({ file, root, digest, paths: [...folders, ...files], ...seen }));
}

/** What the file system does not let us remember is only read again. */
function quietly<Value>(work: () => Value): Value | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) return undefined;
    throw error;
  }
}

/** The root's own times move with every activation: it is listed each time instead. */
function isRootAsBefore({ directory }: DriftCheck, paths: readonly string[]): boolean {
  const known = new Set(paths.filter((path) => !path.includes('/')));
  return isSound(directory) && readdirSync(directory).every((name) => known.has(name));
}

/** Whether the root of a release is as it should be. */
function isSound(directory: string): boolean {
  return driftOfFolder(lstatSync(directory), ownersHere(directory)(undefined)).length === 0;
}

export interface Examination extends Pick<DriftCheck, 'directory' | 'signal'> {
  /** Who an entry is to belong to, and with undefined a directory. */
  readonly ownersOf: (entry: ManifestEntry | undefined) => Owners;
  readonly entries: readonly ManifestEntry[];
  /** What is to be read; everything where it is not given. */
  readonly isSuspect?: (path: string) => boolean;
  /** Takes the looks of what is examined, from before it is read. */
  readonly looks?: Map<string, Stats>;
}

/** Compares a directory with a manifest: every hash, type, mode and owner, nothing missing, nothing besides. */
export async function examine(examination: Examination): Promise<Drifted[]> {
  const {
    directory,
    entries,
    ownersOf,
    signal,
    isSuspect = () => true,
    looks = new Map<string, Stats>(),
  } = examination;
  const drifted: Drifted[] = [];
  const blocked: string[] = [];
  const isBlocked = (path: string): boolean => blocked.some((folder) => path.startsWith(`${folder}/`));
  const note = (path: string, how: readonly DriftKind[]): void => void (how.length > 0 && drifted.push({ path, how }));
  for (const [folder, names] of foldersOf(entries.map(({ path }) => path))) {
    if ((folder !== '' && !isSuspect(folder)) || isBlocked(folder)) continue;
    const stats = lookAt(folder === '' ? directory : `${directory}/${folder}`);
    if (stats === undefined) continue;
    looks.set(folder, stats);
    note(folder === '' ? '.' : folder, driftOfFolder(stats, ownersOf(undefined)));
    if (!stats.isDirectory()) blocked.push(folder);
    else for (const extra of extrasIn(`${directory}/${folder}`, names)) note(join(folder, extra), ['extra']);
  }
  let count = 0;
  for (const entry of entries) {
    if (!isSuspect(entry.path) || isBlocked(entry.path)) continue;
    const path = `${directory}/${entry.path}`;
    const stats = lookAt(path);
    if (stats !== undefined) looks.set(entry.path, stats);
    note(entry.path, driftOfEntry(path, entry, driftOfLook(entry, stats, ownersOf(entry))));
    if (count++ % BATCH !== 0) continue;
    await turn();
    signal.throwIfAborted();
  }
  return drifted;
}

function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

function extrasIn(folder: string, names: ReadonlySet<string>): string[] {
  return readdirSync(folder).filter((name) => !names.has(name));
}

const UNREADABLE: ReadonlySet<DriftKind> = new Set(['missing', 'type', 'content']);

function driftOfEntry(path: string, { mode, sha256 }: ManifestEntry, how: DriftKind[]): readonly DriftKind[] {
  if (how.some((kind) => UNREADABLE.has(kind))) return how;
  try {
    const found = mode === '120000' ? hashOf(readlinkSync(path, 'buffer')) : hashOfFile(path);
    return found === sha256 ? how : ['content', ...how];
  } catch (error) {
    // Somebody took its owner's right to read it: that is told by its mode.
    if ((error as NodeJS.ErrnoException).code === 'EACCES' && how.length > 0) return how;
    throw error;
  }
}
