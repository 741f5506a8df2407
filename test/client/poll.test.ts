import { chmod, mkdir, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { currentTree, pollArgs, runClient, runProcess } from './run-client.ts';
import { NEXT_TAG, PROBLEM, serveView, TAG, viewOf } from './serve-view.ts';

const FILES = { 'etc/motd': 'hello\n', 'etc/run.sh': { run: '#!/bin/sh\n' }, 'etc/link': { link: '../nowhere' } };
const TREE = { 'etc/motd': 'hello\n', 'etc/run.sh': '#!/bin/sh\n', 'etc/link': '-> ../nowhere' };

const releaseOf = (digest: string): string => digest.slice('sha256:'.length).slice(0, 16);

async function released(target: string): Promise<string[]> {
  return (await readdir(join(target, 'releases'))).sort();
}

async function stateOf(target: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(target, 'state.json'), 'utf8')) as Record<string, unknown>;
}

async function changeState(target: string, change: Record<string, unknown>): Promise<void> {
  await writeFile(join(target, 'state.json'), JSON.stringify({ ...(await stateOf(target)), ...change }));
}

describe('a poll', () => {
  test('brings a fresh host to what the server assigns, says so in one line, and reports it', async () => {
    const view = await viewOf(FILES);
    const server = await serveView(view);
    const target = join(await disposableDirectory(), 'not/yet/there');
    const run = await runProcess(pollArgs(server, target));
    expect(run).toMatchObject({
      code: 0,
      stderr: '',
      stdout: `web1: now on ${TAG} (${view.digest.slice(0, 23)}, 3 files)\n`,
    });
    expect(await currentTree(target)).toEqual(TREE);
    expect(await readlink(join(target, 'current'))).toBe(`releases/${releaseOf(view.digest)}`);
    expect(server.requests.map(({ kind }) => kind)).toEqual(['question', 'manifest', 'archive', 'question', 'report']);
    expect(server.reports).toMatchObject([{ outcome: 'applied', tag: TAG, digest: view.digest, changed: 3 }]);
  });

  test('sets modes to 0644 and 0755 and directories to 0755 whatever the umask', async () => {
    const server = await serveView(await viewOf(FILES));
    const target = await disposableDirectory();
    const before = process.umask(0o077);
    try {
      expect((await runProcess(pollArgs(server, target))).code).toBe(0);
    } finally {
      process.umask(before);
    }
    const modeOf = async (path: string): Promise<number> => (await stat(join(target, 'current', path))).mode & 0o7777;
    expect(await Promise.all(['etc/motd', 'etc/run.sh', 'etc', ''].map(modeOf))).toEqual([0o644, 0o755, 0o755, 0o755]);
  });

  test('is silent, downloads nothing and sends no second report when nothing changed', async () => {
    const view = await viewOf(FILES);
    const server = await serveView(view);
    const target = await disposableDirectory();
    await runClient(pollArgs(server, target));
    server.requests.length = 0;
    expect(await runClient(pollArgs(server, target))).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(server.requests.map(({ kind }) => kind)).toEqual(['question']);
    expect(server.requests[0]?.headers).toMatchObject({ 'tagwave-running': view.digest });
    expect(server.requests[0]?.headers['if-none-match']).toBeDefined();
  });

  test('removes files that the next release no longer has, and counts what changed', async () => {
    const server = await serveView(await viewOf({ a: '1', b: '2', 'sub/c': '3' }));
    const target = await disposableDirectory();
    await runClient(pollArgs(server, target));
    const next = await viewOf({ a: '1', b: 'changed', d: 'added' });
    server.answer = () => ({ serve: next, tag: NEXT_TAG });
    const run = await runClient(pollArgs(server, target));
    expect(run.stdout).toBe(`web1: now on ${NEXT_TAG} (${next.digest.slice(0, 23)}, 3 files changed)\n`);
    expect(await currentTree(target)).toEqual({ a: '1', b: 'changed', d: 'added' });
    expect(server.reports.at(-1)).toMatchObject({ outcome: 'applied', changed: 3, tag: NEXT_TAG });
  });

  test('takes a new tag of equal content without a download and without a word', async () => {
    const view = await viewOf(FILES);
    const server = await serveView(view);
    const target = await disposableDirectory();
    await runClient(pollArgs(server, target));
    server.requests.length = 0;
    server.answer = () => ({ serve: view, tag: NEXT_TAG });
    expect(await runClient(pollArgs(server, target))).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(server.requests.map(({ kind }) => kind)).toEqual(['question']);
    expect((await runClient(['status', '--target', target])).stdout).toContain(`current:     ${NEXT_TAG} since`);
  });

  test('applies an empty view', async () => {
    const server = await serveView(await viewOf({}));
    const target = await disposableDirectory();
    expect((await runClient(pollArgs(server, target))).code).toBe(0);
    expect(await currentTree(target)).toEqual({});
  });

  test('takes long paths, many files and large ones', async () => {
    const files: Record<string, string> = {
      [`${'deep/'.repeat(60)}file`]: 'x',
      ü: 'é',
      'big.bin': 'z'.repeat(3_000_000),
    };
    for (let index = 0; index < 500; index++) files[`many/${index}`] = `content ${index}`;
    const server = await serveView(await viewOf(files));
    const target = await disposableDirectory();
    expect(await runClient(pollArgs(server, target))).toMatchObject({ code: 0, stderr: '' });
    expect(await currentTree(target)).toEqual(files);
  });

  test('keeps the release in use, the one before and one more', async () => {
    const target = await disposableDirectory();
    const server = await serveView(undefined);
    const names: string[] = [];
    for (const number of [1, 2, 3, 4, 5]) {
      const view = await viewOf({ number: String(number) });
      names.push(releaseOf(view.digest));
      server.answer = () => ({ serve: view });
      expect((await runClient(pollArgs(server, target))).code).toBe(0);
    }
    expect(await released(target)).toEqual(names.slice(2).sort());
    expect((await readdir(join(target, 'manifests'))).sort()).toEqual(names.slice(2).sort());
    expect(await readlink(join(target, 'current'))).toBe(`releases/${names[4]}`);
  });

  test('goes back to a release that is still there by verifying it instead of fetching it', async () => {
    const first = await viewOf({ a: 'first' });
    const server = await serveView(first);
    const target = await disposableDirectory();
    await runClient(pollArgs(server, target));
    const second = await viewOf({ a: 'second' });
    server.answer = () => ({ serve: second, tag: NEXT_TAG });
    await runClient(pollArgs(server, target));
    server.answer = () => ({ serve: first });
    const before = server.count('archive');
    expect(await runClient(pollArgs(server, target))).toMatchObject({ code: 0, stderr: '' });
    expect(await currentTree(target)).toEqual({ a: 'first' });
    expect(server.count('archive')).toBe(before);
  });

  test.each([
    ['changed', (path: string) => writeFile(join(path, 'a'), 'FIRST')],
    ['of another mode', (path: string) => chmod(join(path, 'a'), 0o600)],
    ['missing', (path: string) => rm(join(path, 'a'))],
    ['besides', (path: string) => writeFile(join(path, 'extra'), '')],
    ['an empty directory besides', (path: string) => mkdir(join(path, 'empty'))],
    [
      'a link to the same content',
      (path: string) => rename(join(path, 'a'), `${path}.a`).then(() => symlink(`${path}.a`, join(path, 'a'))),
    ],
  ])('does not reuse a release with a file that is %s', async (_how, damage) => {
    const first = await viewOf({ a: 'first', b: 'b' });
    const server = await serveView(first);
    const target = await disposableDirectory();
    await runClient(pollArgs(server, target));
    const second = await viewOf({ a: 'second' });
    server.answer = () => ({ serve: second });
    await runClient(pollArgs(server, target));
    await damage(join(target, 'releases', releaseOf(first.digest)));
    server.answer = () => ({ serve: first });
    expect((await runClient(pollArgs(server, target))).code).toBe(0);
    expect(await currentTree(target)).toEqual({ a: 'first', b: 'b' });
    expect(server.count('archive')).toBe(3);
  });
});

describe('a host that was tampered with repairs itself:', () => {
  test.each([
    ['current is missing', (target: string) => rm(join(target, 'current'))],
    [
      'current points elsewhere',
      (target: string) => rm(join(target, 'current')).then(() => symlink('/etc', join(target, 'current'))),
    ],
    ['the release is gone', (target: string) => rm(join(target, 'releases'), { recursive: true })],
    [
      'everything but state.json is gone',
      async (target: string) => {
        for (const name of await readdir(target))
          if (name !== 'state.json') await rm(join(target, name), { recursive: true });
      },
    ],
  ])('%s', async (_what, damage) => {
    const server = await serveView(await viewOf(FILES));
    const target = await disposableDirectory();
    await runClient(pollArgs(server, target));
    await damage(target);
    const run = await runClient(pollArgs(server, target));
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toContain(`now on ${TAG}`);
    expect(await currentTree(target)).toEqual(TREE);
  });

  test('state.json is gone or damaged: what is in use is recognised and stays', async () => {
    const server = await serveView(await viewOf(FILES));
    const target = await disposableDirectory();
    await runClient(pollArgs(server, target));
    await rm(join(target, 'state.json'));
    expect(await runClient(pollArgs(server, target))).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await writeFile(join(target, 'state.json'), '{"version":');
    const run = await runClient(pollArgs(server, target));
    expect(run).toMatchObject({ code: 0, stdout: '' });
    expect(run.stderr).toContain('state.json is damaged: it is begun anew');
    expect(await runClient(pollArgs(server, target))).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(server.count('archive')).toBe(1);
  });

  test.each([
    ['its manifest is gone', true],
    ['its manifest is there', false],
  ])(
    'state.json is gone, the release in use is damaged, %s: it is replaced without ever leaving a gap',
    async (_what, isManifestGone) => {
      const view = await viewOf({ a: 'first' });
      const server = await serveView(view);
      const target = await disposableDirectory();
      await runClient(pollArgs(server, target));
      await rm(join(target, 'state.json'));
      if (isManifestGone) await rm(join(target, 'manifests'), { recursive: true });
      await writeFile(join(target, 'current/a'), 'damaged');
      expect((await runClient(pollArgs(server, target))).code).toBe(0);
      expect(await currentTree(target)).toEqual({ a: 'first' });
      expect(await readlink(join(target, 'current'))).toBe(`releases/${releaseOf(view.digest)}.1`);
      expect(await runClient(pollArgs(server, target))).toMatchObject({ code: 0, stdout: '' });
    },
  );

  test('a directory named current is somebody else’s: it is not replaced', async () => {
    const server = await serveView(await viewOf(FILES));
    const target = await disposableDirectory();
    await mkdir(join(target, 'current'));
    await writeFile(join(target, 'current/precious'), '');
    const run = await runClient(pollArgs(server, target));
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('current is no symbolic link');
    expect(await readdir(join(target, 'current'))).toEqual(['precious']);
  });

  test('a link named releases is not written through', async () => {
    const server = await serveView(await viewOf(FILES));
    const [target, elsewhere] = [await disposableDirectory(), await disposableDirectory()];
    await symlink(elsewhere, join(target, 'releases'));
    const run = await runClient(pollArgs(server, target));
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('releases is no directory');
    expect(await readdir(elsewhere)).toEqual([]);
  });
});

describe('a tag that was asked for', () => {
  test('is asked for, and the next ordinary run goes back to the schedule', async () => {
    const [scheduled, wanted] = [await viewOf({ a: 'scheduled' }), await viewOf({ a: 'wanted' })];
    const server = await serveView(scheduled);
    server.answer = ({ url }) =>
      url.endsWith(`?tag=${NEXT_TAG}`) ? { serve: wanted, tag: NEXT_TAG } : { serve: scheduled };
    const target = await disposableDirectory();
    await runClient(pollArgs(server, target));
    expect((await runClient(pollArgs(server, target, '--tag', `tags/${NEXT_TAG}`))).code).toBe(0);
    expect(await currentTree(target)).toEqual({ a: 'wanted' });
    await runClient(pollArgs(server, target));
    expect(await currentTree(target)).toEqual({ a: 'scheduled' });
  });

  test.each([
    [403, 'tag-not-allowed', 'etchautotag-20261120-0900 is marked bad: "broke ntp"'],
    [404, 'unknown-tag', 'there is no tag etchautotag-20261120-0900'],
  ])('and refused with %i ends with exit 1 and the server’s own words', async (status, code, title) => {
    const server = await serveView(undefined);
    server.answer = () => PROBLEM(status, code, title);
    const run = await runClient(pollArgs(server, await disposableDirectory(), '--tag', NEXT_TAG));
    expect(run.code).toBe(1);
    expect(run.stderr).toContain(title);
  });

  test('and answered with another one is not applied', async () => {
    const server = await serveView(await viewOf(FILES));
    const target = await disposableDirectory();
    const run = await runClient(pollArgs(server, target, '--tag', NEXT_TAG));
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toContain(`answered with ${TAG} when asked for ${NEXT_TAG}`);
    expect(await currentTree(target)).toBeUndefined();
  });
});

describe('a dry run', () => {
  test('tells what would change, exits 6 only with --detailed-exitcode, and writes nothing', async () => {
    const server = await serveView(await viewOf({ a: '1', b: '2' }));
    const target = await disposableDirectory();
    await runClient(pollArgs(server, target));
    const next = await viewOf({ a: 'one', c: '3' });
    server.answer = () => ({ serve: next, tag: NEXT_TAG });
    const before = await stateOf(target);
    const run = await runClient(pollArgs(server, target, '--dry-run'));
    const sentence = `web1: would move to ${NEXT_TAG} (${next.digest.slice(0, 23)}, 3 files: 1 added, 1 changed, 1 removed)\n`;
    expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining(sentence) });
    const detailed = await runClient(pollArgs(server, target, '--dry-run', '--detailed-exitcode', '--verbose'));
    expect(detailed).toMatchObject({ code: 6, stdout: run.stdout });
    expect(await stateOf(target)).toEqual(before);
    expect(await currentTree(target)).toEqual({ a: '1', b: '2' });
    expect(await released(target)).toHaveLength(1);
  });

  test('exits 0 in silence where nothing would change', async () => {
    const server = await serveView(await viewOf(FILES));
    const target = await disposableDirectory();
    await runClient(pollArgs(server, target));
    expect(await runClient(pollArgs(server, target, '--dry-run', '--detailed-exitcode'))).toMatchObject({
      code: 0,
      stdout: '',
    });
  });

  test('makes no directory on a host that has none', async () => {
    const server = await serveView(await viewOf(FILES));
    const target = join(await disposableDirectory(), 'none');
    expect((await runClient(pollArgs(server, target, '--dry-run', '--detailed-exitcode'))).code).toBe(6);
    await expect(stat(target)).rejects.toThrow('ENOENT');
  });
});

describe('reports', () => {
  test('that no server took are handed in by a later run, once each, in order', async () => {
    const server = await serveView(await viewOf({ a: '1' }));
    server.instead.report = () => PROBLEM(503, 'state-unavailable', 'the disk is full');
    const target = await disposableDirectory();
    expect(await runClient(pollArgs(server, target))).toMatchObject({ code: 0, stderr: '' });
    const next = await viewOf({ a: '2' });
    server.answer = () => ({ serve: next, tag: NEXT_TAG });
    expect((await runClient(pollArgs(server, target))).code).toBe(0);
    expect((await runClient(['status', '--target', target])).stdout).toContain('2 not handed in yet');
    server.instead = {};
    expect(await runClient(pollArgs(server, target))).toMatchObject({ code: 0, stdout: '' });
    expect(server.reports.map(({ tag }) => tag)).toEqual([TAG, NEXT_TAG]);
    await runClient(pollArgs(server, target));
    expect(server.reports).toHaveLength(2);
  });

  test('that a server will never take are dropped, and status says why', async () => {
    const server = await serveView(await viewOf({ a: '1' }));
    server.instead.report = () => PROBLEM(400, 'bad-request', 'changed must be a number');
    const target = await disposableDirectory();
    expect((await runClient(pollArgs(server, target))).code).toBe(0);
    const { stdout } = await runClient(['status', '--target', target]);
    expect(stdout).toContain('the server answered a report with 400 (changed must be a number)');
    expect(stdout).not.toContain('not handed in');
  });

  test('say unchanged once a day', async () => {
    const view = await viewOf({ a: '1' });
    const server = await serveView(view);
    const target = await disposableDirectory();
    await runClient(pollArgs(server, target));
    await changeState(target, { reportedAt: new Date(Date.now() - 25 * 3_600_000).toISOString() });
    await runClient(pollArgs(server, target));
    await runClient(pollArgs(server, target));
    expect(server.reports.map(({ outcome }) => outcome)).toEqual(['applied', 'unchanged']);
    expect(server.reports[1]).toMatchObject({ tag: TAG, digest: view.digest, changed: 0 });
  });
});

describe('output for programs', () => {
  test('is one JSON object on stdout for every outcome, and nothing on stderr', async () => {
    const view = await viewOf(FILES);
    const server = await serveView(view);
    const target = await disposableDirectory();
    const outcomes: unknown[] = [];
    const run = async (...flags: string[]): Promise<void> => {
      const { stdout, stderr } = await runClient(pollArgs(server, target, '--json', ...flags));
      expect(stderr).toBe('');
      outcomes.push(JSON.parse(stdout));
    };
    await run('--dry-run', '--detailed-exitcode');
    await run();
    await run();
    server.answer = () => PROBLEM(400, 'bad-hostname', 'no');
    await run();
    expect(outcomes).toMatchObject([
      { outcome: 'would-change', exitCode: 6, difference: { added: ['etc/link', 'etc/motd', 'etc/run.sh'] } },
      { outcome: 'applied', exitCode: 0, tag: TAG, digest: view.digest, changed: 3, hostname: 'web1' },
      { outcome: 'unchanged', exitCode: 0, tag: TAG },
      { outcome: 'failed', exitCode: 1, sentence: 'the server refuses (400): no' },
    ]);
  });

  test('status tells tag, digest, since when, the last answer and the last run', async () => {
    const view = await viewOf(FILES);
    const server = await serveView(view);
    const target = await disposableDirectory();
    expect(await runClient(['status', '--target', target])).toMatchObject({ code: 0, stderr: '' });
    await runClient(pollArgs(server, target));
    const { code, stdout } = await runClient(['status', '--target', target, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      target,
      problem: null,
      current: {
        tag: TAG,
        digest: view.digest,
        release: releaseOf(view.digest),
        since: expect.stringMatching(/^20\d\d-.*Z$/),
      },
      releases: [{ release: releaseOf(view.digest) }],
      server: server.url,
      answer: { outcome: 'serve', tag: TAG, environment: 'production' },
      last: { outcome: 'applied', exitCode: 0 },
      reportsWaiting: 0,
    });
  });

  test('--verbose tells the steps and the server’s reasons on stderr', async () => {
    const server = await serveView(await viewOf(FILES));
    const { stderr } = await runClient(pollArgs(server, await disposableDirectory(), '--verbose'));
    expect(stderr).toContain('production lags 4 hours; due is');
    expect(stderr).toContain('every hash is right');
  });
});

test('progress is shown on a terminal, and nowhere else', async () => {
  const files = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`f${index}`, 'x']));
  const server = await serveView(await viewOf(files));
  const onTerminal = await runProcess(pollArgs(server, await disposableDirectory()), { onTerminal: true });
  expect(onTerminal.stdout).toMatch(/staging etchautotag-20261120-0800: \d+ of 50 files.*web1: now on/s);
  expect(await runProcess(pollArgs(server, await disposableDirectory()))).toMatchObject({ code: 0, stderr: '' });
});

const node18 = process.env['TAGWAVE_TEST_NODE18'];
test.skipIf(node18 === undefined)(
  'the shipped file runs with nothing but Node 18 (skipped unless TAGWAVE_TEST_NODE18 names its binary)',
  async () => {
    const server = await serveView(await viewOf(FILES));
    const target = await disposableDirectory();
    const config = join(await disposableDirectory(), 'client.yml');
    await writeFile(
      config,
      `server: [${server.url.replace('127.0.0.1', 'localhost')}]\nhostname: web1\ntarget: ${target}\n`,
    );
    const node = { node: node18 ?? '' };
    expect(await runProcess(['poll', '--config', config], node)).toMatchObject({ code: 0, stderr: '' });
    expect(await currentTree(target)).toEqual(TREE);
    expect(await runProcess(['poll', '--config', config], node)).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await runProcess(['status', '--config', config], node)).toMatchObject({ code: 0, stderr: '' });
  },
);
