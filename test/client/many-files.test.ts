import { existsSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { unpack } from '../../client/adapters/unpack.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { noDisks, smallDisk } from '../rig/small-disk.ts';
import { baseIn, fetching } from './fetching.ts';
import { treeOf } from './run-client.ts';
import {
  deltaOf,
  entriesOf,
  type Files,
  memberOf,
  membersOf,
  serveView,
  tarOf,
  viewOf,
  withArchive,
} from './serve-view.ts';

/** So many that small files are written by another thread. */
const COUNT = 1_050;

function manyFiles(seed: string): Record<string, string> {
  return Object.fromEntries(Array.from({ length: COUNT }, (_, index) => [pathOf(index), `${seed} ${index}`]));
}

function pathOf(index: number): string {
  return `many/${String(index % 40).padStart(2, '0')}/file-${index}`;
}

const OTHERS: Files = { run: { run: '#!/bin/sh' }, link: { link: 'run' }, empty: '', large: 'x'.repeat(1_500_000) };

function treeOfFiles(files: Readonly<Record<string, string>>): Record<string, string> {
  return { ...files, run: '#!/bin/sh', link: '-> run', empty: '', large: 'x'.repeat(1_500_000) };
}

test('a view of many files is there whole when it is unpacked, and each has its mode', async () => {
  const view = await viewOf({ ...manyFiles('content'), ...OTHERS });
  const server = await serveView(view);
  const { fetch, directory } = fetching({ target: await disposableDirectory(), servers: [server], view });
  const { tree } = await fetch();
  expect(tree).toEqual(treeOfFiles(manyFiles('content')));
  for (const [path, mode] of [
    [pathOf(7), 0o644],
    ['run', 0o755],
    ['empty', 0o644],
    ['large', 0o644],
  ] as const)
    expect([path, statSync(join(directory, path)).mode & 0o7777]).toEqual([path, mode]);
});

test('a delta between views of many files is put together whole', async () => {
  const [before, after] = [manyFiles('content'), { ...manyFiles('content'), [pathOf(3)]: 'changed', added: 'new' }];
  const [from, to] = [await viewOf({ ...before, ...OTHERS }), await viewOf({ ...after, ...OTHERS })];
  const server = await serveView(from);
  const target = await disposableDirectory();
  const { layout } = fetching({ target, servers: [server], view: from });
  const base = baseIn(layout, from);
  await unpack(Readable.from([from.archive]), {
    directory: base.directory,
    entries: base.entries,
    done: () => undefined,
  });
  const sides = [
    { digest: from.digest, files: { ...before, ...OTHERS } },
    { digest: to.digest, files: { ...after, ...OTHERS } },
  ] as const;
  server.views.set(to.digest, to);
  server.deltas.set(`${to.digest} ${from.digest}`, await deltaOf(...sides));
  const { fetch, told } = fetching({ target, servers: [server], view: to, base });
  expect([(await fetch()).tree, told]).toEqual([treeOfFiles(after), []]);
  // The same with one file of them damaged.
  writeFileSync(join(base.directory, pathOf(COUNT - 1)), 'by hand');
  const again = fetching({ target, servers: [server], view: to, base });
  expect((await again.fetch()).tree).toEqual(treeOfFiles(after));
  expect(again.told).toEqual([expect.stringContaining(`${JSON.stringify(pathOf(COUNT - 1)).slice(1, -1)}" has other`)]);
});

test.each<[string, (path: string) => void]>([
  ['a file', (path) => writeFileSync(path, 'here before')],
  ['a link, which is not followed', (path) => symlinkSync('/tmp/tagwave-evil', path)],
])('among many files too, a name that is there already is refused where it is %s', async (_what, before) => {
  const files = manyFiles('content');
  const directory = await disposableDirectory();
  const name = 'there';
  before(join(directory, name));
  const archive = (await viewOf({ ...files, [name]: 'x' })).archive;
  const entries = entriesOf({ ...files, [name]: 'x' });
  await expect(unpack(Readable.from([archive]), { directory, entries, done: () => undefined })).rejects.toThrow(
    '"there" and another of its names are the same to this file system',
  );
});

test('among many files too, one with other content is refused, and nothing is written after that', async () => {
  const files = manyFiles('content');
  const tar = await tarOf([...membersOf(files).slice(0, -1), memberOf(Object.keys(files).sort().at(-1) ?? '', 'bad')]);
  const view = withArchive(entriesOf(files), tar);
  const directory = await disposableDirectory();
  const unpacking = unpack(Readable.from([view.archive]), {
    directory,
    entries: entriesOf(files),
    done: () => undefined,
  });
  await expect(unpacking).rejects.toThrow(/bytes, expected|other content/);
  const written = await treeOf(directory);
  await new Promise((resolve) => setImmediate(resolve));
  expect(await treeOf(directory)).toEqual(written);
});

test.skipIf(noDisks !== '')(`a disk that gets full among many files is a clear error${noDisks}`, async () => {
  const disk = await smallDisk(3);
  const files = Object.fromEntries(Object.keys(manyFiles('')).map((path) => [path, 'x'.repeat(4_000)]));
  const view = await viewOf(files);
  const server = await serveView(view);
  const target = join(disk.path, 'target');
  await mkdir(target);
  const { fetch, layout } = fetching({ target, servers: [server], view });
  await expect(fetch()).rejects.toMatchObject({ code: 'ENOSPC', syscall: expect.any(String) });
  expect(existsSync(layout.downloads) ? readdirSync(layout.downloads) : []).toEqual([]);
});
