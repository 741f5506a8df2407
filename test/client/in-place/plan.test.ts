import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ancestorsOf, type Wanted } from '../../../client/in-place/found.ts';
import {
  CONTENTS,
  carryOut,
  type Disk,
  diskOf,
  foundOn,
  type Memory,
  NOTHING,
  type Node,
  namesIn,
  planFor,
  remembered,
  wantedOf,
} from './model.ts';

const path = fc
  .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 3 })
  .map((segments) => segments.join('/'));
const content = fc.constantFrom(...CONTENTS);
const leaf: fc.Arbitrary<Extract<Node, { content: string }>> = fc.record({
  kind: fc.constantFrom('file' as const, 'file' as const, 'link' as const),
  content,
  mode: fc.constantFrom(0o644, 0o755, 0o600),
  uid: fc.constantFrom(0, 7),
});
const folder: fc.Arbitrary<Node> = fc.record({
  kind: fc.constant('directory' as const),
  mode: fc.constantFrom(0o755, 0o700),
  uid: fc.constantFrom(0, 7),
});
const disks = fc.array(fc.tuple(path, fc.oneof(leaf, leaf, folder)), { maxLength: 8 }).map(diskOf);
const views = fc.array(fc.tuple(path, leaf), { maxLength: 6 }).map(viewOf);
const edit = fc.tuple(path, fc.oneof(leaf, folder, fc.constant(null)));

function viewOf(entries: readonly (readonly [string, Extract<Node, { content: string }>])[]): Map<string, Wanted> {
  const view = new Map<string, Wanted>();
  for (const [at, node] of diskOf(entries)) if (node.kind !== 'directory') view.set(at, wantedOf(at, node));
  return view;
}

function expectView(disk: Disk, view: ReadonlyMap<string, Wanted>): void {
  const found = foundOn(disk);
  for (const [at, { entry, mode, uid }] of view)
    expect(found.get(at)).toMatchObject({
      kind: entry.mode === '120000' ? 'link' : 'file',
      sha256: entry.sha256,
      mode,
      uid,
    });
}

/** Goes to a view unless something stands in the way. Answers what is remembered then. */
function go(disk: Disk, memory: Memory, view: ReadonlyMap<string, Wanted>): Memory | undefined {
  const plan = planFor(disk, memory, view);
  if (plan.obstacles.length > 0) return undefined;
  carryOut(disk, memory, plan);
  expectView(disk, view);
  return remembered(memory, plan, view);
}

const plain = (disk: Disk): Record<string, Node> => Object.fromEntries(disk);

describe('a plan', () => {
  test('brings any tree to any view in an order that a file system takes, and gives back what was there before', () => {
    fc.assert(
      fc.property(disks, fc.array(views, { minLength: 1, maxLength: 6 }), (disk, walk) => {
        const before = plain(disk);
        let memory: Memory = { ...NOTHING, stores: new Map() };
        for (const view of walk) memory = go(disk, memory, view) ?? memory;
        const left = go(disk, memory, new Map());
        expect(plain(disk)).toEqual(before);
        expect(left?.originals.size).toBe(0);
        expect(left?.directories.size).toBe(0);
      }),
      { numRuns: 400 },
    );
  });

  test('never touches what is not of the view, and leads to the same tree whichever views came before', () => {
    fc.assert(
      fc.property(disks, fc.array(views, { maxLength: 4 }), views, (disk, walk, last) => {
        const fresh = new Map(disk);
        let memory: Memory = { ...NOTHING, stores: new Map() };
        for (const view of walk) memory = go(disk, memory, view) ?? memory;
        const through = go(disk, memory, last);
        const straight = go(fresh, { ...NOTHING, stores: new Map() }, last);
        if (through === undefined || straight === undefined) return;
        expect(plain(disk)).toEqual(plain(fresh));
      }),
      { numRuns: 300 },
    );
  });

  test('has nothing to do where all is as it should be', () => {
    fc.assert(
      fc.property(disks, views, (disk, view) => {
        const memory = go(disk, { ...NOTHING, stores: new Map() }, view);
        if (memory === undefined) return;
        expect(planFor(disk, memory, view)).toMatchObject({ changes: [], overwritten: [], left: [], obstacles: [] });
      }),
    );
  });

  test('takes any change by hand back, keeps its content, and never removes a file that Tagwave did not write', () => {
    fc.assert(
      fc.property(disks, views, fc.array(edit, { minLength: 1, maxLength: 4 }), views, (disk, first, edits, second) => {
        const memory = go(disk, { ...NOTHING, stores: new Map() }, first);
        if (memory === undefined) return;
        for (const [at, node] of edits) editByHand(disk, at, node);
        const edited = new Map(disk);
        const plan = planFor(disk, memory, second);
        if (plan.obstacles.length > 0) return;
        carryOut(disk, memory, plan);
        expectView(disk, second);
        const kept = new Set(plan.overwritten.filter(({ isToKeep }) => isToKeep).map(({ path: at }) => at));
        const originals = new Set([...plan.originals.keys()]);
        for (const [at, node] of edited) {
          if (node.kind === 'directory' || isSame(disk.get(at), node)) continue;
          const wrote = first.get(at);
          const isOurs = wrote !== undefined && isSame({ ...nodeOf(wrote), content: contentOf(wrote) }, node);
          const comes = second.get(at);
          const isKnown = comes !== undefined && contentOf(comes) === node.content;
          expect(isOurs || isKnown || kept.has(at) || originals.has(at) || wrote?.entry.sha256 === foundSha(node)).toBe(
            true,
          );
        }
      }),
      { numRuns: 400 },
    );
  });
});

function editByHand(disk: Disk, at: string, node: Node | null): void {
  if (ancestorsOf(at).some((ancestor) => disk.get(ancestor)?.kind !== 'directory')) return;
  for (const below of [...disk.keys()]) if (below === at || below.startsWith(`${at}/`)) disk.delete(below);
  if (node !== null) disk.set(at, node);
}

function isSame(a: Node | undefined, b: Node): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function foundSha(node: Node): string | undefined {
  const found = foundOn(new Map([['x', node]])).get('x');
  return found?.kind === 'file' || found?.kind === 'link' ? (found.sha256 ?? undefined) : undefined;
}

function contentOf({ entry }: Wanted): string {
  return CONTENTS.find((one) => foundSha({ kind: 'file', content: one, mode: 0, uid: 0 }) === entry.sha256) ?? '';
}

function nodeOf({ entry, mode, uid }: Wanted): { kind: 'file' | 'link'; content: string; mode: number; uid: number } {
  return { kind: entry.mode === '120000' ? 'link' : 'file', content: '', mode, uid };
}

describe('what stands in the way', () => {
  const file = (text: string): Node => ({ kind: 'file', content: text, mode: 0o644, uid: 7 });
  const view = viewOf([['etc/app', { kind: 'file', content: 'one', mode: 0o644, uid: 0 }]]);

  test('of a directory is a link, which is named with where it points', () => {
    const disk = diskOf([['etc', { kind: 'link', content: '/srv/etc', mode: 0o777, uid: 0 }]]);
    expect(planFor(disk, NOTHING, view).obstacles).toMatchObject([
      { sentence: expect.stringContaining('/srv/etc is a symbolic link to "/srv/etc"') },
    ]);
  });

  test("of a file is a directory with somebody else's files, of which one is named", () => {
    const disk = diskOf([['etc/app/mine.conf', file('mine')]]);
    const { obstacles } = planFor(disk, NOTHING, view);
    expect(obstacles).toMatchObject([{ sentence: expect.stringContaining('"/srv/etc/app/mine.conf"') }]);
  });

  test('of a file is not an empty directory, which is given back when the file leaves', () => {
    const disk = diskOf([['etc/app', { kind: 'directory', mode: 0o700, uid: 7 }]]);
    const before = plain(disk);
    const memory = go(disk, { ...NOTHING, stores: new Map() }, view);
    expect(memory && go(disk, memory, new Map())).toBeDefined();
    expect(plain(disk)).toEqual(before);
  });

  test("of a directory that Tagwave made are somebody's files: it stays, and goes when they are gone", () => {
    const disk: Disk = new Map();
    let memory = go(disk, { ...NOTHING, stores: new Map() }, view);
    disk.set('etc/mine', file('mine'));
    memory = memory && go(disk, memory, new Map());
    expect(namesIn(disk, 'etc')).toEqual(['mine']);
    disk.delete('etc/mine');
    expect(memory && go(disk, memory, new Map())).toBeDefined();
    expect(disk.size).toBe(0);
  });
});
