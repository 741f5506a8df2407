import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, it, onTestFinished } from 'vitest';
import { openThread, ThreadEnded } from '../../server/adapters/thread.ts';
import { openViewsApart } from '../../server/adapters/views/apart.ts';
import type { Limits } from '../../server/adapters/views/limits.ts';
import { UnfitContent } from '../../server/ports/content.ts';
import type { ViewsSetting } from '../../server/threads/views.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import type { MortalViews } from '../rig/mortal-views-thread.ts';
import { repositoryWith, type TestRepository } from '../rig/repository.ts';
import { until } from '../rig/until.ts';
import { labOn, manifestOf, node, type ViewLab } from '../rig/view-lab.ts';

const LIMITS: Limits = { archiveCacheBytes: 2 ** 30, deltaCacheBytes: 2 ** 28 };
const REPO: ViewsSetting['repo'] = {
  source: { kind: 'url', url: '/nonexistent', branch: null },
  submodules: 'refuse',
  fetchTimeoutSeconds: 30,
  requireFastForward: false,
};

/** Views that a thread makes, and views of the same repository that are made here. */
async function apart(files: Readonly<Record<string, string>>, given: Partial<{ repository: TestRepository }> = {}) {
  const repository = given.repository ?? (await repositoryWith(files));
  const stateDir = await disposableDirectory();
  symlinkSync(repository.gitDir, join(stateDir, 'repository.git'));
  const thread = openThread<MortalViews>({
    name: 'mortal-views',
    file: new URL('../rig/mortal-views-thread.ts', import.meta.url),
    setting: { stateDir, repo: REPO, limits: LIMITS } satisfies ViewsSetting,
    errors: { UnfitContent },
  });
  const views = openViewsApart({ thread, limits: () => LIMITS });
  onTestFinished(() => views.close());
  const here: ViewLab = await labOn(repository, await disposableDirectory());
  return { repository, stateDir, thread, views, here };
}

const LAYERED = {
  'deploy.yml': 'layers: [common, "host/{hostname}"]\nfacts: [os]\n',
  'common/etc/motd.liquid': '{{ hostname }} runs {{ facts.os }}\n',
  'common/etc/plain': 'plain\n',
  'host/a.example.com/etc/own': 'own\n',
};

it('views are the same whoever makes them, of whole trees and of nodes', async () => {
  const { repository, views, here } = await apart(LAYERED);
  const tree = await repository.tree();
  for (const one of ['a', 'b', 'a'].map((name) => node(name, { facts: { os: 'debian', rack: 'r1' } }))) {
    const view = await views.ofNode(tree, one);
    expect(view).toEqual(await here.views.ofNode(tree, one));
    expect(await views.isCommon(view.digest)).toBe(false);
    expect(await manifestOf(views, view.digest)).toEqual(await manifestOf(here.views, view.digest));
    const { entries, content } = await views.preview(tree, one);
    expect(entries).toEqual((await here.views.preview(tree, one)).entries);
    expect(String(await content('etc/motd'))).toBe(`${one.hostname} runs debian\n`);
    expect(await content('etc/other')).toBeUndefined();
  }
  const plain = await here.change({ 'deploy.yml': null });
  const view = await views.ofNode(plain, node('a'));
  expect(view).toEqual(await here.views.ofTree(plain));
  expect([await views.ofTree(plain), await views.isCommon(view.digest)]).toEqual([view, true]);
});

it('a node that cannot have its view is told why each time, and a check names who else cannot, however many there are', async () => {
  const { repository, views, here } = await apart({ ...LAYERED, 'common/etc/rack.liquid': '{{ facts.rack }}\n' });
  const tree = await repository.tree();
  for (const _ of [1, 2]) {
    const unfit = await views.ofNode(tree, node('a', { facts: { os: 'debian' } })).catch((error: unknown) => error);
    expect(unfit).toBeInstanceOf(UnfitContent);
    expect(String(unfit)).toContain('common/etc/rack.liquid line 1: undefined variable facts.rack');
  }
  const fleet = (count: number) => Array.from({ length: count }, (_, index) => node(`h${index}`));
  // More than fit into one message.
  for (const count of [0, 1, 49, 50, 51, 600]) {
    const verdict = await views.check(tree, fleet(count), { everyFile: true });
    expect([count, verdict]).toEqual([count, await here.views.check(tree, fleet(count), { everyFile: true })]);
  }
  const sound = await here.change({ 'common/etc/rack.liquid': null, 'common/etc/motd.liquid': '{{ hostname }}\n' });
  expect(await views.check(sound, fleet(600))).toEqual({ isLayered: true, flaw: null });
});

it('archive, manifest, its gzip and delta are files of the same bytes, looked for once and made again where they are gone', async () => {
  const { repository, views, here } = await apart({ 'etc/motd': 'one\n', 'etc/large': 'x'.repeat(50_000) });
  const old = await views.ofTree(await repository.tree());
  const now = await views.ofTree(await here.change({ 'etc/motd': 'two\n' }));
  await here.views.ofTree(await repository.tree());
  const archive = await views.archive(now.digest);
  expect(archive?.sha256).toBe((await here.views.archive(now.digest))?.sha256);
  const delta = await views.delta(old.digest, now.digest);
  const packed = await views.packedManifest(now.digest);
  const manifest = await views.manifest(now.digest);
  expect(gunzipSync(read(packed)).equals(read(manifest))).toBe(true);
  for (const file of [archive, delta, packed])
    expect(createHash('sha256').update(read(file)).digest('hex')).toBe(file?.sha256);
  expect(await views.archive(now.digest)).toBe(archive);
  for (const file of [archive, delta, packed, manifest]) rmSync(file?.path ?? '');
  expect(await views.archive(now.digest)).toEqual(archive);
  expect(await views.delta(old.digest, now.digest)).toEqual(delta);
  expect(read(await views.packedManifest(now.digest)).length).toBe(packed?.size);
  expect(await views.manifest(now.digest)).toEqual(manifest);
});

it('a thread that ends in the middle fails what waits for it, leaves nothing half-written, and is followed by another', async () => {
  const files = Object.fromEntries(
    Array.from({ length: 400 }, (_, index) => [`etc/${index}`, `${index}\n`.repeat(2000)]),
  );
  const { repository, stateDir, thread, views, here } = await apart(files);
  const view = await views.ofTree(await repository.tree());
  const directory = join(stateDir, 'views', view.digest.slice('sha256:'.length));
  const archive = views.archive(view.digest);
  archive.catch(() => undefined);
  await until(
    'the archive to be begun',
    () => readdirSync(directory).some((name) => name.endsWith('.tmp')) || undefined,
  );
  await expect(thread.ask('die')).rejects.toThrow(ThreadEnded);
  await expect(archive).rejects.toThrow('the mortal-views thread ended (exit code 1)');
  await here.views.ofTree(await repository.tree());
  expect((await views.archive(view.digest))?.sha256).toBe((await here.views.archive(view.digest))?.sha256);
  expect(readdirSync(directory).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

it('closing is done also where the thread ends meanwhile', async () => {
  const { repository, thread, views } = await apart({ a: 'one' });
  await views.ofTree(await repository.tree());
  const dying = expect(thread.ask('die')).rejects.toThrow(ThreadEnded);
  await views.close();
  await dying;
});

it('a view that was handed out is there again where what was recorded of it is lost with the thread', async () => {
  const { repository, stateDir, thread, views } = await apart(LAYERED);
  const view = await views.ofNode(await repository.tree(), node('a', { facts: { os: 'debian' } }));
  await expect(thread.ask('die')).rejects.toThrow(ThreadEnded);
  rmSync(join(stateDir, 'views'), { recursive: true });
  expect((await manifestOf(views, view.digest)).map(({ path }) => path)).toEqual(['etc/motd', 'etc/own', 'etc/plain']);
});

it('views that were pruned are made again for whoever asks', async () => {
  const { repository, views } = await apart(LAYERED);
  const tree = await repository.tree();
  const ask = () => views.ofNode(tree, node('a', { facts: { os: 'debian' } }));
  const view = await ask();
  expect(await views.prune([], Date.now() + 60_000)).toEqual([view.digest]);
  expect(await ask()).toEqual(view);
  views.handedOut(view.digest, Date.now());
  expect(await views.prune([], Date.now() - 60_000)).toEqual([]);
  expect((await manifestOf(views, view.digest)).length).toBe(3);
});

function read(file: { readonly path: string } | undefined): Buffer {
  return readFileSync(file?.path ?? '');
}
