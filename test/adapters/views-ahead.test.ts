import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { repositoryWith } from '../rig/repository.ts';
import { labOn, node, type ViewLab, viewLab } from '../rig/view-lab.ts';

/** The names of all files that are kept of views. */
function kept({ stateDir }: ViewLab): string[] {
  const root = join(stateDir, 'views');
  return readdirSync(root, { recursive: true, encoding: 'utf8' }).sort();
}

function views(lab: ViewLab): string[] {
  return kept(lab).filter((name) => /^[0-9a-f]{64}$/.test(name));
}

it('what the first host after the hour asks for is there: manifest, archive, and what leads from the tag before', async () => {
  const lab = await viewLab({ 'etc/motd': 'one\n' });
  const before = await lab.repository.tree();
  const old = await lab.views.ofTree(before);
  const tree = await lab.change({ 'etc/motd': 'two\n' });
  await lab.views.prepare(tree, [], before);
  const { digest } = await lab.views.ofTree(tree);
  const [to, from] = [digest, old.digest].map((one) => one.slice('sha256:'.length));
  for (const name of [`${to}/manifest`, `${to}/manifest.gz`, `${to}/archive.tar.gz`, `deltas/${to}-${from}.tar.gz`])
    expect([name, kept(lab).includes(name)]).toEqual([name, true]);
  const asked = { ...lab.asked };
  expect(await lab.views.archive(digest)).toBeDefined();
  expect(await lab.views.delta(old.digest, digest)).toBeDefined();
  expect(lab.asked).toEqual(asked);
});

const LAYERS = {
  'deploy.yml': 'layers: [common]\n',
  'common/etc/where.liquid': '{{ environment }}\n',
};

it('of a layered tree that is checked before its tag is made, each known kind of node finds its view', async () => {
  const lab = await viewLab(LAYERS);
  const tree = await lab.repository.tree();
  const fleet = ['a', 'b', 'c', 'd'].map((name, index) => node(name, { environment: index < 3 ? 'qa' : 'production' }));
  await lab.views.check(tree, fleet);
  expect(existsSync(join(lab.stateDir, 'views')) ? views(lab) : []).toEqual([]);
  const again = await lab.reopen();
  await again.views.check(tree, fleet, { everyFile: true });
  expect(views(again).length).toBe(2);
  expect(kept(again).filter((name) => name.endsWith('/manifest')).length).toBe(2);
  await again.views.prepare(tree, fleet, undefined);
  expect(kept(again).filter((name) => name.endsWith('/archive.tar.gz')).length).toBe(2);
});

it('where each host has a view of its own, only so many are made before anybody asks', async () => {
  const lab = await viewLab({ ...LAYERS, 'common/etc/who.liquid': '{{ hostname }}\n' });
  const tree = await lab.repository.tree();
  const fleet = Array.from({ length: 260 }, (_, index) => node(`h${index}`));
  expect(await lab.views.check(tree, fleet, { everyFile: true })).toEqual({ isLayered: true, flaw: null });
  expect(views(lab).length).toBe(200);
});

it('what is made ahead takes no more than a share of the room, and a newer tag goes first', async () => {
  const repository = await repositoryWith({ ...LAYERS, 'common/etc/large': 'x'.repeat(3_000) });
  const lab = await labOn(repository, await disposableDirectory(), { archiveCacheBytes: 40_000 });
  const fleet = ['a', 'b', 'c', 'd', 'e'].map((environment) => node(environment, { environment }));
  const tree = await repository.tree();
  await lab.views.prepare(tree, fleet, undefined);
  // A quarter of 40,000 bytes has room for three times 3,000 and some.
  expect(kept(lab).filter((name) => name.endsWith('/archive.tar.gz')).length).toBe(3);
  const next = await lab.change({ 'common/etc/large': 'y' });
  const newest = await lab.change({ 'common/etc/large': 'z' });
  await Promise.all([lab.views.prepare(next, fleet, tree), lab.views.prepare(newest, fleet, tree)]);
  const { digest } = await lab.views.ofNode(next, node('a', { environment: 'a' }));
  expect(kept(lab).includes(`${digest.slice('sha256:'.length)}/archive.tar.gz`)).toBe(false);
});
