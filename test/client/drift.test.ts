import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { takeStock } from '../../client/adapters/stat-cache.ts';
import { decodeSightings, encodeSightings } from '../../client/core/sightings.ts';
import { HOOKS_PATH, hooksBytes } from '../../protocol/hooks.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { currentTree, pollArgs, runClient, startClient } from './run-client.ts';
import { HOLD, KILLSWITCH, NEXT_TAG, serveView, TAG, type TestView, type ViewServer, viewOf } from './serve-view.ts';

const FILES = {
  a: 'content of a',
  'etc/motd': 'hello\n',
  'etc/link': { link: 'motd' },
  'bin/run': { run: '#!/bin/sh\n' },
};
const TREE = { a: 'content of a', 'etc/motd': 'hello\n', 'etc/link': '-> motd', 'bin/run': '#!/bin/sh\n' };

interface Host {
  readonly server: ViewServer;
  readonly target: string;
  readonly view: TestView;
  /** Where something is in the release in use. */
  at(path: string): string;
  poll(...flags: string[]): ReturnType<typeof runClient>;
}

/** A host that applied FILES long ago, as far as its file system's clock can tell. */
async function host(): Promise<Host> {
  const view = await viewOf(FILES);
  const server = await serveView(view);
  const target = await disposableDirectory();
  const poll = (...flags: string[]) => runClient(pollArgs(server, target, ...flags));
  expect((await poll()).code).toBe(0);
  forget(target);
  server.requests.length = 0;
  server.reports.length = 0;
  return { server, target, view, poll, at: (path) => join(target, 'current', path) };
}

function cachesOf(target: string): string[] {
  return readdirSync(join(target, 'seen')).map((name) => join(target, 'seen', name));
}

/** Lets time pass: what was seen was seen a minute after it was last changed. */
function forget(target: string): void {
  for (const file of cachesOf(target)) {
    const seen = decodeSightings(readFileSync(file));
    if (seen !== undefined) writeFileSync(file, encodeSightings({ ...seen, takenAtMs: seen.takenAtMs + 60_000 }));
  }
}

function rewriteUnseen(path: string): void {
  const { atime, mtime } = statSync(path);
  writeFileSync(path, readFileSync(path, 'utf8').toUpperCase());
  utimesSync(path, atime, mtime);
}

const CHANGES: [string, (at: Host['at']) => void, string, boolean][] = [
  [
    'content of the same size with its time put back',
    (at) => rewriteUnseen(at('etc/motd')),
    '1 path that had drifted: etc/motd (content)',
    true,
  ],
  ['another mode', (at) => chmodSync(at('bin/run'), 0o644), '1 path that had drifted: bin/run (mode)', false],
  ['a file that is gone', (at) => rmSync(at('a')), '1 path that had drifted: a (missing)', true],
  ['a file besides', (at) => writeFileSync(at('etc/extra'), ''), '1 path that had drifted: etc/extra (extra)', false],
  [
    'a link in place of a file',
    (at) => {
      rmSync(at('a'));
      symlinkSync('/etc/passwd', at('a'));
    },
    '1 path that had drifted: a (type)',
    true,
  ],
  [
    'a directory in place of a file',
    (at) => {
      rmSync(at('a'));
      mkdirSync(at('a/b'), { recursive: true });
    },
    '1 path that had drifted: a (type)',
    true,
  ],
  [
    'several things at once',
    (at) => {
      chmodSync(at('etc'), 0o777);
      writeFileSync(at('a'), 'x');
      chmodSync(at('a'), 0o600);
    },
    '2 paths that had drifted: a (content, mode), etc (mode)',
    true,
  ],
];
if (process.getuid?.() === 0)
  CHANGES.push(['another owner', (at) => chownSync(at('a'), 12_345, 0), '1 path that had drifted: a (owner)', false]);

describe('what was changed by hand is repaired, told in one line and reported:', () => {
  test.each(CHANGES)('%s', async (_what, change, sentence, isFetched) => {
    const { server, target, view, poll, at } = await host();
    change(at);
    const damaged = await readlink(join(target, 'current'));
    expect(await poll()).toMatchObject({ code: 0, stderr: '', stdout: `web1: repaired ${sentence}\n` });
    expect(await currentTree(target)).toEqual(TREE);
    expect([statSync(at('bin/run')).mode & 0o7777, statSync(at('etc')).mode & 0o7777]).toEqual([0o755, 0o755]);
    expect(await readlink(join(target, 'current'))).not.toBe(damaged);
    expect(server.count('archive')).toBe(isFetched ? 1 : 0);
    const count = Number(sentence.charAt(0));
    const drifted = { count, paths: expect.any(Array) };
    expect(server.reports).toMatchObject([
      { outcome: 'applied', tag: TAG, digest: view.digest, changed: count, drifted },
    ]);
    expect(await poll()).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(server.reports).toHaveLength(1);
  });

  test('what was edited is found in the release before where it is the same there', async () => {
    const { server, target, poll, at } = await host();
    const next = await viewOf({ ...FILES, b: 'new' });
    server.answer = () => ({ serve: next, tag: NEXT_TAG });
    await poll();
    server.requests.length = 0;
    writeFileSync(at('a'), 'edited');
    expect((await poll()).stdout).toContain('repaired 1 path that had drifted: a (content)');
    expect(server.count('archive')).toBe(0);
    expect(await currentTree(target)).toEqual({ ...TREE, b: 'new' });
  });

  test('time after time, and the release before stays the one to go back to', async () => {
    const { server, target, poll, at } = await host();
    const next = await viewOf({ a: 'next' });
    server.answer = () => ({ serve: next, tag: NEXT_TAG });
    await poll();
    for (const round of [1, 2, 3]) {
      writeFileSync(at('a'), `edited ${round}`);
      expect((await poll()).stdout).toBe('web1: repaired 1 path that had drifted: a (content)\n');
      expect(await currentTree(target)).toEqual({ a: 'next' });
    }
    const state = JSON.parse(readFileSync(join(target, 'state.json'), 'utf8')) as { previous: object };
    expect(state.previous).toMatchObject({ tag: TAG });
  });

  test('all of them with --verbose, in JSON and in status; the first of many otherwise', async () => {
    const { target, poll, at } = await host();
    for (let index = 0; index < 8; index++) writeFileSync(at(`etc/extra-${index}`), '');
    const before = JSON.parse((await runClient(['status', '--target', target, '--json'])).stdout) as { drift: unknown };
    expect(before.drift).toBeNull();
    const seen: { drifted: object[] } = JSON.parse((await poll('--json')).stdout);
    expect(seen).toMatchObject({ outcome: 'applied', exitCode: 0, changed: 8 });
    expect(seen.drifted).toHaveLength(8);
    expect(seen.drifted[0]).toEqual({ path: 'etc/extra-0', how: ['extra'] });
    for (let index = 0; index < 8; index++) writeFileSync(at(`etc/extra-${index}`), '');
    expect((await poll()).stdout).toMatch(
      /^web1: repaired 8 paths that had drifted: etc\/extra-0 \(extra\), .* and 3 more\n$/,
    );
    for (let index = 0; index < 8; index++) writeFileSync(at(`etc/extra-${index}`), '');
    expect((await poll('--verbose')).stdout).toContain('etc/extra-7 (extra)\n');
    expect((await runClient(['status', '--target', target])).stdout).toMatch(
      /drift: +8 paths at 20.*, repaired: etc\/extra-0 \(extra\), .* and 3 more\n/,
    );
  });
});

describe('what no look can tell', () => {
  test('is found by --verify, and by nothing else', async () => {
    const { target, poll, at } = await host();
    writeFileSync(at('a'), 'forged it all');
    forge(target);
    expect(await poll()).toMatchObject({ code: 0, stdout: '' });
    expect((await poll('--verify')).stdout).toBe('web1: repaired 1 path that had drifted: a (content)\n');
    expect(await currentTree(target)).toEqual(TREE);
  });

  test('is found without being asked where the cache is damaged or gone', async () => {
    const { target, poll, at } = await host();
    const [cache = ''] = cachesOf(target);
    for (const spoil of [() => rmSync(cache), () => writeFileSync(cache, 'x'.repeat(500))]) {
      writeFileSync(at('a'), 'forged it all');
      forge(target);
      for (const file of cachesOf(target)) if (file !== cache) rmSync(file);
      spoil();
      expect((await poll()).stdout).toBe('web1: repaired 1 path that had drifted: a (content)\n');
    }
  });
});

/** Makes every cache say that what is there now is right. */
function forge(target: string): void {
  for (const file of cachesOf(target)) {
    const seen = decodeSightings(readFileSync(file));
    if (seen !== undefined) takeStock({ ...seen, file, root: join(target, 'current') });
  }
  forget(target);
}

describe('what drifted is told and not repaired', () => {
  test.each([
    ['a killswitch', 3, KILLSWITCH('stop')],
    ['a hold', 4, HOLD('no-acceptable-tag', 'nothing')],
  ])('under %s', async (_what, code, reply) => {
    const { server, target, poll, at } = await host();
    writeFileSync(at('a'), 'edited');
    server.answer = () => reply;
    const run = await poll();
    expect(run).toMatchObject({ code, stdout: '' });
    expect(run.stderr).toContain('web1: 1 path drifted and not repaired: a (content)\n');
    expect(await poll()).toMatchObject({ code, stderr: '' });
    expect(readFileSync(at('a'), 'utf8')).toBe('edited');
    expect((await runClient(['status', '--target', target])).stdout).toMatch(
      /drift: +1 path at 20.*Z: a \(content\)\n/,
    );
  });

  test('where no server answers', async () => {
    const { server, target, poll, at } = await host();
    writeFileSync(at('a'), 'edited');
    await server.stop();
    expect((await poll()).stderr).toContain('web1: 1 path drifted and not repaired: a (content)\n');
    expect((await currentTree(target))?.['a']).toBe('edited');
  });

  test('where the next release is refused: once, and again when more of it does', async () => {
    const { server, poll, at } = await host();
    const next = await viewOf({ a: 'next', [HOOKS_PATH]: hooksBytes({ hooks: [{ run: 'exit 5' }], verify: [] }) });
    server.answer = () => ({ serve: next, tag: NEXT_TAG });
    expect((await poll()).code).toBe(1);
    expect(await poll()).toMatchObject({ code: 1, stderr: '' });
    for (const [path, found] of [
      ['a', '1 path drifted and not repaired: a (content)'],
      ['etc/motd', '2 paths drifted and not repaired: a (content), etc/motd (content)'],
    ] as const) {
      writeFileSync(at(path), 'edited');
      const run = await poll();
      expect(run).toMatchObject({ code: 1, stdout: '' });
      expect(run.stderr).toContain(`web1: ${found}\n`);
      expect(run.stderr).toContain(`${NEXT_TAG} (${next.digest.slice(0, 23)}) is not tried again`);
      expect(server.reports.at(-1)).toMatchObject({
        outcome: 'refused',
        drifted: { paths: expect.arrayContaining([path]) },
      });
      expect(await poll()).toMatchObject({ code: 1, stderr: '' });
    }
  });

  test('when it cannot be: the failure says why', async () => {
    const { server, poll, at } = await host();
    writeFileSync(at('a'), 'edited');
    server.instead.archive = () => ({ raw: 'no archive' });
    const run = await poll();
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('1 path drifted and not repaired: a (content)');
    expect(run.stderr).toContain('the archive is refused');
    expect(server.reports).toMatchObject([{ outcome: 'failed', drifted: { count: 1, paths: ['a'] } }]);
    server.instead = {};
    expect((await poll()).stdout).toContain('repaired 1 path');
  });
});

test('what the next release overwrites is told with it', async () => {
  const { server, target, poll, at } = await host();
  writeFileSync(at('a'), 'edited');
  const next = await viewOf({ a: 'next' });
  server.answer = () => ({ serve: next, tag: NEXT_TAG });
  const { stdout } = await poll();
  expect(stdout).toContain('web1: 1 path had drifted: a (content)\n');
  expect(stdout).toContain(`web1: now on ${NEXT_TAG}`);
  expect(await currentTree(target)).toEqual({ a: 'next' });
  expect(server.reports).toMatchObject([{ outcome: 'applied', drifted: { count: 1, paths: ['a'] } }]);
});

test('a manifest that is gone is fetched again, and the release that is whole stays in use', async () => {
  const { server, target, poll } = await host();
  rmSync(join(target, 'manifests'), { recursive: true });
  const before = await readlink(join(target, 'current'));
  expect(await poll()).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect(await readlink(join(target, 'current'))).toBe(before);
  expect(server.count('archive')).toBe(0);
  expect(readdirSync(join(target, 'manifests'))).toEqual(readdirSync(join(target, 'releases')));
});

test('a run that is killed while it repairs leaves the damaged release or a whole one, and the next run completes', async () => {
  const { server, target, poll, at } = await host();
  writeFileSync(at('a'), 'edited');
  for (const [kind, number] of [
    ['manifest', 1],
    ['archive', 1],
    ['question', 3],
  ] as const) {
    server.requests.length = 0;
    const asked = stall(server, kind, number);
    const { child, ended } = await startClient(pollArgs(server, target));
    await asked;
    child.kill('SIGKILL');
    await ended;
    expect(await currentTree(target)).toEqual({ ...TREE, a: 'edited' });
  }
  server.instead = {};
  server.answer = () => ({ serve: [...server.views.values()][0] as TestView });
  expect((await poll()).stdout).toContain('repaired 1 path that had drifted: a (content)');
  expect(await currentTree(target)).toEqual(TREE);
  expect(readdirSync(join(target, 'releases')).filter((name) => name.startsWith('.'))).toEqual([]);
});

/** Lets one request of a run hang; resolves when it is there. */
async function stall(server: ViewServer, kind: 'question' | 'manifest' | 'archive', number: number): Promise<void> {
  const [view] = server.views.values();
  const isIt = (): boolean => server.count(kind) === number;
  server.instead = kind === 'question' ? {} : { [kind]: () => (isIt() ? { hang: true } : undefined) };
  server.answer = () => (kind === 'question' && isIt() ? { hang: true } : { serve: view as TestView });
  while (!isIt()) await server.next(kind);
}

test('looks are remembered for releases that are there, and for no others', async () => {
  const { server, target, poll } = await host();
  for (const number of [1, 2, 3, 4]) {
    const view = await viewOf({ number: String(number) });
    server.answer = () => ({ serve: view, tag: NEXT_TAG });
    await poll();
  }
  writeFileSync(join(target, 'seen/0123456789abcdef'), 'of a release that is gone');
  await poll();
  expect(readdirSync(join(target, 'seen')).sort()).toEqual(readdirSync(join(target, 'releases')).sort());
});

test('a target that cannot remember looks is only checked more slowly', async () => {
  const { target, poll, at } = await host();
  rmSync(join(target, 'seen'), { recursive: true });
  writeFileSync(join(target, 'seen'), 'in the way');
  expect(await poll()).toMatchObject({ code: 0, stdout: '', stderr: '' });
  renameSync(at('a'), at('b'));
  expect((await poll()).stdout).toContain('a (missing), b (extra)');
  expect(existsSync(at('b'))).toBe(false);
});

test('a clock that is set back by a year keeps no host from finding drift, moving on and going back', async () => {
  const { server, target, poll, at, view } = await host();
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - 365 * 86_400_000 });
  try {
    writeFileSync(at('etc/motd'), 'by hand\n');
    expect((await poll()).stdout).toContain('etc/motd (content)');
    expect(await currentTree(target)).toEqual(TREE);
    const next = await viewOf({ ...FILES, a: 'next' });
    server.answer = () => ({ serve: next, tag: NEXT_TAG });
    expect(await poll()).toMatchObject({ code: 0, stdout: expect.stringContaining(`now on ${NEXT_TAG}`) });
    server.answer = () => ({ serve: view });
    expect((await poll()).code).toBe(0);
    expect(await currentTree(target)).toEqual(TREE);
  } finally {
    vi.useRealTimers();
  }
});
