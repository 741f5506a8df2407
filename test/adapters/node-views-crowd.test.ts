import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { repositoryWith } from '../rig/repository.ts';
import { labOn, manifestOf, node, type ViewLab } from '../rig/view-lab.ts';

const MOST = 30;
const MADE_UP = 600;

function views({ stateDir }: ViewLab): string[] {
  return readdirSync(join(stateDir, 'views')).filter((name) => /^[0-9a-f]{64}$/.test(name));
}

it('hostnames and facts that somebody makes up do not add up: the views that nobody asks for go first', async () => {
  const repository = await repositoryWith({
    'deploy.yml': 'layers: [common, "host/{hostname}"]\nfacts: [os]\n',
    'common/etc/who.liquid': '{{ hostname }} {{ facts.os }}\n',
  });
  const lab = await labOn(repository, await disposableDirectory(), { mostOfNodes: MOST });
  const tree = await repository.tree();
  const own = node('own', { facts: { os: 'debian' } });
  const view = await lab.views.ofNode(tree, own);
  for (let index = 0; index < MADE_UP; index++) {
    await lab.views.ofNode(tree, node(`made-up-${index}`, { facts: { os: 'x'.repeat(index % 40) } }));
    // A host that keeps asking keeps its view.
    lab.views.handedOut(view.digest, index);
    if (index % 50 === 49) expect(views(lab)).toContain(view.digest.slice('sha256:'.length));
  }
  expect(views(lab).length).toBe(MOST);
  const rendered = lab.rendered.length;
  expect(await lab.views.ofNode(tree, own)).toEqual(view);
  expect((await manifestOf(lab.views, view.digest)).length).toBe(1);
  expect(lab.rendered.length).toBe(rendered);

  // What had to go is made again for who asks, and a new process goes on with the same bound.
  const first = await lab.views.ofNode(tree, node('made-up-0', { facts: { os: '' } }));
  expect((await manifestOf(lab.views, first.digest)).length).toBe(1);
  const again = await labOn(repository, lab.stateDir, { mostOfNodes: MOST });
  await again.views.ofNode(tree, node('another', { facts: { os: 'debian' } }));
  expect(views(again).length).toBe(MOST);
});
