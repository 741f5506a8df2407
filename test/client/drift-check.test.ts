import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  lchownSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findDrift, rememberRelease } from '../../client/adapters/drift-check.ts';
import { lookAt, recall, takeStock } from '../../client/adapters/stat-cache.ts';
import { foldersOf } from '../../client/core/drift.ts';
import type { DriftFound } from '../../client/core/place.ts';
import type { ManifestEntry } from '../../protocol/manifest.ts';
import type { Digest } from '../../protocol/names.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { entriesOf, type Files } from './serve-view.ts';

const DIGEST = `sha256:${'a'.repeat(64)}` as Digest;
const FILES: Files = {
  a: 'content of a',
  'etc/link': { link: 'motd' },
  'etc/motd': 'hello',
  'etc/sub/deep': 'deep',
  run: { run: '#!/bin/sh' },
};

interface Checked {
  readonly directory: string;
  readonly cache: string;
  /** What drifted; by default as a run checks it: only what does not look as it did is read. */
  find(how?: {
    isThorough?: boolean;
    remembers?: boolean;
    entries?: () => readonly ManifestEntry[] | undefined;
  }): Promise<DriftFound>;
}

async function release(files: Files = FILES): Promise<Checked> {
  const root = await disposableDirectory();
  const [directory, cache] = [join(root, 'release'), join(root, 'seen/release')];
  await mkdir(directory, { mode: 0o755 });
  for (const [path, spec] of Object.entries(files)) {
    const file = join(directory, path);
    await mkdir(dirname(file), { recursive: true, mode: 0o755 });
    if (typeof spec === 'object' && 'link' in spec) await symlink(spec.link, file);
    else if (typeof spec === 'object' && 'run' in spec) await writeFile(file, spec.run, { mode: 0o755 });
    else await writeFile(file, spec, { mode: 0o644 });
  }
  const find: Checked['find'] = ({ isThorough = false, remembers = true, entries = () => entriesOf(files) } = {}) =>
    findDrift({
      directory,
      cache,
      digest: DIGEST,
      entries,
      accountsOf: async () => () => ({ uid: undefined, gid: undefined }),
      isThorough,
      remembers,
      signal: new AbortController().signal,
    });
  rememberRelease({ directory, digest: DIGEST, cache }, entriesOf(files));
  age(cache);
  return { directory, cache, find };
}

/** As if all that is remembered had been seen long after it was last changed. */
function age(cache: string): void {
  const seen = recall(cache, DIGEST);
  if (seen === undefined) throw new Error('nothing is remembered');
  const looks = new Map(
    seen.paths.flatMap((path) => [[path, lookAt(join(dirname(dirname(cache)), 'release', path))] as const]),
  );
  const known = new Map([...looks].flatMap(([path, stats]) => (stats === undefined ? [] : [[path, stats] as const])));
  const looked = { beganAtMs: seen.takenAtMs + 60_000, looks: known };
  takeStock({ file: cache, root: join(dirname(dirname(cache)), 'release'), digest: DIGEST, paths: seen.paths, looked });
}

/** Changes the content to some of the same size, and puts the modification time back. */
function rewriteUnseen(path: string): void {
  const { atime, mtime } = statSync(path);
  writeFileSync(path, readFileSync(path, 'utf8').toUpperCase());
  utimesSync(path, atime, mtime);
}

const isRoot = process.getuid?.() === 0;
type Case = [string, (directory: string) => void, { path: string; how: string[] }[]];

const CASES: Case[] = [
  ['nothing', () => undefined, []],
  [
    'content of the same size with the time put back',
    (at) => rewriteUnseen(join(at, 'etc/motd')),
    [{ path: 'etc/motd', how: ['content'] }],
  ],
  ['content of another size', (at) => writeFileSync(join(at, 'a'), 'x'), [{ path: 'a', how: ['content'] }]],
  ['a mode', (at) => chmodSync(join(at, 'run'), 0o644), [{ path: 'run', how: ['mode'] }]],
  ['a set-user-id bit', (at) => chmodSync(join(at, 'run'), 0o4755), [{ path: 'run', how: ['mode'] }]],
  ['a mode of a directory', (at) => chmodSync(join(at, 'etc/sub'), 0o777), [{ path: 'etc/sub', how: ['mode'] }]],
  ['the mode of the release itself', (at) => chmodSync(at, 0o777), [{ path: '.', how: ['mode'] }]],
  [
    'content and mode',
    (at) => {
      rewriteUnseen(join(at, 'a'));
      chmodSync(join(at, 'a'), 0o600);
    },
    [{ path: 'a', how: ['content', 'mode'] }],
  ],
  ['a file that was removed', (at) => rmSync(join(at, 'etc/motd')), [{ path: 'etc/motd', how: ['missing'] }]],
  [
    'a directory that was removed',
    (at) => rmSync(join(at, 'etc'), { recursive: true }),
    ['etc/link', 'etc/motd', 'etc/sub/deep'].map((path) => ({ path, how: ['missing'] })),
  ],
  ['a file besides', (at) => writeFileSync(join(at, 'etc/sub/extra'), ''), [{ path: 'etc/sub/extra', how: ['extra'] }]],
  ['a file besides at the top', (at) => writeFileSync(join(at, '.swp'), ''), [{ path: '.swp', how: ['extra'] }]],
  [
    'an empty directory besides',
    (at) => execFileSync('mkdir', [join(at, 'etc/sub/empty')]),
    [{ path: 'etc/sub/empty', how: ['extra'] }],
  ],
  [
    'a link in place of a file, to the same content',
    (at) => {
      renameSync(join(at, 'a'), join(at, '../a'));
      symlinkSync('../a', join(at, 'a'));
    },
    [{ path: 'a', how: ['type'] }],
  ],
  [
    'a directory in place of a file',
    (at) => {
      rmSync(join(at, 'a'));
      execFileSync('mkdir', [join(at, 'a')]);
    },
    [{ path: 'a', how: ['type'] }],
  ],
  [
    'a link in place of a directory, to the same files',
    (at) => {
      renameSync(join(at, 'etc'), join(at, '../etc'));
      symlinkSync('../etc', join(at, 'etc'));
    },
    [{ path: 'etc', how: ['type'] }],
  ],
  [
    'a file in place of a link',
    (at) => {
      rmSync(join(at, 'etc/link'));
      writeFileSync(join(at, 'etc/link'), 'motd');
    },
    [{ path: 'etc/link', how: ['type'] }],
  ],
  [
    'a link that points elsewhere',
    (at) => {
      rmSync(join(at, 'etc/link'));
      symlinkSync('tdom', join(at, 'etc/link'));
    },
    [{ path: 'etc/link', how: ['content'] }],
  ],
  [
    'a pipe in place of a file',
    (at) => execFileSync('sh', ['-c', 'rm a && mkfifo a'], { cwd: at }),
    [{ path: 'a', how: ['type'] }],
  ],
];
if (isRoot)
  CASES.push(
    ['an owner', (at) => chownSync(join(at, 'a'), 12_345, 0), [{ path: 'a', how: ['owner'] }]],
    ['a group', (at) => chownSync(join(at, 'a'), 0, 12_345), [{ path: 'a', how: ['owner'] }]],
    ['an owner of a link', (at) => lchownSync(join(at, 'etc/link'), 12_345, 0), [{ path: 'etc/link', how: ['owner'] }]],
    ['an owner of a directory', (at) => chownSync(join(at, 'etc'), 12_345, 0), [{ path: 'etc', how: ['owner'] }]],
  );

describe.each(CASES)('%s', (_what, change, expected) => {
  test('is found by how it looks', async () => {
    const { directory, find } = await release();
    change(directory);
    expect(await find()).toEqual(expected);
    expect(await find()).toEqual(expected);
  });

  test('is found where nothing is remembered, and by reading everything', async () => {
    const { directory, cache, find } = await release();
    change(directory);
    expect(await find({ isThorough: true, remembers: false })).toEqual(expected);
    rmSync(cache);
    expect(await find()).toEqual(expected);
  });
});

describe('where nothing looks otherwise', () => {
  test('neither content nor manifest is read', async () => {
    const { find } = await release();
    const entries = (): never => {
      throw new Error('the manifest was asked for');
    };
    expect(await find({ entries })).toEqual([]);
  });

  test('only reading everything finds content that a forged cache hides', async () => {
    const { directory, cache, find } = await release();
    rewriteUnseen(join(directory, 'a'));
    rememberRelease({ directory, digest: DIGEST, cache }, entriesOf(FILES));
    age(cache);
    expect(await find()).toEqual([]);
    expect(await find({ isThorough: true })).toEqual([{ path: 'a', how: ['content'] }]);
  });
});

describe('what is remembered', () => {
  test('is renewed where files look otherwise but are right, as after a restore', async () => {
    const { directory, cache, find } = await release();
    const other = `${directory}.copy`;
    await cp(directory, other, { recursive: true, verbatimSymlinks: true });
    rmSync(directory, { recursive: true });
    renameSync(other, directory);
    const before = readFileSync(cache);
    expect(await find()).toEqual([]);
    expect(readFileSync(cache)).not.toEqual(before);
    age(cache);
    expect(await find({ entries: () => undefined })).toEqual([]);
  });

  test('is not renewed while something has drifted', async () => {
    const { directory, cache, find } = await release();
    const before = readFileSync(cache);
    writeFileSync(join(directory, 'a'), 'drifted');
    await find();
    expect(readFileSync(cache)).toEqual(before);
  });

  test('is not touched by a check that is to leave no trace', async () => {
    const { cache, find } = await release();
    rmSync(dirname(cache), { recursive: true });
    expect(await find({ remembers: false })).toEqual([]);
    expect(lookAt(dirname(cache))).toBeUndefined();
  });

  test('and damaged is made again', async () => {
    const { cache, find } = await release();
    writeFileSync(cache, 'damaged');
    expect(await find()).toEqual([]);
    expect(recall(cache, DIGEST)).toBeDefined();
  });

  test('and cannot be written costs nothing but time', async () => {
    const { cache, find } = await release();
    rmSync(dirname(cache), { recursive: true });
    writeFileSync(dirname(cache), 'in the way');
    expect(await find()).toEqual([]);
  });
});

test('nothing can be said of a release whose manifest is gone', async () => {
  const { directory, find } = await release();
  writeFileSync(join(directory, 'a'), 'drifted');
  expect(await find({ entries: () => undefined })).toBe('unknown');
});

test('the folders of paths come outer ones first, each with the names that belong into it', () => {
  expect([...foldersOf(['a', 'b/c/d', 'b/e'])]).toEqual([
    ['', new Set(['a', 'b'])],
    ['b', new Set(['c', 'e'])],
    ['b/c', new Set(['d'])],
  ]);
});

describe('of a large release', () => {
  const MANY: Files = Object.fromEntries(
    Array.from({ length: 2_100 }, (_, index) => [`etc/${index % 20}/${index}`, `content ${index}`]),
  );
  const NOT_ASKED = (): never => {
    throw new Error('the manifest was asked for');
  };

  /** One that was checked once, so that its listing is known. */
  async function listed(): Promise<Checked> {
    const checked = await release(MANY);
    expect(await checked.find({ entries: NOT_ASKED })).toEqual([]);
    expect(lookAt(`${checked.cache}.listing`)?.isFile()).toBe(true);
    return checked;
  }

  test('the looks of single files are not even read while its listing is the same', async () => {
    const { cache, find } = await listed();
    writeFileSync(cache, 'not read');
    expect(await find({ entries: NOT_ASKED })).toEqual([]);
  });

  test.each<[string, (directory: string) => void, { path: string; how: string[] }]>([
    [
      'other content with its time put back',
      (at) => rewriteUnseen(join(at, 'etc/7/7')),
      { path: 'etc/7/7', how: ['content'] },
    ],
    ['another mode', (at) => chmodSync(join(at, 'etc/7/7'), 0o600), { path: 'etc/7/7', how: ['mode'] }],
    ['a file that is gone', (at) => rmSync(join(at, 'etc/7/7')), { path: 'etc/7/7', how: ['missing'] }],
    ['a file besides', (at) => writeFileSync(join(at, 'etc/x\ny'), ''), { path: 'etc/x\ny', how: ['extra'] }],
    ['a file besides at the top', (at) => writeFileSync(join(at, 'x'), ''), { path: 'x', how: ['extra'] }],
    ['another mode of its own', (at) => chmodSync(at, 0o700), { path: '.', how: ['mode'] }],
  ])('%s is found', async (_what, change, expected) => {
    const { directory, find } = await listed();
    change(directory);
    expect(await find()).toEqual([expected]);
    expect(await find({ isThorough: true })).toEqual([expected]);
  });

  test('a listing of another manifest, or damaged, counts as none', async () => {
    const { directory, cache, find } = await listed();
    chmodSync(join(directory, 'etc/7/7'), 0o600);
    const listing = readFileSync(`${cache}.listing`, 'utf8');
    for (const text of ['', 'x', listing.replace(/a{64}/, 'b'.repeat(64))]) {
      writeFileSync(`${cache}.listing`, text);
      expect(await find()).toHaveLength(1);
    }
  });

  test('everything is found just so where find cannot help', async () => {
    const { directory, find } = await listed();
    const path = process.env['PATH'];
    process.env['PATH'] = '/nonexistent';
    try {
      expect(await find({ entries: NOT_ASKED })).toEqual([]);
      rewriteUnseen(join(directory, 'etc/7/7'));
      expect(await find()).toEqual([{ path: 'etc/7/7', how: ['content'] }]);
    } finally {
      process.env['PATH'] = path;
    }
  });

  test('a check that is to leave no trace leaves no listing', async () => {
    const { cache, find } = await release(MANY);
    expect(await find({ remembers: false })).toEqual([]);
    expect(lookAt(`${cache}.listing`)).toBeUndefined();
  });
});
