import { readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { noDisks, smallDisk } from '../rig/small-disk.ts';
import { type HookHost, hookHost } from './hook-host.ts';
import { NEXT_TAG } from './serve-view.ts';

const NO_SPACE = /no space is left/g;

/** A host with a release and the one before, on a disk of its own. */
async function hostOnDisk(): Promise<{ at: HookHost; disk: Awaited<ReturnType<typeof smallDisk>> }> {
  const disk = await smallDisk(2);
  const at = await hookHost('releases', disk.path);
  await at.serve({ a: 'old' });
  expect((await at.poll()).code).toBe(0);
  await at.serve({ a: 'new' }, undefined, NEXT_TAG);
  expect((await at.poll()).code).toBe(0);
  return { at, disk };
}

describe.skipIf(noDisks !== '')(`with a full disk${noDisks}`, () => {
  test('a rollback that would be forgotten is not begun: says why, exits 1, and is made once there is space', async () => {
    const { at, disk } = await hostOnDisk();
    const before = await readlink(join(at.target, 'current'));
    await disk.fill();
    const run = await at.command('rollback');
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr.match(NO_SPACE)).toHaveLength(1);
    expect(run.stderr).toContain('Free some space');
    expect(await readlink(join(at.target, 'current'))).toBe(before);
    const stay = await at.command('rollback', '--to', before.slice('releases/'.length));
    expect(stay).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('no space is left') });
    await disk.free();
    expect((await at.command('rollback')).code).toBe(0);
    expect(await at.tree()).toEqual({ a: 'old' });
    expect((await at.poll()).code).toBe(4);
    expect(await at.tree()).toEqual({ a: 'old' });
  });

  test('a run tells once that there is no space, however many of its steps meet it', async () => {
    const { at, disk } = await hostOnDisk();
    await at.serve({ a: 'newest' });
    await disk.fill();
    const run = await at.poll();
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr.match(NO_SPACE)).toHaveLength(1);
  });
});
