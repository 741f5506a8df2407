import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { node, viewLab } from '../rig/view-lab.ts';

const MANY = Array.from({ length: 500 }, (_, index) => node(`host${index}`));

it('others get their turn after each node that something is made for', async () => {
  const lab = await viewLab({ 'deploy.yml': 'layers: [common]\n', 'common/etc/name.liquid': '{{ hostname }}' });
  let isDone = false;
  let most = 0;
  const watching = (async () => {
    while (!isDone) {
      const before = lab.rendered.length;
      await setImmediate();
      most = Math.max(most, lab.rendered.length - before);
    }
  })();
  await lab.views.check(await lab.repository.tree(), MANY);
  isDone = true;
  await watching;
  expect(lab.rendered.length).toBe(MANY.length);
  expect(most).toBeLessThanOrEqual(2);
});

it('of a template that no node can have, not every node is tried: one that goes on and on takes long for each', async () => {
  const lab = await viewLab({
    'deploy.yml': 'layers: [common]\n',
    'common/etc/name.liquid': '{{ hostname }}{{ nosuch }}',
  });
  const { flaw } = await lab.views.check(await lab.repository.tree(), MANY);
  expect(lab.rendered.length).toBe(50);
  expect(flaw).toBe(
    'common/etc/name.liquid line 1: undefined variable nosuch, for host0.example.com and 49 more; ' +
      'the other nodes were not looked at any more',
  );
});
