import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  expectedSums,
  giveTo,
  type HostTree,
  hostTree,
  pictureOf,
  plant,
  type Spec,
  type Specs,
  sumsOf,
} from './host-tree.ts';

const TAGS = 200;

/** Small numbers from a seed, the same each time. */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

/** What the next tag has: files added, changed, removed, renamed, turned into directories or links and back, and modes changed. */
function nextTag(files: Specs, roll: (sides: number) => number): Specs {
  const next: Record<string, Spec> = { ...files };
  for (let change = 0; change < 1 + roll(4); change++) {
    const paths = Object.keys(next);
    const path = paths[roll(paths.length)] ?? 'etc/motd';
    const spec = next[path];
    const text = `content ${roll(1_000_000)}\n`.repeat(roll(3));
    switch (roll(8)) {
      case 0:
        set(next, `${['etc', 'etc/app', 'usr/share'][roll(3)]}/f${roll(12)}`, text);
        break;
      case 1:
        set(next, path, text);
        break;
      case 2:
        delete next[path];
        break;
      case 3:
        delete next[path];
        set(next, `etc/moved${roll(5)}`, spec ?? text);
        break;
      case 4:
        set(next, `${path}/inner/f${roll(3)}`, text);
        break;
      case 5:
        set(next, path.split('/').slice(0, -1).join('/') || path, text);
        break;
      case 6:
        set(next, path, { link: ['../x', 'motd', '/nowhere'][roll(3)] ?? 'x' });
        break;
      default:
        set(next, path, { text, perm: ['0600', '0755', '4755', '0444', '0644'][roll(5)] ?? '0644' });
    }
  }
  return next;
}

/** A path gives way to all that is below it or above it: a view has no file in a file. */
function set(files: Record<string, Spec>, path: string, spec: Spec): void {
  for (const other of Object.keys(files))
    if (other.startsWith(`${path}/`) || path.startsWith(`${other}/`)) delete files[other];
  files[path] = spec;
}

function viewTree(host: HostTree): string {
  return host.place.root ?? join(host.target, 'current');
}

describe.each(['root', 'releases'] as const)(`a walk over ${TAGS} tags (%s)`, (mode) => {
  test.each([1, 2])(
    'has after each step just the files of the tag, and goes back to any exactly (seed %i)',
    async (seed) => {
      const host = hostTree({ mode });
      const roll = dice(seed);
      const tags: Specs[] = [{ 'etc/motd': 'hello\n', 'etc/app/conf': 'x=1\n' }];
      for (let step = 1; step <= TAGS / 2; step++) {
        const files = nextTag(tags.at(-1) ?? {}, roll);
        tags.push(files);
        await expectUse(host, files);
        if (roll(4) === 0) await expectUse(host, tags[roll(tags.length)] ?? {});
        else tags[tags.length - 1] = files;
      }
      await host.place.withdraw();
      if (mode === 'root') expect(pictureOf(host.root)).toEqual({});
    },
  );
});

async function expectUse(host: HostTree, files: Specs): Promise<void> {
  const release = host.staged(files);
  expect(await host.place.obstacle(release)).toBeUndefined();
  await host.place.activate(release);
  expect(sumsOf(`${viewTree(host)}/`)).toEqual(expectedSums(release.entries));
}

describe('on a tree that others use too', () => {
  test.each([3, 4])(
    `a walk over ${TAGS} tags never touches their files, and gives back every original (seed %i)`,
    async (seed) => {
      const host = hostTree();
      const roll = dice(seed);
      plant(host.root, {
        'etc/hosts': '127.0.0.1 localhost\n',
        'etc/f1': { text: 'an original', perm: '0640' },
        'etc/f2': { link: 'hosts' },
        'etc/app/own.conf': 'theirs',
        'usr/share/f3': 'another',
        'usr/share/empty/': '',
        'etc/moved1/': '',
        home: { text: 'a file', perm: '0600' },
      });
      giveTo(host.root, ['etc/f1', 'etc/f2', 'etc/moved1'], 4711);
      const before = pictureOf(host.root);
      let files: Specs = { 'etc/motd': 'hello\n' };
      let refused = 0;
      for (let step = 0; step < TAGS; step++) {
        files = nextTag(files, roll);
        const release = host.staged(files);
        const pictured = pictureOf(host.root);
        if ((await host.place.obstacle(release)) !== undefined) {
          refused++;
          expect(pictureOf(host.root)).toEqual(pictured);
          for (const path of ['etc', 'etc/app', 'usr', 'usr/share'] as const) {
            const { [path]: _inTheWay, ...others } = files;
            files = others;
          }
          continue;
        }
        await host.place.activate(release);
        expect(sumsOf(host.root)).toMatchObject(expectedSums(release.entries));
        expect(sumsOf(host.root)).toMatchObject({
          'etc/hosts': expect.anything(),
          'etc/app/own.conf': expect.anything(),
        });
      }
      expect(refused).toBeLessThan(TAGS / 2);
      await host.place.withdraw();
      expect(pictureOf(host.root)).toEqual(before);
    },
  );
});
