import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type Layout, layoutOf, prepare } from '../../../client/adapters/layout.ts';
import { openPlace } from '../../../client/adapters/open-place.ts';
import type { Place, ReleaseOnDisk } from '../../../client/core/place.ts';
import { comparePaths, digestOf, type ManifestEntry, manifestLine } from '../../../protocol/manifest.ts';
import type { RelativePath } from '../../../protocol/names.ts';

/** Content with mode 0644, a link, or a file of another mode. */
export type Spec = string | { readonly link: string } | { readonly text: string; readonly perm: string };
export type Specs = Readonly<Record<string, Spec>>;

export interface HostTree {
  /** What releases are put onto; undefined for whole releases. */
  readonly root: string;
  readonly target: string;
  readonly layout: Layout;
  readonly place: Place;
  /** A release below the target, as if it had been staged and verified. */
  staged(files: Specs): ReleaseOnDisk;
  /** Stages a release and puts it into use. Answers what is told. */
  use(files: Specs): Promise<string[]>;
}

const MEMORY = '/dev/shm';

/** Where there is memory for it, files are written faster. */
export function quickDirectory(below = existsSync(MEMORY) ? MEMORY : tmpdir()): string {
  const directory = mkdtempSync(join(below, 'tagwave-test-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Whether there are two file systems to test with. */
export const hasTwoFileSystems = existsSync(MEMORY) && statSync(MEMORY).dev !== statSync(tmpdir()).dev;

export interface HostOptions {
  readonly mode?: 'root' | 'releases';
  /** Where the tree and the target are made. */
  readonly directory?: string;
  /** The target is on another file system than the tree. */
  readonly isApart?: boolean;
}

/** A host with an empty tree and nothing released. */
export function hostTree(options: HostOptions = {}): HostTree {
  const { mode = 'root', directory = quickDirectory(), isApart = false } = options;
  const [root, target] = [join(directory, 'root'), join(isApart ? quickDirectory(tmpdir()) : directory, 'target')];
  for (const each of [root, target]) mkdirSync(each, { recursive: true });
  const layout = layoutOf(target);
  prepare(layout);
  const place = openPlace(layout, mode === 'root' ? root : undefined);
  const staged = (files: Specs): ReleaseOnDisk => stage(layout, files);
  return {
    root,
    target,
    layout,
    place,
    staged,
    use: async (files) => (await place.activate(staged(files))).map(({ sentence }) => sentence),
  };
}

function stage({ releases, manifests }: Layout, files: Specs): ReleaseOnDisk {
  const entries = entriesOf(files);
  const manifest = entries.map(manifestLine).join('');
  const digest = digestOf(manifest);
  const name = digest.slice('sha256:'.length).slice(0, 16);
  const directory = join(releases, name);
  if (existsSync(directory)) return { name, directory, digest, entries };
  mkdirSync(directory);
  plant(directory, files);
  writeFileSync(join(manifests, name), manifest);
  return { name, directory, digest, entries };
}

function entriesOf(files: Specs): ManifestEntry[] {
  return Object.entries(files)
    .map(([path, spec]) => entryOf(path, spec))
    .sort((a, b) => comparePaths(a.path, b.path));
}

function entryOf(path: string, spec: Spec): ManifestEntry {
  const content = Buffer.from(typeof spec === 'string' ? spec : 'link' in spec ? spec.link : spec.text);
  return {
    path: path as RelativePath,
    mode: typeof spec !== 'string' && 'link' in spec ? '120000' : '100644',
    size: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
    ...(typeof spec !== 'string' && 'perm' in spec ? { perm: spec.perm } : {}),
  };
}

/** Writes files below a directory, with the directories that they need. A path that ends in `/` is an empty directory. */
export function plant(root: string, files: Specs): void {
  for (const [path, spec] of Object.entries(files)) {
    const place = join(root, path);
    mkdirSync(path.endsWith('/') ? place : dirname(place), { recursive: true });
    if (path.endsWith('/')) continue;
    if (typeof spec !== 'string' && 'link' in spec) symlinkSync(spec.link, place);
    else writeFileSync(place, typeof spec === 'string' ? spec : spec.text);
    if (typeof spec === 'string') chmodSync(place, 0o644);
    else if ('perm' in spec) chmodSync(place, Number.parseInt(spec.perm, 8));
  }
}

/**
 * Everything below a directory: type, mode, owner, time, and content or target, so that two trees are the same if these are. A
 * file that was copied and not moved has its time to the microsecond only: then times are left out.
 */
export function pictureOf(root: string, { times = true }: { readonly times?: boolean } = {}): Record<string, string> {
  const picture: Record<string, string> = {};
  const open = [''];
  for (let folder = open.pop(); folder !== undefined; folder = open.pop())
    for (const name of readdirSync(join(root, folder))) {
      const path = folder === '' ? name : `${folder}/${name}`;
      const place = join(root, path);
      const stats = lstatSync(place);
      const attributes = `${(stats.mode & 0o7777).toString(8)} ${stats.uid}:${stats.gid}`;
      if (stats.isDirectory()) {
        open.push(path);
        picture[path] = `directory ${attributes}`;
      } else if (stats.isSymbolicLink()) picture[path] = `-> ${readlinkSync(place)} ${stats.uid}:${stats.gid}`;
      else if (stats.isFile())
        picture[path] = `${attributes} ${times ? stats.mtimeMs : ''} ${readFileSync(place, 'latin1')}`;
      else picture[path] = 'something else';
    }
  return Object.fromEntries(Object.entries(picture).sort(([a], [b]) => comparePaths(a, b)));
}

/** The files of a tree in the way of `sha256sum` and a manifest: hash and permissions, or where a link points. */
export function sumsOf(root: string): Record<string, string> {
  const sums: Record<string, string> = {};
  for (const [path] of Object.entries(pictureOf(root))) {
    const place = join(root, path);
    const stats = lstatSync(place);
    if (stats.isDirectory()) continue;
    const content = stats.isSymbolicLink() ? readlinkSync(place, 'buffer') : readFileSync(place);
    const kind = stats.isSymbolicLink() ? 'link' : (stats.mode & 0o7777).toString(8);
    sums[path] = `${kind} ${createHash('sha256').update(content).digest('hex')}`;
  }
  return sums;
}

/** What `sumsOf` says of a tree with just these entries. */
export function expectedSums(entries: readonly ManifestEntry[]): Record<string, string> {
  return Object.fromEntries(
    entries.map(({ path, mode, perm = '0644', sha256 }) => [
      path,
      `${mode === '120000' ? 'link' : Number.parseInt(perm, 8).toString(8)} ${sha256}`,
    ]),
  );
}

/** Whose files these are; only root can arrange it. */
export function giveTo(root: string, paths: readonly string[], uid: number): void {
  if (process.getuid?.() === 0) for (const path of paths) lchownSync(join(root, path), uid, uid);
}
