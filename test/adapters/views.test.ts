import { chmod, mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseManifest } from '../../protocol/manifest.ts';
import { type Digest, hexOf, type ObjectId } from '../../protocol/names.ts';
import { blobs, entries } from '../../server/adapters/git/objects.ts';
import { openViews } from '../../server/adapters/views/views.ts';
import type { Views } from '../../server/ports/content.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { file } from '../rig/file-in.ts';
import { repositoryWith, type TestRepository, writeFiles } from '../rig/repository.ts';

const HOUR = 3_600_000;

/** Views on a real repository, with a record of which blobs were read. */
async function viewsOf(repository: TestRepository, stateDir?: string) {
  const state = stateDir ?? (await disposableDirectory());
  const read: ObjectId[] = [];
  const objects = {
    entries: (tree: ObjectId) => entries(repository, tree),
    file: (treeish: ObjectId, path: string, limit: number) => file({ store: repository, treeish }, path, limit),
    blobs: (ids: Iterable<ObjectId>) => {
      const asked = [...ids];
      read.push(...asked);
      return blobs(repository, asked);
    },
  };
  return { state, read, views: openViews({ stateDir: state, repository: objects }) };
}

async function manifestText(views: Views, digest: Digest): Promise<string> {
  const stored = await views.manifest(digest);
  return stored ? readFile(stored.path, 'utf8') : expect.unreachable('there is no manifest');
}

async function failureOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => expect.unreachable('it went well'),
    (error: Error) => error.message,
  );
}

async function namesBelow(directory: string): Promise<string[]> {
  return (await readdir(directory, { recursive: true })).sort();
}

const isRoot = process.getuid?.() === 0;

describe('the view of a tree', () => {
  it('has a manifest whose SHA-256, as sha256sum prints it, is the digest', async () => {
    const repository = await repositoryWith({ 'etc/motd': 'hello\n', b: 'b', 'a b': '' });
    const { views } = await viewsOf(repository);
    const view = await views.ofTree(await repository.tree());
    const stored = await views.manifest(view.digest);
    const { stdout } = await execa('sha256sum', [stored?.path ?? '']);
    expect(`sha256:${stdout.slice(0, 64)}`).toBe(view.digest);
    expect(stored?.sha256).toBe(stdout.slice(0, 64));
    expect(stored?.size).toBe((await stat(stored?.path ?? '')).size);
    expect(view).toEqual({ digest: view.digest, files: 3, bytes: 7 });
  });

  it('lists path, mode, size and SHA-256 in this order, a line each', async () => {
    const repository = await repositoryWith({ 'etc/motd': 'hello\n' });
    await writeFiles(repository.work, { run: '#!/bin/sh\n' });
    await chmod(join(repository.work, 'run'), 0o755);
    await symlink('../ä', join(repository.work, 'link'));
    await repository.commit();
    const { views } = await viewsOf(repository);
    const { digest } = await views.ofTree(await repository.tree());
    const sum = async (content: string) => (await execa('sha256sum', { input: content })).stdout.slice(0, 64);
    expect(await manifestText(views, digest)).toBe(
      [
        `{"path":"etc/motd","mode":"100644","size":6,"sha256":"${await sum('hello\n')}"}\n`,
        `{"path":"link","mode":"120000","size":5,"sha256":"${await sum('../ä')}"}\n`,
        `{"path":"run","mode":"100755","size":10,"sha256":"${await sum('#!/bin/sh\n')}"}\n`,
      ].join(''),
    );
  });

  it('of nothing has a manifest of no bytes', async () => {
    const repository = await repositoryWith({ 'deploy.yml': '{}', tagstate: '#\n' });
    const { views } = await viewsOf(repository);
    const view = await views.ofTree(await repository.tree());
    expect(view).toEqual({
      digest: `sha256:${'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'}`,
      files: 0,
      bytes: 0,
    });
    expect(await manifestText(views, view.digest)).toBe('');
  });

  it('is the same for trees that differ only in deploy.yml and tagstate at the root, below which they count', async () => {
    const repository = await repositoryWith({ keep: 'k', tagstate: '# one\n' });
    const first = await repository.tree();
    await writeFiles(repository.work, { tagstate: '# two\n', 'deploy.yml': '{}' });
    await repository.commit();
    const second = await repository.tree();
    await writeFiles(repository.work, { 'sub/tagstate': '# three\n' });
    await repository.commit();
    const { views } = await viewsOf(repository);
    const [one, two, three] = [
      await views.ofTree(first),
      await views.ofTree(second),
      await views.ofTree(await repository.tree()),
    ];
    expect(first).not.toBe(second);
    expect(two).toEqual(one);
    expect(three.digest).not.toBe(one.digest);
    expect(three.files).toBe(2);
  });

  it('holds names with spaces, quotes, line ends, emoji, and of more than 255 bytes', async () => {
    const names = [
      'a b',
      'q"uo\'te\\',
      'line\nend\r\u2028',
      '😀/😎',
      'x'.repeat(101),
      `${'d'.repeat(200)}/${'ä'.repeat(100)}/f`,
    ];
    const repository = await repositoryWith(Object.fromEntries(names.map((name) => [name, name])));
    const { views } = await viewsOf(repository);
    const { digest } = await views.ofTree(await repository.tree());
    const paths = parseManifest(Buffer.from(await manifestText(views, digest))).map(({ path }) => path);
    expect(new Set(paths)).toEqual(new Set(names));
  });

  it('reads only contents that no earlier view had, also after a restart', async () => {
    const repository = await repositoryWith({ a: 'a', b: 'b', same: 'a' });
    const { views, state, read } = await viewsOf(repository);
    await views.ofTree(await repository.tree());
    expect(read).toHaveLength(2);
    await writeFiles(repository.work, { c: 'c' });
    await repository.commit();
    const later = await viewsOf(repository, state);
    await later.views.ofTree(await repository.tree());
    expect(later.read).toEqual([await repository.git(['rev-parse', 'HEAD:c'])]);
  });

  it('is known after a restart without reading anything, trees and files included', async () => {
    const repository = await repositoryWith({ a: 'a' });
    const { views, state } = await viewsOf(repository);
    const view = await views.ofTree(await repository.tree());
    await rm(repository.gitDir, { recursive: true });
    const later = await viewsOf(repository, state);
    expect(await manifestText(later.views, view.digest)).toContain('"path":"a"');
    expect(await later.views.ofTree(await treeOf(state, view.digest))).toEqual(view);
  });

  it('is made once however many ask at the same moment', async () => {
    const repository = await repositoryWith({ a: 'a', b: 'b' });
    const { views, read } = await viewsOf(repository);
    const tree = await repository.tree();
    const all = await Promise.all(Array.from({ length: 50 }, () => views.ofTree(tree)));
    expect(new Set(all.map(({ digest }) => digest)).size).toBe(1);
    expect(read).toHaveLength(2);
  });

  it.each([
    ['a link with an empty target', '120000 link', ''],
    ['a link with a NUL in its target', '120000 link', 'a\0b'],
    ['a link whose target is not UTF-8', '120000 link', '\xe9'],
    ['a link with a target longer than hosts take', '120000 link', 'x'.repeat(4096)],
    ['a path that is reserved', '100644 .tagwave', 'x'],
  ])('is refused for %s, however often asked', async (_what, line, content) => {
    const repository = await repositoryWith({ file: content });
    const blob = await repository.git(['hash-object', '-w', '--stdin'], Buffer.from(content, 'latin1'));
    const tree = await repository.treeOf([Buffer.concat([Buffer.from(`${line}\0`), Buffer.from(blob, 'hex')])]);
    const { views } = await viewsOf(repository);
    for (const _again of [1, 2]) expect(await failureOf(views.ofTree(tree))).toMatch(/link|reserved/);
  });

  it('is refused where the repository has lost a content, and made once it is back', async () => {
    const repository = await repositoryWith({ a: 'first', b: 'second' });
    const { views } = await viewsOf(repository);
    const blob = await repository.git(['rev-parse', 'HEAD:b']);
    await rm(join(repository.gitDir, 'objects', blob.slice(0, 2)), { recursive: true });
    expect(await failureOf(views.ofTree(await repository.tree()))).toContain(`the object ${blob} is missing`);
    await repository.git(['hash-object', '-w', '--stdin'], Buffer.from('second'));
    expect((await views.ofTree(await repository.tree())).files).toBe(2);
  });

  it('is refused where an object has another content than its name says', async () => {
    const repository = await repositoryWith({ a: 'first', b: 'other' });
    const [a, b] = [await repository.git(['rev-parse', 'HEAD:a']), await repository.git(['rev-parse', 'HEAD:b'])];
    const loose = (id: string) => join(repository.gitDir, 'objects', id.slice(0, 2), id.slice(2));
    await rm(loose(a));
    await writeFile(loose(a), await readFile(loose(b)));
    const { views } = await viewsOf(repository);
    expect(await failureOf(views.ofTree(await repository.tree()))).toContain(
      `the object ${a} in the repository is damaged`,
    );
  });
});

async function treeOf(state: string, digest: Digest): Promise<ObjectId> {
  return JSON.parse(await readFile(join(state, 'views', hexOf(digest), 'about.json'), 'utf8')).trees[0];
}

describe('what is on disk', () => {
  it('is verified once by a new process: a changed, cut off or missing manifest is made again', async () => {
    const repository = await repositoryWith({ a: 'a', b: 'b' });
    const { views, state } = await viewsOf(repository);
    const { digest } = await views.ofTree(await repository.tree());
    const good = await manifestText(views, digest);
    const path = join(state, 'views', hexOf(digest), 'manifest');
    for (const harm of [() => writeFile(path, good.replace('"a"', '"x"')), () => truncate(path, 20), () => rm(path)]) {
      await harm();
      expect(await manifestText((await viewsOf(repository, state)).views, digest)).toBe(good);
      await harm();
      expect(await manifestText(views, digest)).toBe(good);
    }
  });

  it('is made again after the state directory was wiped under a running server', async () => {
    const repository = await repositoryWith({ a: 'a' });
    const { views, state } = await viewsOf(repository);
    const { digest } = await views.ofTree(await repository.tree());
    const good = await manifestText(views, digest);
    await rm(join(state, 'views'), { recursive: true });
    expect(await manifestText(views, digest)).toBe(good);
    await rm(state, { recursive: true });
    expect((await views.archive(digest))?.size).toBeGreaterThan(0);
    expect(await views.ofTree(await repository.tree())).toMatchObject({ digest });
  });

  it('does not matter where it is nonsense: every damaged file is replaced', async () => {
    const repository = await repositoryWith({ a: 'a', b: 'b' });
    const { views, state } = await viewsOf(repository);
    const view = await views.ofTree(await repository.tree());
    await views.archive(view.digest);
    const files = await namesBelow(join(state, 'views', hexOf(view.digest)));
    for (const name of files) await writeFile(join(state, 'views', hexOf(view.digest), name), 'nonsense');
    await writeFile(join(state, 'views', 'blobs.sqlite'), 'nonsense '.repeat(2000));
    const later = await viewsOf(repository, state);
    expect(await later.views.ofTree(await repository.tree())).toEqual(view);
    const [manifest, archive] = [await later.views.manifest(view.digest), await later.views.archive(view.digest)];
    for (const stored of [manifest, archive])
      expect((await execa('sha256sum', [stored?.path ?? ''])).stdout.slice(0, 64)).toBe(stored?.sha256);
    await writeFiles(repository.work, { c: 'c' });
    await repository.commit();
    const last = await viewsOf(repository, state);
    await last.views.ofTree(await repository.tree());
    expect(last.read).toHaveLength(1);
  });

  it('that remembers sums is not trusted where a bit flipped', async () => {
    const repository = await repositoryWith({ a: 'a' });
    const { views, state } = await viewsOf(repository);
    await views.ofTree(await repository.tree());
    const path = join(state, 'views', 'blobs.sqlite');
    const bytes = await readFile(path);
    const sum = Buffer.from((await execa('sha256sum', { input: 'a' })).stdout.slice(0, 64), 'hex');
    const at = bytes.indexOf(sum);
    expect(at).toBeGreaterThan(0);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    await writeFile(path, bytes);
    await writeFiles(repository.work, { b: 'b' });
    await repository.commit();
    const later = await viewsOf(repository, state);
    const fresh = await viewsOf(repository);
    const tree = await repository.tree();
    expect(await later.views.ofTree(tree)).toEqual(await fresh.views.ofTree(tree));
  });

  it('is open to the server only', async () => {
    const repository = await repositoryWith({ a: 'a' });
    const { views, state } = await viewsOf(repository);
    const { digest } = await views.ofTree(await repository.tree());
    await views.archive(digest);
    expect((await stat(join(state, 'views'))).mode & 0o077).toBe(0);
  });
});

describe('where nothing can be written', () => {
  /** A state directory whose `views` is a file: nothing below it can be made, by root neither. */
  async function blocked() {
    const repository = await repositoryWith({ a: 'a' });
    const state = await disposableDirectory();
    await writeFile(join(state, 'views'), '');
    return { repository, ...(await viewsOf(repository, state)) };
  }

  it('a tree has its digest all the same, and manifest and archive say what is wrong', async () => {
    const { repository, views } = await blocked();
    const view = await views.ofTree(await repository.tree());
    expect(view.files).toBe(1);
    const sentence = new RegExp(
      `the view ${view.digest} cannot be stored in .*views: .*tried again with the next request`,
    );
    expect(await failureOf(views.manifest(view.digest))).toMatch(sentence);
    expect(await failureOf(views.archive(view.digest))).toMatch(sentence);
    views.handedOut(view.digest, 0);
  });

  it('recovers without a restart', async () => {
    const { repository, views, state } = await blocked();
    const { digest } = await views.ofTree(await repository.tree());
    await failureOf(views.manifest(digest));
    await rm(join(state, 'views'));
    expect(await manifestText(views, digest)).toContain('"path":"a"');
    expect((await views.archive(digest))?.size).toBeGreaterThan(0);
  });

  it.skipIf(!isRoot)('a full disk leaves nothing half-written and is named', async () => {
    const state = await smallDisk('300k');
    const repository = await repositoryWith({
      small: 's',
      big: new Uint8Array(2_000_000).map((_, n) => (n * n * 31) >> 7),
    });
    const { views } = await viewsOf(repository, state);
    const { digest } = await views.ofTree(await repository.tree());
    await writeFile(join(state, 'ballast'), Buffer.alloc(1_000_000)).catch(() => undefined);
    expect(await failureOf(views.archive(digest))).toMatch(/cannot be stored in .*ENOSPC.*Free some space/);
    expect((await namesBelow(state)).filter((name) => /tmp$|archive/.test(name))).toEqual([]);
    await rm(join(state, 'ballast'));
    await execa('mount', ['-o', 'remount,size=8m', state]);
    expect((await views.archive(digest))?.size).toBeGreaterThan(0);
  });

  it.skipIf(!isRoot)('a read-only disk still gives what it has, and says what it cannot take', async () => {
    const state = await smallDisk('8m');
    const repository = await repositoryWith({ a: 'a' });
    const first = await repository.tree();
    const old = await (await viewsOf(repository, state)).views.ofTree(first);
    await writeFiles(repository.work, { b: 'b' });
    await repository.commit();
    await execa('mount', ['-o', 'remount,ro', state]);
    const { views } = await viewsOf(repository, state);
    expect(await views.ofTree(first)).toEqual(old);
    expect(await manifestText(views, old.digest)).toContain('"path":"a"');
    const { digest } = await views.ofTree(await repository.tree());
    views.handedOut(digest, 0);
    expect(await failureOf(views.archive(old.digest))).toMatch(/cannot be stored in .*EROFS.*Mount it writable/);
    expect(await failureOf(views.manifest(digest))).toMatch(/cannot be stored in .*EROFS/);
    expect(await failureOf(views.prune([], 1))).toMatch(/cannot be removed in .*EROFS/);
    await execa('mount', ['-o', 'remount,rw', state]);
    expect(await manifestText(views, digest)).toContain('"path":"b"');
  });
});

/** A file system of its own, as root can have it. */
async function smallDisk(size: string): Promise<string> {
  const directory = await disposableDirectory();
  await execa('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory]);
  onTestFinished(async () => {
    await execa('umount', [directory]);
  });
  return directory;
}

describe('a digest', () => {
  it('that was never handed out is unknown', async () => {
    const { views } = await viewsOf(await repositoryWith({}));
    const digest = `sha256:${'0'.repeat(64)}` as Digest;
    expect(await views.manifest(digest)).toBeUndefined();
    expect(await views.archive(digest)).toBeUndefined();
  });

  it('made by another process is known at once', async () => {
    const repository = await repositoryWith({ a: 'a' });
    const { views, state } = await viewsOf(repository);
    const other = await viewsOf(repository, state);
    await other.views.manifest(`sha256:${'0'.repeat(64)}` as Digest);
    const { digest } = await views.ofTree(await repository.tree());
    expect(await manifestText(other.views, digest)).toContain('"path":"a"');
  });
});

describe('pruning', () => {
  const at = Date.parse('2026-11-20T08:00:00Z');

  async function twoViews() {
    const repository = await repositoryWith({ a: 'a' });
    const first = await repository.tree();
    await writeFiles(repository.work, { b: 'b' });
    await repository.commit();
    const second = await repository.tree();
    const { views, state } = await viewsOf(repository);
    const digests = { old: (await views.ofTree(first)).digest, new: (await views.ofTree(second)).digest };
    return { repository, views, state, first, second, digests };
  }

  it('drops what no tree to keep has, and what was dropped is unknown', async () => {
    const { views, state, second, digests } = await twoViews();
    expect(await views.prune([second], at)).toEqual([digests.old]);
    expect(await views.manifest(digests.old)).toBeUndefined();
    expect(await views.archive(digests.old)).toBeUndefined();
    expect(await manifestText(views, digests.new)).not.toBe('');
    expect(await namesBelow(join(state, 'views'))).not.toContain(hexOf(digests.old));
  });

  it('keeps what was handed out at the given instant or later, and drops it after', async () => {
    const { views, second, digests } = await twoViews();
    views.handedOut(digests.old, at);
    expect(await views.prune([second], at)).toEqual([]);
    expect(await views.prune([second], at + 1)).toEqual([digests.old]);
  });

  it('remembers across a restart what was handed out, never for too short', async () => {
    const { views, repository, state, second, digests } = await twoViews();
    views.handedOut(digests.old, at - 5 * HOUR);
    views.handedOut(digests.old, at);
    views.handedOut(digests.old, at + 30_000);
    const path = join(state, 'views', hexOf(digests.old), 'handed-out');
    await expect.poll(async () => (await stat(path).catch(() => undefined))?.mtimeMs ?? 0).toBeGreaterThan(at);
    const later = await viewsOf(repository, state);
    expect(await later.views.prune([second], at + 30_000)).toEqual([]);
    expect(await later.views.prune([second], at + HOUR)).toEqual([digests.old]);
  });

  it('goes by the last time, even where the clock had been ahead', async () => {
    const { views, second, digests } = await twoViews();
    views.handedOut(digests.old, at + 9000 * HOUR);
    views.handedOut(digests.old, at);
    expect(await views.prune([second], at + 1)).toEqual([digests.old]);
  });

  it('takes nothing from whoever had just asked: handing out makes a dropped view known again', async () => {
    const { views, second, digests } = await twoViews();
    await views.prune([second], at);
    views.handedOut(digests.old, at);
    expect(await manifestText(views, digests.old)).toContain('"path":"a"');
    expect(await views.prune([second], at)).toEqual([]);
  });

  it('leaves of a kept view that nobody was given lately only the record; its files are made again when asked for', async () => {
    const { repository, views, state, first, second, digests } = await twoViews();
    for (const digest of [digests.old, digests.new]) await views.archive(digest);
    views.handedOut(digests.old, at - HOUR);
    views.handedOut(digests.new, at);
    expect(await views.prune([first, second], at)).toEqual([]);
    expect(await namesBelow(join(state, 'views', hexOf(digests.old)))).not.toContain('manifest');
    expect(await namesBelow(join(state, 'views', hexOf(digests.old)))).not.toContain('archive.tar.gz');
    expect(await namesBelow(join(state, 'views', hexOf(digests.new)))).toContain('archive.tar.gz');
    const later = await viewsOf(repository, state);
    expect((await later.views.ofTree(first)).digest).toBe(digests.old);
    expect(await manifestText(later.views, digests.old)).toBe(await manifestText(views, digests.old));
    expect((await views.archive(digests.old))?.size).toBeGreaterThan(0);
  });

  it('drops views that only an earlier process knew, and half views without a record', async () => {
    const { repository, state, digests } = await twoViews();
    const half = `sha256:${'1'.repeat(64)}` as Digest;
    await mkdir(join(state, 'views', hexOf(half)));
    const later = await viewsOf(repository, state);
    expect(new Set(await later.views.prune([], at))).toEqual(new Set([digests.old, digests.new, half]));
    expect((await namesBelow(join(state, 'views'))).filter((name) => !name.startsWith('blobs.sqlite'))).toEqual([]);
  });

  it('of a view keeps it as long as one of its trees is kept', async () => {
    const repository = await repositoryWith({ a: 'a' });
    const first = await repository.tree();
    await writeFiles(repository.work, { tagstate: '#\n' });
    await repository.commit();
    const { views } = await viewsOf(repository);
    const view = await views.ofTree(first);
    await views.ofTree(await repository.tree());
    expect(await views.prune([first], at)).toEqual([]);
    expect(await views.prune([first], at)).toEqual([]);
    expect(await views.ofTree(await repository.tree())).toEqual(view);
  });
});
