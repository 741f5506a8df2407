import { createHash, randomBytes } from 'node:crypto';
import { chmod, cp, open, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { type Digest, hexOf, type ObjectId, type RelativePath } from '../../protocol/names.ts';
import { blobs, entries } from '../../server/adapters/git/objects.ts';
import { writeMembers } from '../../server/adapters/views/archive.ts';
import { openViews } from '../../server/adapters/views/views.ts';
import type { Views } from '../../server/ports/content.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { file } from '../rig/file-in.ts';
import { repositoryWith, type TestRepository, writeFiles } from '../rig/repository.ts';
import { snapshotOf } from '../rig/tree-snapshot.ts';

async function viewsOf(repository: TestRepository, stateDir?: string) {
  const state = stateDir ?? (await disposableDirectory());
  let walks = 0;
  const objects = {
    entries: (tree: ObjectId) => entries(repository, tree),
    file: (treeish: ObjectId, path: string, limit: number) => file({ store: repository, treeish }, path, limit),
    blobs: (ids: Iterable<ObjectId>) => {
      walks++;
      return blobs(repository, ids);
    },
  };
  return { state, views: openViews({ stateDir: state, repository: objects }), walks: () => walks };
}

async function archiveOf(views: Views, digest: Digest) {
  return (await views.archive(digest)) ?? expect.unreachable('there is no archive');
}

async function failureOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => expect.unreachable('it went well'),
    (error: Error) => error.message,
  );
}

async function sha256sum(path: string): Promise<string> {
  return (await execa('sha256sum', [path])).stdout.slice(0, 64);
}

/** A tree with everything that a host may meet. */
async function motley(): Promise<TestRepository> {
  const names = [
    'a b',
    'q"uo\'te\\',
    'line\nend',
    '😀/😎',
    'x'.repeat(100),
    'y'.repeat(101),
    `${'d'.repeat(200)}/${'ä'.repeat(100)}/f`,
  ];
  const files = Object.fromEntries(names.map((name) => [name, `content of ${name}\n`]));
  const repository = await repositoryWith({
    ...files,
    empty: '',
    'dir/b/c': randomBytes(1000),
    'dir.x': 'between',
    trailing: 'x'.repeat(512),
  });
  await writeFiles(repository.work, { 'bin/run': '#!/bin/sh\n' });
  await chmod(join(repository.work, 'bin/run'), 0o755);
  const targets = {
    link: 'bin/run',
    dangling: '../../out/of/here',
    long: `${'t'.repeat(120)}/ä`,
    short: 'ä',
    absolute: '/etc/passwd',
  };
  for (const [name, target] of Object.entries(targets)) await symlink(target, join(repository.work, `link-${name}`));
  await repository.commit();
  return repository;
}

describe('the archive of a view', () => {
  it('is unpacked by GNU tar, without a warning, to what git archive gives', async () => {
    const repository = await motley();
    const { views } = await viewsOf(repository);
    const { digest } = await views.ofTree(await repository.tree());
    const { path } = await archiveOf(views, digest);
    const [ours, theirs] = [await disposableDirectory(), await disposableDirectory()];
    const { stderr } = await execa('tar', ['-xzf', path, '-C', ours]);
    expect(stderr).toBe('');
    await execa('git', ['-C', repository.work, 'archive', '--output', join(theirs, '..out.tar'), 'HEAD']);
    await execa('tar', ['-xf', join(theirs, '..out.tar'), '-C', theirs]);
    await rm(join(theirs, '..out.tar'));
    const snapshot = await snapshotOf(ours, 0o100);
    expect(Object.keys(snapshot).length).toBe(17);
    expect(snapshot).toEqual(await snapshotOf(theirs, 0o100));
  });

  it('has the manifest’s order, files and links only, owner 0 without a name, time 0 and plain permissions', async () => {
    const repository = await repositoryWith({ 'b/x': 'x', 'b.y': 'y', run: '' });
    await chmod(join(repository.work, 'run'), 0o755);
    await symlink('x', join(repository.work, 'b/link'));
    await repository.commit();
    const { views } = await viewsOf(repository);
    const { path } = await archiveOf(views, (await views.ofTree(await repository.tree())).digest);
    const { stdout } = await execa('tar', ['-tvzf', path], { env: { TZ: 'UTC' } });
    expect(stdout.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
      '-rw-r--r-- 0/0 1 1970-01-01 00:00 b.y',
      'lrwxrwxrwx 0/0 0 1970-01-01 00:00 b/link -> x',
      '-rw-r--r-- 0/0 1 1970-01-01 00:00 b/x',
      '-rwxr-xr-x 0/0 0 1970-01-01 00:00 run',
    ]);
  });

  it('leaves out deploy.yml and tagstate at the root only, and is fine where nothing is left', async () => {
    const repository = await repositoryWith({ 'deploy.yml': '{}', tagstate: '#' });
    const { views } = await viewsOf(repository);
    const empty = await archiveOf(views, (await views.ofTree(await repository.tree())).digest);
    expect((await execa('tar', ['-tzf', empty.path])).stdout).toBe('');
    await writeFiles(repository.work, { 'sub/deploy.yml': '' });
    await repository.commit();
    const some = await archiveOf(views, (await views.ofTree(await repository.tree())).digest);
    expect((await execa('tar', ['-tzf', some.path])).stdout).toBe('sub/deploy.yml');
  });

  it('comes with its size and SHA-256, and its gzip header has neither name nor time', async () => {
    const repository = await motley();
    const { views } = await viewsOf(repository);
    const stored = await archiveOf(views, (await views.ofTree(await repository.tree())).digest);
    expect(stored.sha256).toBe(await sha256sum(stored.path));
    expect(stored.size).toBe((await stat(stored.path)).size);
    expect((await readFile(stored.path)).subarray(0, 9).toString('hex')).toBe('1f8b08000000000000');
  });

  it('has the same bytes from two servers, whatever tree and object store they have it from', async () => {
    const one = await motley();
    const other = await motley();
    await rm(join(other.work, 'dir/b/c'));
    await cp(join(one.work, 'dir/b/c'), join(other.work, 'dir/b/c'));
    await writeFiles(other.work, { tagstate: '# a difference that is none\n' });
    await other.commit();
    await other.git(['gc', '--quiet']);
    const archives = [];
    for (const repository of [one, other]) {
      const { views } = await viewsOf(repository);
      const { digest } = await views.ofTree(await repository.tree());
      archives.push({ digest, sha256: (await archiveOf(views, digest)).sha256 });
    }
    expect(await one.tree()).not.toBe(await other.tree());
    expect(archives[0]).toEqual(archives[1]);
  });

  it('is made once however many ask at the same moment, and not again afterwards or after a restart', async () => {
    const repository = await motley();
    const { views, state, walks } = await viewsOf(repository);
    const { digest } = await views.ofTree(await repository.tree());
    const before = walks();
    const all = await Promise.all(Array.from({ length: 50 }, () => archiveOf(views, digest)));
    expect(walks() - before).toBe(1);
    expect(new Set(all.map(({ sha256 }) => sha256)).size).toBe(1);
    const made = await stat(all[0]?.path ?? '');
    await archiveOf(views, digest);
    const later = await viewsOf(repository, state);
    await archiveOf(later.views, digest);
    const now = await stat(all[0]?.path ?? '');
    expect([now.ino, now.mtimeMs]).toEqual([made.ino, made.mtimeMs]);
    expect(later.walks()).toBe(0);
  });

  it('that was changed or cut off on disk is noticed by a new process and by this one, and made again', async () => {
    const repository = await motley();
    const { views, state } = await viewsOf(repository);
    const { digest } = await views.ofTree(await repository.tree());
    const good = await archiveOf(views, digest);
    const harms = [
      () => truncate(good.path, 100),
      () => writeFile(good.path, 'x'.repeat(good.size)),
      () => rm(good.path),
    ];
    for (const harm of harms) {
      for (const asked of [views, (await viewsOf(repository, state)).views]) {
        await harm();
        expect(await archiveOf(asked, digest)).toEqual(good);
        expect(await sha256sum(good.path)).toBe(good.sha256);
      }
    }
  });

  it('of a content that is not what the manifest says is refused, and nothing is left under its name', async () => {
    const repository = await repositoryWith({ a: 'first', b: randomBytes(600_000).toString('hex'), c: 'last' });
    const { views, state } = await viewsOf(repository);
    const { digest } = await views.ofTree(await repository.tree());
    const loose = async (path: string) => {
      const id = await repository.git(['rev-parse', `HEAD:${path}`]);
      return join(repository.gitDir, 'objects', id.slice(0, 2), id.slice(2));
    };
    for (const path of ['b', 'a']) {
      const good = await readFile(await loose(path));
      await rm(await loose(path));
      await writeFile(await loose(path), await readFile(await loose('c')));
      expect(await failureOf(views.archive(digest))).toContain(`content of "${path}" is not what the manifest says`);
      await writeFile(await loose(path), good.subarray(0, good.length - 9));
      expect(await failureOf(views.archive(digest))).toMatch(/cannot be read|damaged|missing/);
      expect((await readdir(join(state, 'views', hexOf(digest)))).filter((name) => /archive/.test(name))).toEqual([]);
      await writeFile(await loose(path), good);
    }
    expect((await archiveOf(views, digest)).size).toBeGreaterThan(600_000);
    const { stdout } = await execa('ps', ['--ppid', String(process.pid), '-o', 'args='], { reject: false });
    expect(stdout).not.toContain('cat-file');
  });

  it('is made from any tree that has the view, where the objects of another are gone', async () => {
    const repository = await repositoryWith({ a: 'a' });
    const first = await repository.tree();
    await writeFiles(repository.work, { tagstate: '#\n' });
    await repository.commit();
    const second = await repository.tree();
    const { views } = await viewsOf(repository);
    const { digest } = await views.ofTree(first);
    await views.ofTree(second);
    await rm(join(repository.gitDir, 'objects', second.slice(0, 2)), { recursive: true });
    expect((await archiveOf(views, digest)).size).toBeGreaterThan(0);
  });

  it('of a large file is made without holding it in memory', async () => {
    const repository = await repositoryWith({ small: 's' });
    const piece = Buffer.from('a line of some length that compresses well\n'.repeat(20_000));
    const pieces = function* () {
      for (let n = 0; n < 150; n++) yield piece;
    };
    await writeFile(join(repository.work, 'big'), pieces());
    await repository.commit();
    const { views } = await viewsOf(repository);
    const { digest } = await views.ofTree(await repository.tree());
    const before = process.memoryUsage().rss;
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 5);
    const { path } = await archiveOf(views, digest).finally(() => clearInterval(watch));
    const { stdout } = await execa('tar', ['-xzf', path, '--to-command=sha256sum', 'big']);
    expect(stdout.slice(0, 64)).toBe(await sha256sum(join(repository.work, 'big')));
    expect(most - before).toBeLessThan(80 << 20);
  });

  it('whose making was killed leaves nothing that counts, and is made by the next process', async () => {
    const repository = await repositoryWith({});
    for (let n = 0; n < 12; n++) await writeFile(join(repository.work, `f${n}`), randomBytes(1 << 20));
    await repository.commit();
    const { views, state } = await viewsOf(repository);
    const { digest } = await views.ofTree(await repository.tree());
    const directory = join(state, 'views', hexOf(digest));
    for (const fraction of [0, 0.5]) {
      const child = execa(
        'node',
        ['--import', 'tsx', join(import.meta.dirname, '../rig/make-archive.ts'), repository.gitDir, state, digest],
        {
          reject: false,
        },
      );
      await expect
        .poll(() => temporarySize(directory), { timeout: 20_000, interval: 1 })
        .toBeGreaterThan(fraction * (12 << 20));
      child.kill('SIGKILL');
      await child;
      expect(await readdir(directory)).not.toContain('archive.tar.gz');
    }
    expect((await readdir(directory)).filter((name) => name.endsWith('.tmp'))).not.toEqual([]);
    const later = await viewsOf(repository, state);
    const archive = await archiveOf(later.views, digest);
    expect(gunzipSync(await readFile(archive.path)).length).toBeGreaterThan(12 << 20);
    expect(await readdir(directory)).toEqual(['about.json', 'archive.json', 'archive.tar.gz', 'manifest']);
  });
});

/** Bytes of the largest temporary file in a directory; -1 where there is none. */
async function temporarySize(directory: string): Promise<number> {
  const names = (await readdir(directory)).filter((name) => name.endsWith('.tmp'));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).size));
  return Math.max(-1, ...sizes);
}

describe('writing members', () => {
  it('ends with the reason where it is called off before the first, or anywhere', async () => {
    const content = () => Readable.from([Buffer.from('abc')]);
    const entry = { path: 'f' as RelativePath, mode: '100644', size: 3, sha256: sha256Of('abc') } as const;
    for (const after of [0, 1, 3]) {
      const closing = new AbortController();
      const members = async function* () {
        for (let number = 0; number < 5; number++) {
          if (number === after) closing.abort(new Error('called off'));
          yield { entry: { ...entry, path: `f${number}` as RelativePath }, content: content() };
        }
      };
      const handle = await open(join(await disposableDirectory(), 'archive'), 'w');
      expect(await failureOf(writeMembers(handle, members(), closing.signal))).toBe('called off');
      await handle.close();
    }
  });
});

function sha256Of(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
