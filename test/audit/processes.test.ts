import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { lookAt, openHistory } from './history.ts';

const SOURCE = fileURLToPath(new URL('appending.ts', import.meta.url));
const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));
let program = '';

// Bundled, because it is started often.
beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tagwave-test-'));
  program = join(directory, 'appending.cjs');
  const external = ['better-sqlite3'];
  await build({ entryPoints: [SOURCE], outfile: program, bundle: true, platform: 'node', external });
  return () => rm(directory, { recursive: true });
});

function appending(file: string, name: string, count: number) {
  return execa(process.execPath, [program, file, name, `${count}`], { env: { NODE_PATH: MODULES }, reject: false });
}

test('several processes that add events at once make one chain, in which all of theirs are', async () => {
  const file = join(await disposableDirectory(), 'history.sqlite');
  const { store } = await openHistory(file);
  const ended = await Promise.all(['a', 'b', 'c'].map((name) => appending(file, name, 30)));
  expect(ended.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual(Array(3).fill([0, '']));
  await store.addEvents([]);
  expect(await store.lookAtChain(undefined)).toMatchObject({ chained: 180, apart: 90, flaws: [], flawCount: 0 });
});

test('a process that is killed at any moment leaves a chain that is whole, and others go on with it', async () => {
  const file = join(await disposableDirectory(), 'history.sqlite');
  for (const lines of [1, 3, 8, 21]) {
    const child = appending(file, 'killed', 0);
    const said = createInterface({ input: child.stdout });
    for (let line = 0; line < lines; line += 1) await once(said, 'line');
    child.kill('SIGKILL');
    await child;
    const look = await lookAt(file);
    expect(look).toMatchObject({ flaws: [], flawCount: 0 });
    expect(look.chained).toBeGreaterThanOrEqual(2 * lines);
  }
});
