import {
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { join } from 'node:path';
import { digestOf, type ManifestEntry, parseManifest } from '../../protocol/manifest.ts';
import type { Digest } from '../../protocol/names.ts';
import { isNameOf, isReleaseName } from '../core/release-name.ts';
import { type KeptSince, releasesToRemove } from '../core/retention.ts';
import type { Layout } from './layout.ts';
import { LISTING } from './listing.ts';
import { removeOldParts } from './old-parts.ts';
import { publish, syncDirectory, TEMPORARY } from './publish.ts';
import { removeTree } from './remove-tree.ts';

/** What `current` is. */
export type Current =
  | { readonly kind: 'none' }
  /** A link to something that is no release of this target, or to one that is gone (`name`). */
  | { readonly kind: 'astray'; readonly target: string; readonly name: string }
  /** No link at all: somebody else's, and not to be replaced. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'release'; readonly name: string; readonly since: Date };

export function readCurrent(layout: Layout): Current {
  const link = lstatSync(layout.current, { throwIfNoEntry: false });
  if (link === undefined) return { kind: 'none' };
  if (!link.isSymbolicLink()) return { kind: 'foreign' };
  const target = readlinkSync(layout.current);
  const name = target.startsWith('releases/') ? target.slice('releases/'.length) : '';
  const isThere =
    isReleaseName(name) && lstatSync(join(layout.releases, name), { throwIfNoEntry: false })?.isDirectory();
  return isThere ? { kind: 'release', name, since: link.mtime } : { kind: 'astray', target, name };
}

/** Points `current` at a release, by rename: at every instant it is the old one or the new one. */
export function activate(layout: Layout, name: string): void {
  const now = new Date();
  utimesSync(join(layout.releases, name), now, now);
  const temporary = join(layout.root, `${TEMPORARY}current`);
  rmSync(temporary, { force: true });
  symlinkSync(`releases/${name}`, temporary);
  renameSync(temporary, layout.current);
  syncDirectory(layout.root);
}

/** Removes `current`: from then on nothing is in use. */
export function deactivate(layout: Layout): void {
  rmSync(layout.current, { force: true });
  syncDirectory(layout.root);
}

/** Whole releases, last used first. */
export function listReleases(layout: Layout): KeptSince[] {
  return namesIn(layout.releases)
    .filter(isReleaseName)
    .flatMap((name) => {
      const stats = lstatSync(join(layout.releases, name), { throwIfNoEntry: false });
      return stats?.isDirectory() ? [{ name, usedAt: stats.mtimeMs }] : [];
    })
    .sort((a, b) => b.usedAt - a.usedAt);
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

/** Removes what a killed run left behind. Only under the lock: a temporary name may be another run's otherwise. */
export function removeLeftovers(layout: Layout): void {
  for (const directory of [layout.root, layout.releases, layout.manifests, layout.seen]) {
    for (const name of namesIn(directory)) {
      if (name.startsWith(TEMPORARY)) rmSync(join(directory, name), { recursive: true, force: true });
    }
  }
  removeOldParts(layout, Date.now());
  const releases = new Set(namesIn(layout.releases));
  for (const directory of [layout.manifests, layout.seen]) {
    for (const name of namesIn(directory)) {
      const release = name.replace(LISTING, '');
      if (isReleaseName(release) && !releases.has(release)) rmSync(join(directory, name), { force: true });
    }
  }
}

/** Removes a release under another name first, so that a killed run leaves no half release under a valid one. */
export function removeRelease(layout: Layout, name: string): void {
  const temporary = join(layout.releases, `${TEMPORARY}removed-${name}`);
  removeTree(temporary);
  renameSync(join(layout.releases, name), temporary);
  const belongings = [join(layout.manifests, name), join(layout.seen, name), join(layout.seen, `${name}${LISTING}`)];
  for (const path of belongings) rmSync(path, { force: true });
  removeTree(temporary);
}

/** Keeps the release in use, the one before and one more. Answers what was removed. */
export function prune(
  layout: Layout,
  kept: { readonly current: string | undefined; readonly previous: string | undefined },
): string[] {
  const removed = releasesToRemove(listReleases(layout), kept);
  for (const name of removed) removeRelease(layout, name);
  return removed;
}

export interface KnownManifest {
  readonly digest: Digest;
  readonly entries: readonly ManifestEntry[];
}

/** The manifest kept for a release; undefined when it is missing or is not this release's. */
export function readManifest(layout: Layout, name: string): KnownManifest | undefined {
  try {
    const bytes = readFileSync(join(layout.manifests, name));
    const digest = digestOf(bytes);
    return isNameOf(name, digest) ? { digest, entries: parsed(digest, bytes) } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the manifest that is kept for a release has this path: told without understanding all of it. False where there is none. */
export function hasEntry(layout: Layout, name: string, path: string): boolean {
  try {
    return readFileSync(join(layout.manifests, name)).includes(`"path":${JSON.stringify(path)}`);
  } catch {
    return false;
  }
}

const REMEMBERED = 3;
const remembered = new Map<Digest, readonly ManifestEntry[]>();

/** The entries of a manifest of this digest. A run looks at the same two or three again and again. Throws `BadManifest`. */
export function parsed(digest: Digest, bytes: Uint8Array): readonly ManifestEntry[] {
  const entries = remembered.get(digest) ?? parseManifest(bytes);
  remembered.delete(digest);
  remembered.set(digest, entries);
  for (const [oldest] of remembered) if (remembered.size > REMEMBERED) remembered.delete(oldest);
  return entries;
}

export function keepManifest(layout: Layout, name: string, manifest: Uint8Array): void {
  publish(join(layout.manifests, name), manifest);
}
