import { cpSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { watchDisk } from '../rig/disk-steps.ts';
import { type HookHost, hookHost, MODES, type Mode, say } from './hook-host.ts';
import { quickDirectory } from './in-place/host-tree.ts';
import { NEXT_TAG, TAG } from './serve-view.ts';

class Killed extends Error {}

/** A run of which nothing reaches the disk any more from its step `at` on. Answers how many steps it took. */
async function pollUpTo(at: HookHost, step: number): Promise<number> {
  const disk = watchDisk((number) => {
    if (number >= step) throw new Killed(`at step ${number}`);
  });
  try {
    await at.poll();
  } catch (error) {
    if (!(error instanceof Killed)) throw error;
  } finally {
    disk.restore();
  }
  return disk.count();
}

/** A host on the old release, and a new one that is assigned and whose second hook fails. */
async function hostBefore(mode: Mode): Promise<HookHost> {
  const at = await hookHost(mode, join(quickDirectory(), 'host'));
  const old = { hooks: [{ when: ['a'], run: say(at.beside, 'old') }] };
  await at.serve({ a: 'old', gone: 'x' }, old, TAG);
  expect((await at.poll()).code).toBe(0);
  const hooks = [{ run: say(at.beside, 'new') }, { run: 'false' }, { run: say(at.beside, 'never') }];
  await at.serve({ a: 'new', fresh: 'y' }, { hooks }, NEXT_TAG);
  return at;
}

test.each(MODES)(
  'a way back that is cut off at any step that changes the disk is gone to its end by the next run (%s)',
  async (mode) => {
    const at = await hostBefore(mode);
    const [directory, saved] = [dirname(at.target), `${dirname(at.target)}-saved`];
    cpSync(directory, saved, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    const before = at.lines().length;
    const count = await pollUpTo(at, Number.POSITIVE_INFINITY);
    expect(count).toBeGreaterThan(60);
    for (let step = 1; step <= count; step++) {
      rmSync(directory, { recursive: true });
      cpSync(saved, directory, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
      at.server.reports.length = 0;
      await pollUpTo(at, step);
      const next = await at.poll();
      expect([step, next.code, await at.tree()]).toEqual([step, 1, { a: 'old', gone: 'x' }]);
      const said = at.lines().slice(before);
      // Whoever was told of the new content was told of the old one after it, and nobody of what came after the failure.
      expect([step, said.includes('new'), said.at(-1)]).toEqual([step, true, 'old']);
      expect(said).not.toContain('never');
      expect(await at.state()).toMatchObject({
        activating: null,
        returning: null,
        running: { tag: TAG },
        refused: { tag: NEXT_TAG },
      });
      const wayBack = at.server.reports.filter(({ outcome }) => outcome === 'rolled-back');
      expect([step, new Set(wayBack.map(({ runId }) => runId)).size]).toEqual([step, 1]);
    }
  },
);
