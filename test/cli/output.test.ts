import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { serverBundle } from '../rig/server-bundle.ts';
import { NEWEST, testBase, useBases } from './base.ts';

useBases();

test('mark bad acts when nobody reads its output', async () => {
  const { base, read } = await testBase();
  const mark = execa(process.execPath, [await serverBundle(), 'mark', NEWEST, 'bad', '--base', base], {
    reject: false,
  });
  mark.stdout.destroy();
  mark.stderr.destroy();
  await mark;
  expect(await read('tagstate')).toBe(`# marks\n${NEWEST} bad\n`);
});

test('mark bad acts when its output does not fit on the disk, and says by its exit code that something was lost', async () => {
  const { base, read } = await testBase();
  const full = openSync(join('/dev', 'full'), 'w');
  const args = [await serverBundle(), 'mark', NEWEST, 'bad', '--base', base];
  const { status } = spawnSync(process.execPath, args, { stdio: ['ignore', full, full] });
  closeSync(full);
  expect(status).toBe(1);
  expect(await read('tagstate')).toBe(`# marks\n${NEWEST} bad\n`);
});
