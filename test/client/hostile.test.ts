import { existsSync } from 'node:fs';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { UNKNOWN } from '../../client/adapters/identity.ts';
import { layoutOf } from '../../client/adapters/layout.ts';
import { openPlace } from '../../client/adapters/open-place.ts';
import { askAssignment } from '../../client/adapters/servers.ts';
import { stage } from '../../client/adapters/stage.ts';
import { unpack } from '../../client/adapters/unpack.ts';
import type { Hostname } from '../../protocol/names.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { currentTree, pollArgs, runClient, treeOf } from './run-client.ts';
import { seedHost } from './seed-host.ts';
import {
  entriesOf,
  entryOf,
  type Files,
  type Member,
  memberOf,
  membersOf,
  NEXT_TAG,
  serveView,
  type TestView,
  tarOf,
  type ViewServer,
  viewOf,
  withArchive,
} from './serve-view.ts';

interface Victim {
  readonly server: ViewServer;
  readonly target: string;
  /** Fails where anything came of it, inside the target or outside. */
  expectUntouched(): Promise<void>;
}

/** A host that runs something good, and a server that has the view for it. */
async function victimOf(view: TestView): Promise<Victim> {
  const old = await viewOf({ a: 'old' });
  const server = await serveView(old);
  const outside = await disposableDirectory();
  const target = join(outside, 'target');
  await seedHost(target, old, { a: 'old' });
  await writeFile(join(outside, 'precious'), 'precious');
  server.answer = () => ({ serve: view, tag: NEXT_TAG });
  const before = await treeOf(outside);
  const isOurs = ([path]: readonly [string, string]): boolean => !/^target\/(\.lock|state\.json)$/.test(path);
  const expectUntouched = async (): Promise<void> => {
    expect(Object.fromEntries(Object.entries((await treeOf(outside)) ?? {}).filter(isOurs))).toEqual(before);
    expect(await currentTree(target)).toEqual({ a: 'old' });
    expect(await readdir(join(target, 'releases'))).toHaveLength(1);
  };
  return { server, target, expectUntouched };
}

/** Stages the view from a real server, and checks that it is refused and that nothing came of it. */
async function refused(view: TestView, sentence: RegExp): Promise<void> {
  const { server, target, expectUntouched } = await victimOf(view);
  const servers = {
    urls: [new URL(server.url)],
    preferred: null,
    answered: false,
    silenceMs: 10_000,
    signal: new AbortController().signal,
    identity: UNKNOWN,
  };
  const found = await askAssignment(servers, {
    hostname: 'web1' as Hostname,
    tag: undefined,
    etag: undefined,
    running: undefined,
  });
  if (found.kind !== 'found' || found.value.kind !== 'serve') throw new Error(JSON.stringify(found));
  const { assignment } = found.value;
  const staged = await stage({
    layout: layoutOf(target),
    place: openPlace(layoutOf(target), undefined),
    servers,
    assignment,
    terminal: { detail: () => undefined, progress: () => undefined, err: () => undefined },
  });
  if (staged.kind !== 'failed') throw new Error(JSON.stringify(staged));
  expect(staged.failure.sentence).toMatch(sentence);
  expect(staged.failure.hint).toContain('Nothing was changed.');
  await expectUntouched();
}

const FILES: Files = { a: 'new', 'etc/motd': 'hello' };

/** The view of FILES with another archive. */
async function archived(change: (members: Member[]) => Member[]): Promise<TestView> {
  return withArchive(entriesOf(FILES), await tarOf(change(membersOf(FILES))));
}

function raw(archive: Buffer): TestView {
  return { ...withArchive(entriesOf(FILES), Buffer.alloc(0)), archive };
}

describe('a manifest is refused', () => {
  test.each([
    ['an absolute path', '/etc/passwd'],
    ['a path with ..', '../precious'],
    ['a path with .. inside', 'a/../../precious'],
    ['a path with .', './a'],
    ['an empty segment', 'a//b'],
    ['a trailing slash', 'a/'],
    ['an empty path', ''],
    ['a NUL', 'a\u0000b'],
    ['a reserved name', '.tagwave/secret'],
  ])('with %s', async (_what, path) => {
    await refused(withArchive([entryOf(path, 'x')], await tarOf([])), /the manifest is refused: /);
  });

  test('with an entry below a link', async () => {
    const entries = [entryOf('link', { link: '/tmp' }), entryOf('link/x', 'x')];
    await refused(withArchive(entries, await tarOf([])), /"link\/x" below "link", which is no directory/);
  });

  test('with an entry below a file', async () => {
    await refused(
      withArchive([entryOf('a', ''), entryOf('a/b', 'x')], await tarOf([])),
      /below "a", which is no directory/,
    );
  });

  test('with a path twice', async () => {
    await refused(withArchive([entryOf('a', '1'), entryOf('a', '2')], await tarOf([])), /doubled or out of order/);
  });

  test('with an unknown mode', async () => {
    const entry = { ...entryOf('a', '1'), mode: '104755' } as unknown as ReturnType<typeof entryOf>;
    await refused(withArchive([entry], await tarOf([])), /unknown mode/);
  });

  test('that is not the one that was assigned', async () => {
    const view = await viewOf(FILES);
    const other = await viewOf({ a: 'other', 'etc/motd': 'hello' });
    await refused({ ...view, manifest: other.manifest }, /the manifest is not the one that was assigned/);
  });

  test('that is cut off', async () => {
    const view = await viewOf(FILES);
    await refused(
      { ...view, manifest: view.manifest.subarray(0, 100) },
      /the manifest is not the one that was assigned/,
    );
  });

  test('with more files or bytes than were announced', async () => {
    const view = await viewOf(FILES);
    await refused({ ...view, files: 3 }, /has 2 files of 8 bytes, but 3 of 8 were announced/);
    await refused({ ...view, bytes: 5 }, /has 2 files of 8 bytes, but 2 of 5 were announced/);
  });

  test('that is larger than its files can make it', async () => {
    const view = await viewOf(FILES);
    await refused({ ...view, manifest: Buffer.alloc(100_000, ' ') }, /larger than 2 files can make it/);
  });
});

describe('an archive is refused', () => {
  const cases: [string, (members: Member[]) => Member[], RegExp][] = [
    ['an entry that is not listed', (members) => [...members, memberOf('b', 'x')], /"b" is not in the manifest/],
    [
      'an absolute path',
      (members) => [memberOf('/tmp/tagwave-evil', 'x'), ...members],
      /"\/tmp\/tagwave-evil" is not in the manifest/,
    ],
    [
      'a path with ..',
      (members) => [memberOf('../../precious', 'x'), ...members],
      /"..\/..\/precious" is not in the manifest/,
    ],
    [
      'a directory',
      (members) => [{ header: { name: 'etc', type: 'directory' } }, ...members],
      /"etc\/?" is not in the manifest/,
    ],
    ['an entry twice', (members) => [...members, memberOf('a', 'new')], /"a" is in it twice/],
    ['an entry missing', (members) => members.slice(1), /"a" is missing/],
    ['all entries missing', () => [], /"a" and 1 more of the manifest's entries are missing/],
    ['other content', ([, ...rest]) => [memberOf('a', 'NEW'), ...rest], /"a" has other content than the manifest says/],
    ['more content', ([, ...rest]) => [memberOf('a', 'new and more'), ...rest], /"a" has 12 bytes, expected 3/],
    ['less content', ([, ...rest]) => [memberOf('a', ''), ...rest], /"a" has 0 bytes, expected 3/],
    [
      'a link for a file',
      ([, ...rest]) => [memberOf('a', { link: 'new' }), ...rest],
      /"a" is a symlink, expected a file/,
    ],
    [
      'a hard link',
      ([, ...rest]) => [{ header: { name: 'a', type: 'link', linkname: '../../../precious' } }, ...rest],
      /"a" is a link, expected a file/,
    ],
    [
      'a device',
      ([, ...rest]) => [{ header: { name: 'a', type: 'character-device', devmajor: 1, devminor: 3 } }, ...rest],
      /"a" is a character-device, expected a file/,
    ],
    ['a fifo', ([, ...rest]) => [{ header: { name: 'a', type: 'fifo' } }, ...rest], /"a" is a fifo, expected a file/],
  ];
  test.each(cases)('with %s', async (_what, change, sentence) => {
    await refused(await archived(change), sentence);
  });

  test('with a file for a link, and a link that points elsewhere', async () => {
    const entries = [entryOf('link', { link: 'there' })];
    await refused(
      withArchive(entries, await tarOf([memberOf('link', 'there')])),
      /"link" is a file, expected a symlink/,
    );
    await refused(
      withArchive(entries, await tarOf([memberOf('link', { link: '/etc/shadow' })])),
      /"link" has other content/,
    );
  });

  test('that unpacks to far more than was announced', async () => {
    await refused(raw(gzipSync(Buffer.alloc(200_000_000))), /larger than its manifest allows/);
  });

  test('that is larger than anything announced could pack to', async () => {
    await refused(raw(Buffer.alloc(10_000_000, 'x')), /larger than its manifest allows|not a sound tar.gz/);
  });

  test('that is no gzip, no tar, empty, or a part', async () => {
    const { archive } = await viewOf(FILES);
    await refused(raw(Buffer.from('<html>hello</html>')), /not a sound tar\.gz/);
    await refused(raw(gzipSync(Buffer.alloc(2048, 'x'))), /not a sound tar\.gz/);
    await refused(raw(Buffer.alloc(0)), /archive is refused/);
    await refused(raw(archive.subarray(0, archive.length - 20)), /not a sound tar\.gz: unexpected end of file/);
  });
});

describe('the command, given a hostile view, exits 1, says what is wrong with it, and changes nothing:', () => {
  test.each<[string, () => Promise<TestView>, string]>([
    [
      'a manifest that leads outside',
      async () => withArchive([entryOf('../precious', 'x')], await tarOf([])),
      'the manifest is refused: ',
    ],
    [
      'an archive that leads outside',
      () => archived((members) => [memberOf('../../precious', 'x'), ...members]),
      'the archive is refused: ',
    ],
    ['an archive without end', async () => raw(gzipSync(Buffer.alloc(200_000_000))), 'larger than its manifest allows'],
  ])('%s', async (_what, makeView, sentence) => {
    const { server, target, expectUntouched } = await victimOf(await makeView());
    const run = await runClient(pollArgs(server, target));
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toContain(sentence);
    expect(server.reports).toMatchObject([
      { outcome: 'failed', tag: NEXT_TAG, error: expect.stringContaining(sentence) },
    ]);
    await expectUntouched();
  });
});

describe('a name that is there already, as another one that differs in case is on some file systems, is refused', () => {
  test.each<[string, string, (directory: string) => Promise<unknown>]>([
    ['for a file', 'a', (directory) => writeFile(join(directory, 'a'), 'A')],
    ['for a link', 'link', (directory) => writeFile(join(directory, 'link'), 'A')],
    ['for a directory', 'etc', (directory) => mkdir(join(directory, 'etc'))],
    [
      'even where it is a link, which is not followed',
      'a',
      (directory) => symlink('/tmp/tagwave-evil', join(directory, 'a')),
    ],
  ])('%s', async (_what, name, before) => {
    const files = { a: 'new', 'etc/motd': 'hello', link: { link: 'a' } };
    const directory = await disposableDirectory();
    await before(directory);
    const archive = Readable.from([gzipSync(await tarOf(membersOf(files)))]);
    await expect(unpack(archive, { directory, entries: entriesOf(files), done: () => undefined })).rejects.toThrow(
      `"${name}" and another of its names are the same to this file system`,
    );
    expect(existsSync('/tmp/tagwave-evil')).toBe(false);
  });
});
