import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dice, nextTag } from './changes.ts';
import { expectedSums, giveTo, type HostTree, hostTree, pictureOf, plant, type Specs, sumsOf } from './host-tree.ts';

const TAGS = 200;

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
