import { randomBytes } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, lstat, mkdir, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { type Base, unpack } from '../../client/adapters/unpack.ts';
import { DELTA_PATH } from '../../protocol/delta.ts';
import { parseManifest } from '../../protocol/manifest.ts';
import type { Digest, ObjectId } from '../../protocol/names.ts';
import { blobs, entries } from '../../server/adapters/git/objects.ts';
import { openViews } from '../../server/adapters/views/views.ts';
import type { Views } from '../../server/ports/content.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { file } from '../rig/file-in.ts';
import { repositoryWith, type TestRepository, writeFiles } from '../rig/repository.ts';
import { snapshotOf } from '../rig/tree-snapshot.ts';

/** Views on a real repository, with the number of times that git was asked for contents. */
async function viewsOf(repository: TestRepository, more: { stateDir?: string; deltaCacheBytes?: () => number } = {}) {
  const { stateDir = await disposableDirectory(), deltaCacheBytes = () => 2 ** 28 } = more;
  const limits = () => ({ archiveCacheBytes: 2 ** 32, deltaCacheBytes: deltaCacheBytes() });
  let walks = 0;
  const objects = {
    entries: (tree: ObjectId) => entries(repository, tree),
    blobs: (ids: Iterable<ObjectId>) => {
      walks++;
      return blobs(repository, ids);
    },
    file: (treeish: ObjectId, path: string, limit: number) => file({ store: repository, treeish }, path, limit),
  };
  const views = openViews({ stateDir, repository: objects, limits });
  return { stateDir, views, walks: () => walks, deltas: join(stateDir, 'views', 'deltas') };
}

/** A view for each of these sets of files, one commit each. */
async function commits(repository: TestRepository, views: Views, all: readonly Record<string, string>[]) {
  const digests: Digest[] = [];
  const trees: ObjectId[] = [];
  for (const files of all) {
    await writeFiles(repository.work, files);
    await repository.commit();
    trees.push(await repository.tree());
    digests.push((await views.ofTree(trees.at(-1) as ObjectId)).digest);
  }
  return { digests: digests as [Digest, Digest, ...Digest[]], trees };
}

async function deltaOf(views: Views, from: Digest, to: Digest) {
  return (await views.delta(from, to)) ?? expect.unreachable('there is no delta');
}

async function sha256sum(path: string): Promise<string> {
  return (await execa('sha256sum', [path])).stdout.slice(0, 64);
}

const DEPLOY = (perm: string) => `files: {"etc/same": {perm: "${perm}"}, "**/changed": {perm: "4755"}}\n`;
const HOST = { hostname: 'a.example.com', environment: 'production', groups: [], facts: {} };

/** Changes the work tree in a way of its own for each step. */
const STEPS: ((work: string, step: number) => Promise<unknown>)[] = [
  (work, step) => writeFiles(work, { [`added/${step}`]: `added in ${step}` }),
  (work, step) => writeFiles(work, { 'etc/changed': `changed in ${step}`, 'etc/ümlaut 😀': `${step}` }),
  (work) => rm(join(work, 'etc/gone'), { force: true }),
  (work, step) => rename(join(work, 'etc/moved'), join(work, `etc/moved-${step}`)),
  (work) => chmod(join(work, 'etc/mode'), 0o755),
  async (work) => {
    await rm(join(work, 'turns'), { recursive: true, force: true });
    await symlink('etc/changed', join(work, 'turns'));
  },
  (work) => writeFiles(work, { 'etc/gone': 'back again' }),
  async (work) => {
    await rm(join(work, 'turns'), { recursive: true, force: true });
    await writeFiles(work, { 'turns/into/a/directory': 'x', 'turns/b': 'y' });
  },
  (work) => rm(join(work, 'added'), { recursive: true, force: true }),
  async (work) => {
    await rm(join(work, 'turns'), { recursive: true, force: true });
    await writeFile(join(work, 'turns'), 'a file again');
  },
  async (work, step) => {
    await rm(join(work, 'etc/link'), { force: true });
    await symlink(`there-${step}`, join(work, 'etc/link'));
  },
  (work) => writeFiles(work, { 'deploy.yml': DEPLOY('0600') }),
  async (work) => {
    const moved = (await readdir(join(work, 'etc'))).find((name) => name.startsWith('moved-')) ?? '';
    await rename(join(work, 'etc', moved), join(work, 'etc/moved'));
  },
  (work, step) => writeFiles(work, { large: `${'large '.repeat(45_000)}${step}` }),
  async (work) => {
    for (const name of await readdir(join(work, 'many'))) await writeFile(join(work, 'many', name), `new ${name}`);
  },
  (work) => writeFiles(work, { [`${'d'.repeat(200)}/${'ä'.repeat(100)}/f`]: 'a long name', empty: '' }),
  () => Promise.resolve(),
  (work) => writeFiles(work, { 'deploy.yml': DEPLOY('0440') }),
  async (work) => {
    for (const name of await readdir(work)) if (name !== '.git') await rm(join(work, name), { recursive: true });
  },
];

describe('a delta between any two of 20 tags', () => {
  it('leads from the one exactly to the other, as the whole archive does', { timeout: 120_000 }, async () => {
    const many = Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`many/${index}`, `old ${index}`]));
    const repository = await repositoryWith({
      'etc/changed': 'first',
      'etc/gone': 'x',
      'etc/moved': 'moved about',
      'etc/mode': '#!/bin/sh\n',
      'etc/same': 'never changes',
      turns: 'a file',
      large: 'large '.repeat(45_000),
      ...many,
    });
    const { views } = await viewsOf(repository);
    const trees = [await repository.tree()];
    for (const [step, change] of STEPS.entries()) {
      await change(repository.work, step);
      await repository.commit();
      trees.push(await repository.tree());
    }
    expect(trees).toHaveLength(20);
    const root = await disposableDirectory();
    const releases: Release[] = [];
    for (const tree of trees) {
      const { digest } = await views.ofNode(tree, HOST);
      const manifest = parseManifest(await readFile((await views.manifest(digest))?.path ?? ''));
      const name = `release-${releases.length}`;
      const directory = join(root, name);
      await mkdir(directory);
      await unpackFile((await views.archive(digest))?.path, { directory, entries: manifest });
      releases.push({ digest, entries: manifest, directory, name, tree: await snapshotOf(directory) });
    }
    const signal = new AbortController().signal;
    const check = async (from: Release, to: Release) => {
      const delta = await views.delta(from.digest, to.digest);
      if (from.digest === to.digest) return expect(delta).toBeUndefined();
      const directory = `${from.directory}-to-${to.name}`;
      await mkdir(directory);
      const how = await unpackFile(delta?.path, {
        directory,
        entries: to.entries,
        delta: { from, to: to.digest, signal, found: () => undefined },
      });
      expect([how, await snapshotOf(directory)]).toEqual(['delta', to.tree]);
      await rm(directory, { recursive: true });
    };
    for (const from of releases) await Promise.all(releases.map((to) => check(from, to)));
  });
});

interface Release extends Base {
  readonly tree: Record<string, string>;
}

async function unpackFile(path: string | undefined, unpacking: Omit<Parameters<typeof unpack>[1], 'done'>) {
  return unpack(createReadStream(path ?? ''), { ...unpacking, done: () => undefined });
}

describe('a delta', () => {
  it('says first what it is, then has what the old view does not have just so, and nothing else', async () => {
    const repository = await repositoryWith({});
    const { views } = await viewsOf(repository);
    const { digests } = await commits(repository, views, [
      { a: '1', b: '1' },
      { b: '2', c: '1' },
    ]);
    const [from, to] = digests;
    const delta = await deltaOf(views, from, to);
    const { stdout } = await execa('tar', ['-tzf', delta.path]);
    expect(stdout.split('\n')).toEqual([DELTA_PATH, 'b', 'c']);
    const first = await execa('tar', ['-xOzf', delta.path, DELTA_PATH]);
    expect(JSON.parse(first.stdout)).toEqual({ from, to, delete: [] });
    const back = await deltaOf(views, to, from);
    const other = await execa('tar', ['-xOzf', back.path, DELTA_PATH]);
    expect(JSON.parse(other.stdout)).toEqual({ from: to, to: from, delete: ['c'] });
    expect(delta.sha256).toBe(await sha256sum(delta.path));
  });

  it('has the same bytes whoever makes it', async () => {
    const repository = await repositoryWith({});
    const [one, other] = [await viewsOf(repository), await viewsOf(repository)];
    const { digests, trees } = await commits(repository, one.views, [{ a: '1' }, { a: '2', b: '' }]);
    for (const tree of trees) await other.views.ofTree(tree);
    const [from, to] = digests;
    expect((await deltaOf(one.views, from, to)).sha256).toBe((await deltaOf(other.views, from, to)).sha256);
  });

  it('is made once however many ask for it', async () => {
    const repository = await repositoryWith({});
    const { views, walks } = await viewsOf(repository);
    const { digests } = await commits(repository, views, [{ a: '1' }, { a: '2' }]);
    const before = walks();
    const deltas = await Promise.all(Array.from({ length: 50 }, () => deltaOf(views, digests[0], digests[1])));
    await deltaOf(views, digests[0], digests[1]);
    expect(walks() - before).toBe(1);
    expect(new Set(deltas.map(({ path }) => path)).size).toBe(1);
  });

  it('is found again after a restart, and made again where it is damaged, cut off or gone', async () => {
    const repository = await repositoryWith({});
    const { views, stateDir } = await viewsOf(repository);
    const { digests } = await commits(repository, views, [{ a: '1' }, { a: '2' }]);
    const { path, sha256 } = await deltaOf(views, digests[0], digests[1]);
    const again = await viewsOf(repository, { stateDir });
    expect(await deltaOf(again.views, digests[0], digests[1])).toMatchObject({ path, sha256 });
    expect(again.walks()).toBe(0);
    for (const damage of [
      () => truncate(path, 20),
      () => rm(path),
      () => writeFile(path, 'something else'),
      () => rm(path.replace(/tar\.gz$/, 'json')),
      () => writeFile(path.replace(/tar\.gz$/, 'json'), '{}'),
    ]) {
      await damage();
      expect((await deltaOf(again.views, digests[0], digests[1])).sha256).toBe(sha256);
      expect(await sha256sum(path)).toBe(sha256);
    }
  });

  it('of views that are not known, or to a view that could be taken for one, is none', async () => {
    const repository = await repositoryWith({});
    const { views } = await viewsOf(repository);
    const { digests } = await commits(repository, views, [{ a: '1' }, { [DELTA_PATH]: '{}' }]);
    const unknown = `sha256:${'0'.repeat(64)}` as Digest;
    expect(await views.delta(unknown, digests[0])).toBeUndefined();
    expect(await views.delta(digests[0], unknown)).toBeUndefined();
    expect(await views.delta(digests[0], digests[1])).toBeUndefined();
    expect(await views.delta(digests[0], digests[0])).toBeUndefined();
    expect(gunzipSync(await readFile((await deltaOf(views, digests[1], digests[0])).path)).includes(DELTA_PATH)).toBe(
      true,
    );
  });

  it('that cannot be stored is an error that says so, and is made when it can', async () => {
    const repository = await repositoryWith({});
    const { views, deltas } = await viewsOf(repository);
    const { digests } = await commits(repository, views, [{ a: '1' }, { a: '2' }]);
    await writeFile(deltas, 'in the way');
    await expect(views.delta(digests[0], digests[1])).rejects.toThrow(/the delta from sha256:.+ cannot be stored in /);
    await rm(deltas);
    expect((await deltaOf(views, digests[0], digests[1])).sha256).toBeDefined();
  });

  it('is not made from a repository whose contents are damaged', async () => {
    const repository = await repositoryWith({ a: '1' });
    const first = await viewsOf(repository);
    const { digests } = await commits(repository, first.views, [{ a: '1' }, { a: '2', b: 'b' }]);
    const object = await repository.git(['rev-parse', 'HEAD:a']);
    await rm(join(repository.gitDir, 'objects', object.slice(0, 2), object.slice(2)), { force: true });
    await expect(first.views.delta(digests[0], digests[1])).rejects.toThrow();
    expect((await readdir(first.deltas)).filter((name) => name.endsWith('.gz'))).toEqual([]);
  });
});

describe('all deltas together', () => {
  const content = () => ({ a: randomBytes(20_000).toString('base64') });

  it('take no more than they may, and the least recently used go first', async () => {
    const repository = await repositoryWith({});
    let limit = 70_000;
    const { views, walks, deltas } = await viewsOf(repository, { deltaCacheBytes: () => limit });
    const { digests } = await commits(repository, views, [content(), content(), content(), content()]);
    const [first, second, third, fourth] = digests as [Digest, Digest, Digest, Digest];
    for (const from of [first, second, third]) await deltaOf(views, from, fourth);
    // The first is used again: the second is then the one that goes.
    await deltaOf(views, first, fourth);
    await deltaOf(views, fourth, first);
    const kept = await readdir(deltas);
    expect(await sizeOf(deltas)).toBeLessThanOrEqual(limit);
    const before = walks();
    await deltaOf(views, first, fourth);
    await deltaOf(views, third, fourth);
    await deltaOf(views, fourth, first);
    expect(walks()).toBe(before);
    await deltaOf(views, second, fourth);
    expect([walks(), kept.length]).toEqual([before + 1, 6]);
    limit = 25_000;
    await views.prune([...(await treesOf(repository))], 0);
    expect(await sizeOf(deltas)).toBeLessThanOrEqual(limit);
  });

  it('also take no more after a restart with another bound', async () => {
    const repository = await repositoryWith({});
    const { views, stateDir, deltas } = await viewsOf(repository);
    const { digests } = await commits(repository, views, [content(), content(), content()]);
    await deltaOf(views, digests[0], digests[1]);
    await deltaOf(views, digests[1], digests[0]);
    const again = await viewsOf(repository, { stateDir, deltaCacheBytes: () => 40_000 });
    await deltaOf(again.views, digests[0], digests[2] as Digest);
    expect(await sizeOf(deltas)).toBeLessThanOrEqual(40_000);
  });

  it('are none where none may be kept, and one that is larger than all may be is made once and not kept', async () => {
    const repository = await repositoryWith({});
    let limit = 0;
    const { views, walks, deltas } = await viewsOf(repository, { deltaCacheBytes: () => limit });
    const { digests } = await commits(repository, views, [content(), content()]);
    const before = walks();
    expect(await views.delta(digests[0], digests[1])).toBeUndefined();
    expect(walks()).toBe(before);
    limit = 1_000;
    for (let time = 0; time < 3; time++) expect(await views.delta(digests[0], digests[1])).toBeUndefined();
    expect([walks(), await readdir(deltas)]).toEqual([before + 1, []]);
    limit = 100_000;
    expect(await views.delta(digests[0], digests[1])).toBeDefined();
  });

  it('go with their views, be it the one that they lead from or the one that they lead to', async () => {
    const repository = await repositoryWith({});
    const { views, deltas } = await viewsOf(repository);
    const { digests, trees } = await commits(repository, views, [{ a: '1' }, { a: '2' }, { a: '3' }]);
    const [one, two, three] = digests as [Digest, Digest, Digest];
    const pairs: [Digest, Digest][] = [
      [one, two],
      [two, one],
      [two, three],
      [three, two],
    ];
    for (const [from, to] of pairs) await deltaOf(views, from, to);
    for (const digest of [two, three]) views.handedOut(digest, 2_000);
    expect(await views.prune(trees.slice(1), 1_000)).toEqual([one]);
    const left = (await readdir(deltas)).filter((name) => name.endsWith('.gz')).sort();
    expect(left).toEqual([`${hex(three)}-${hex(two)}.tar.gz`, `${hex(two)}-${hex(three)}.tar.gz`].sort());
    expect(await views.delta(one, two)).toBeUndefined();
  });

  it('begin without what a killed process left half written', async () => {
    const repository = await repositoryWith({});
    const { views, stateDir, deltas } = await viewsOf(repository);
    const { digests } = await commits(repository, views, [{ a: '1' }, { a: '2' }]);
    await mkdir(deltas, { recursive: true });
    await writeFile(join(deltas, `.x.tar.gz.${2 ** 22 + 1}-0123abcd.tmp`), 'half');
    await writeFile(join(deltas, 'not-ours'), '');
    await deltaOf((await viewsOf(repository, { stateDir })).views, digests[0], digests[1]);
    expect((await readdir(deltas)).sort()).toEqual(
      [`${hex(digests[1])}-${hex(digests[0])}.json`, `${hex(digests[1])}-${hex(digests[0])}.tar.gz`, 'not-ours'].sort(),
    );
  });
});

function hex(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

/** Of what deltas take. */
async function sizeOf(directory: string): Promise<number> {
  let total = 0;
  for (const name of await readdir(directory))
    if (name.endsWith('.gz')) total += (await lstat(join(directory, name))).size;
  return total;
}

async function treesOf(repository: TestRepository): Promise<ObjectId[]> {
  return (await repository.git(['log', '--format=%T'])).split('\n') as ObjectId[];
}
