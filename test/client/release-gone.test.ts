import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type HookHost, hookHost, MODES, say } from './hook-host.ts';
import { treeOf } from './run-client.ts';
import { NEXT_TAG, TAG } from './serve-view.ts';

/** What somebody does who needs space. */
function removeReleases({ target }: HookHost): void {
  for (const name of readdirSync(join(target, 'releases'))) rmSync(join(target, 'releases', name), { recursive: true });
}

describe.each(MODES)('a host whose releases somebody removed, with %s,', (mode) => {
  test('stays on the new one when that fails in use, as there is no way back, and says so', async () => {
    const at = await hookHost(mode);
    await at.serve({ a: 'old' }, undefined, TAG);
    expect((await at.poll()).code).toBe(0);
    removeReleases(at);
    const { stdout } = await at.command('status');
    expect(stdout).toMatch(
      /current: +(releases\/\w{16}, which is on .*, is gone|current points to .*, which is no release); the next/,
    );
    await at.serve({ a: 'new' }, { hooks: [{ run: 'exit 5' }, { run: say(at.beside, 'told') }] }, NEXT_TAG);
    const run = await at.poll();
    expect(run).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('there is no way back') });
    expect(await at.tree()).toEqual({ a: 'new' });
    expect(at.lines()).toEqual(['told']);
  });
});

describe('a first release that removes itself and fails', () => {
  test('is taken off the tree', async () => {
    const at = await hookHost('root');
    await at.serve({ a: 'new' }, { hooks: [{ run: 'rm -rf "$TAGWAVE_RELEASE"; exit 5' }] }, TAG);
    const run = await at.poll();
    expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining('to nothing, as before') });
    expect(await treeOf(join(at.target, '..', 'root'))).toEqual({});
  });
});
