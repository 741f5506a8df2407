import { createHash } from 'node:crypto';
import {
  ancestorsOf,
  type Change,
  type Found,
  type Original,
  parentOf,
  type Wanted,
} from '../../../client/in-place/found.ts';
import { operationsOf } from '../../../client/in-place/order.ts';
import { type Plan, planOf, type Situation } from '../../../client/in-place/plan.ts';
import { comparePaths } from '../../../protocol/manifest.ts';
import type { RelativePath } from '../../../protocol/names.ts';

/** What one path of the imagined tree is. */
export type Node =
  | { readonly kind: 'file' | 'link'; readonly content: string; readonly mode: number; readonly uid: number }
  | { readonly kind: 'directory'; readonly mode: number; readonly uid: number };

/** A tree that is only imagined: by path, and without the root. */
export type Disk = Map<string, Node>;

/** What Tagwave remembers of it. */
export interface Memory {
  readonly view: ReadonlyMap<string, Wanted>;
  readonly directories: ReadonlySet<string>;
  readonly originals: ReadonlyMap<string, Original>;
  /** What is kept of originals, by name. */
  readonly stores: Map<string, Node>;
}

export const NOTHING: Memory = { view: new Map(), directories: new Set(), originals: new Map(), stores: new Map() };

export const OURS = 0;

export function sha(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

export function wantedOf(path: string, { kind, content, mode }: Extract<Node, { content: string }>): Wanted {
  const isLink = kind === 'link';
  const entry = {
    path: path as RelativePath,
    mode: isLink ? ('120000' as const) : ('100644' as const),
    size: content.length,
    sha256: sha(content),
  };
  return { entry, mode: isLink ? 0o777 : mode, uid: OURS, gid: OURS };
}

export function foundOn(disk: Disk): Map<string, Found> {
  const found = new Map<string, Found>();
  for (const [path, node] of disk) {
    const { mode, uid } = node;
    const attributes = { mode, uid, gid: uid };
    if (node.kind === 'directory') found.set(path, { kind: 'directory', names: namesIn(disk, path), ...attributes });
    else if (node.kind === 'link')
      found.set(path, { kind: 'link', target: node.content, sha256: sha(node.content), ...attributes });
    else found.set(path, { kind: 'file', size: node.content.length, sha256: sha(node.content), ...attributes });
  }
  return found;
}

export function namesIn(disk: Disk, folder: string): string[] {
  return [...disk.keys()].filter((path) => parentOf(path) === folder).map((path) => path.slice(folder.length + 1));
}

let plans = 0;

export function planFor(disk: Disk, memory: Memory, next: ReadonlyMap<string, Wanted>): Plan {
  plans++;
  const situation: Situation = {
    old: memory.view,
    next,
    found: foundOn(disk),
    directories: memory.directories,
    originals: memory.originals,
    directory: { mode: 0o755, uid: OURS, gid: OURS },
    storeOf: (path) => `${path}@${plans}`,
    now: '2026-11-21T05:00:00Z',
    root: '/srv',
  };
  return planOf(situation);
}

/** Does what a plan says to the imagined tree, as strictly as a file system would. */
export function carryOut(disk: Disk, memory: Memory, plan: Plan): void {
  const contents = new Map([...disk]);
  for (const { path, keepAs } of plan.changes) {
    const node = contents.get(path);
    if (keepAs !== null && node !== undefined) memory.stores.set(keepAs, node);
  }
  for (const { kind, change } of operationsOf(plan.changes)) {
    if (kind === 'remove') remove(disk, change);
    else make(disk, memory, change);
  }
}

function remove(disk: Disk, { path, before }: Change): void {
  const node = disk.get(path);
  if (node === undefined || node.kind !== before?.kind) throw new Error(`cannot remove ${path}`);
  if (node.kind === 'directory' && namesIn(disk, path).length > 0) throw new Error(`${path} is not empty`);
  disk.delete(path);
}

function make(disk: Disk, { stores }: Memory, { path, after }: Change): void {
  const there = disk.get(path);
  const folder = parentOf(path);
  if (folder !== '' && disk.get(folder)?.kind !== 'directory') throw new Error(`${path} has no directory`);
  if (after?.kind === 'directory') {
    if (there !== undefined) throw new Error(`${path} is there already`);
    disk.set(path, { kind: 'directory', mode: after.mode, uid: after.uid });
  } else if (there?.kind === 'directory') {
    throw new Error(`cannot rename over the directory ${path}`);
  } else if (after?.kind === 'original') {
    const kept = stores.get(after.store);
    if (kept === undefined) throw new Error(`no original ${after.store}`);
    disk.set(path, kept);
  } else if (after?.kind === 'entry') {
    const kind = after.entry.mode === '120000' ? 'link' : 'file';
    const content = CONTENTS.find((one) => sha(one) === after.entry.sha256) ?? '';
    disk.set(path, { kind, content, mode: after.mode, uid: after.uid });
  }
}

/** The next memory, once a plan was carried out. */
export function remembered(memory: Memory, plan: Plan, view: ReadonlyMap<string, Wanted>): Memory {
  return { view, directories: new Set(plan.directories), originals: plan.originals, stores: memory.stores };
}

export const CONTENTS = ['', 'one', 'two', 'three', 'a/b', '../x'] as const;

/** Of these nodes those that can be there together, with the directories that they need. */
export function diskOf(nodes: readonly (readonly [string, Node])[]): Disk {
  const disk: Disk = new Map();
  for (const [path, node] of nodes) put(disk, path, node);
  return new Map([...disk].sort(([a], [b]) => comparePaths(a, b)));
}

export function put(disk: Disk, path: string, node: Node): void {
  if (disk.has(path) || ancestorsOf(path).some((ancestor) => (disk.get(ancestor)?.kind ?? 'directory') !== 'directory'))
    return;
  for (const ancestor of ancestorsOf(path))
    if (!disk.has(ancestor)) disk.set(ancestor, { kind: 'directory', mode: 0o750, uid: 7 });
  disk.set(path, node);
}
