import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { expect, it, onTestFinished } from 'vitest';
import { openRepository } from '../../server/adapters/git/repository.ts';
import { openThread } from '../../server/adapters/thread.ts';
import { openViewsApart } from '../../server/adapters/views/apart.ts';
import type { ViewJobs } from '../../server/adapters/views/jobs.ts';
import { openViews } from '../../server/adapters/views/views.ts';
import type { Views } from '../../server/ports/content.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { repositoryWith, type TestRepository, writeFiles } from '../rig/repository.ts';
import { node } from '../rig/view-lab.ts';

const LIMITS = { archiveCacheBytes: 2 ** 30, deltaCacheBytes: 2 ** 28 };
const REPO = {
  source: { kind: 'url', url: '/nonexistent', branch: null },
  submodules: 'refuse',
  fetchTimeoutSeconds: 30,
  requireFastForward: false,
} as const;

/** How long this thread was at work, of all the time that something took. */
async function activeDuring(act: () => Promise<unknown>): Promise<number> {
  const before = performance.eventLoopUtilization();
  await act();
  return performance.eventLoopUtilization(before).active;
}

async function stateOn(repository: TestRepository): Promise<string> {
  const stateDir = await disposableDirectory();
  symlinkSync(repository.gitDir, join(stateDir, 'repository.git'));
  return stateDir;
}

it('making views, archives and deltas, checking a tag for many nodes and pruning are next to no work for who answers polls', async () => {
  const files = Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`common/etc/${index}`, `${index}\n`]));
  const repository = await repositoryWith(files);
  const before = await repository.tree();
  await writeFiles(repository.work, { 'common/etc/1': 'changed\n' });
  await repository.commit();
  const plain = await repository.tree();
  await writeFiles(repository.work, {
    'deploy.yml': 'layers: [common]\n',
    'common/etc/who.liquid': '{% for turn in (1..200) %}{{ hostname }}{% endfor %}\n',
  });
  await repository.commit();
  const layered = await repository.tree();
  const fleet = Array.from({ length: 300 }, (_, index) => node(`h${index}`));

  const everything = async (views: Views): Promise<void> => {
    const [old, now] = [await views.ofTree(before), await views.ofTree(plain)];
    await views.archive(now.digest);
    await views.packedManifest(now.digest);
    await views.delta(old.digest, now.digest);
    await views.check(layered, fleet, { everyFile: true });
    for (const one of fleet.slice(0, 20)) await views.ofNode(layered, one);
    await views.prune([], Date.now() + 60_000);
  };

  const stateDir = await stateOn(repository);
  const here = openViews({ stateDir, repository: openRepository({ stateDir, ...REPO }), limits: () => LIMITS });
  const alone = await activeDuring(() => everything(here));

  const setting = { stateDir: await stateOn(repository), repo: REPO, limits: LIMITS };
  const apart = openViewsApart({ thread: openThread<ViewJobs>({ name: 'views', setting }), limits: () => LIMITS });
  onTestFinished(() => apart.close());
  // What starting the thread takes is not what is compared.
  await apart.isCommon((await here.ofTree(before)).digest);
  const beside = await activeDuring(() => everything(apart));
  expect(alone / beside).toBeGreaterThan(4);
});
