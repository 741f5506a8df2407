import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { execa } from 'execa';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openStore, openStoreForReading } from '../../server/adapters/sqlite/store.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { event, host, poll } from './store-samples.ts';

const SOURCE = fileURLToPath(new URL('store-child.ts', import.meta.url));
const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url));
let program = '';

// Bundled, because it is started often.
beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tagwave-test-'));
  program = join(directory, 'store-child.cjs');
  await build({
    entryPoints: [SOURCE],
    outfile: program,
    bundle: true,
    platform: 'node',
    external: ['better-sqlite3'],
  });
  return () => rm(directory, { recursive: true });
});

function child(verb: string, file: string, name = 'web') {
  return execa(process.execPath, [program, verb, file, name], { env: { NODE_PATH: MODULES } });
}

async function answerOf(verb: string, file: string): Promise<unknown> {
  return JSON.parse((await child(verb, file)).stdout);
}

async function fileIn(name = 'state'): Promise<string> {
  const directory = join(await disposableDirectory(), name);
  await mkdir(directory);
  // The directory that is made for a test is private; the way to this one must be open to other users.
  await chmod(join(directory, '..'), 0o755);
  return join(directory, 'history.sqlite');
}

async function opened(file: string) {
  const store = await openStore(file);
  onTestFinished(() => store.close());
  return store;
}

describe('several processes', () => {
  test('that make one file at once and write to it all have their say', async () => {
    const file = await fileIn();
    const names = ['a', 'b', 'c'];
    const children = await Promise.all(names.map((name) => child('write', file, name)));
    expect(children.map(({ stdout }) => stdout)).toEqual(['"written"', '"written"', '"written"']);
    const store = await opened(file);
    expect(await store.nodes()).toHaveLength(30);
    for (const name of names) expect(await store.reports(host(`${name}-0`), 100)).toHaveLength(20);
    expect(await store.events({ kinds: ['assignment'], limit: 100 })).toHaveLength(30);
  });

  test('wait for each other without blocking, and in the order of the calls', async () => {
    const file = await fileIn();
    const store = await opened(file);
    const other = child('lock', file);
    await once(other.stdout, 'data');
    const done: string[] = [];
    const writes = [1, 2, 3].map((second) => store.addEvents([event(second)]).then(() => done.push(`${second}`)));
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
      if (turns === 20) other.stdin.end();
    }, 5);
    await Promise.all(writes);
    clearInterval(timer);
    expect((await other).stdout).toContain('unlocked');
    expect(turns).toBeGreaterThanOrEqual(20);
    expect((await store.events({ limit: 10, order: 'oldest' })).map((stored) => stored.summary)).toEqual([
      'at 1',
      'at 2',
      'at 3',
    ]);
  });

  test('killed right after a report was answered leave the report behind', async () => {
    const file = await fileIn();
    const killed = child('report', file);
    await once(killed.stdout, 'data');
    killed.kill('SIGKILL');
    await killed.catch(() => undefined);
    const store = await opened(file);
    expect(await store.reports(host('web'), 10)).toHaveLength(1);
    expect(await store.events({ limit: 10 })).toHaveLength(1);
  });
});

describe('a user who may not write', () => {
  async function written(): Promise<string> {
    const file = await fileIn();
    const store = await openStore(file);
    await store.recordPolls([poll('web1', 0)]);
    await store.close();
    return file;
  }
  const refused = { code: 'read-only', message: expect.stringContaining('opened for reading only') };

  test('reads along while a server writes, and is told what was opened for reading only', async () => {
    const file = await written();
    const server = await opened(file);
    await server.recordPolls([poll('web2', 0)]);
    await chmod(join(file, '..'), 0o555);
    expect(await answerOf('read-as-nobody', file)).toEqual({ names: ['web1.example', 'web2.example'], refused });
  });

  test('reads what a server that has stopped has left, and leaves nothing there', async () => {
    const file = await written();
    await chmod(file, 0o444);
    await chmod(join(file, '..'), 0o555);
    expect(await answerOf('read-as-nobody', file)).toEqual({ names: ['web1.example'], refused });
    expect(await readdir(join(file, '..'))).toEqual(['history.sqlite']);
  });

  test('reads what a server that was killed has left', async () => {
    const file = await written();
    const killed = child('report', file);
    await once(killed.stdout, 'data');
    killed.kill('SIGKILL');
    await killed.catch(() => undefined);
    await chmod(join(file, '..'), 0o555);
    expect(await answerOf('read-as-nobody', file)).toEqual({ names: ['web.example', 'web1.example'], refused });
  });

  test('is told when there is nothing yet, or it may not even be read', async () => {
    const file = await fileIn();
    expect(await answerOf('read-as-nobody', file)).toMatchObject({ code: 'absent', message: `there is no ${file}` });
    await (await openStore(file)).close();
    await chmod(file, 0);
    expect(await answerOf('read-as-nobody', file)).toMatchObject({
      code: 'unusable',
      message: expect.stringContaining(file),
    });
  });

  test('who runs a server is refused with the reason, and sees it as trouble', async () => {
    const file = await written();
    await chmod(file, 0o444);
    await chmod(join(file, '..'), 0o555);
    expect(await answerOf('write-as-nobody', file)).toEqual({
      refused: { code: 'read-only', message: expect.stringContaining('cannot be written') },
      trouble: expect.stringContaining('history is not recorded'),
    });
    const missing = join(file, '..', 'other.sqlite');
    expect(await answerOf('write-as-nobody', missing)).toMatchObject({
      refused: { message: expect.stringContaining(missing) },
    });
  });
});

test('a reader sees what is written after it opened, also by a server that starts later', async () => {
  const file = await fileIn();
  await (await openStore(file)).close();
  const reader = await openStoreForReading(file);
  onTestFinished(() => reader.close());
  expect(await reader.nodes()).toEqual([]);
  const server = await opened(file);
  await server.recordPolls([poll('web1', 0)]);
  expect(await reader.nodes()).toHaveLength(1);
});
