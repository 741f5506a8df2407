import { chmodSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import type { Base } from '../../client/adapters/unpack.ts';
import { DELTA_PATH } from '../../protocol/delta.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { baseIn, fetching } from './fetching.ts';
import { currentTree, pollArgs, runClient } from './run-client.ts';
import {
  archiveReply,
  deltaOf,
  type Files,
  type Member,
  memberOf,
  NEXT_TAG,
  serveView,
  type TestView,
  viewOf,
} from './serve-view.ts';

const LARGE = 'large '.repeat(60_000);
const OLD: Files = {
  'etc/changed': 'before',
  'etc/same': 'the same',
  'etc/run': { run: '#!/bin/sh' },
  'etc/link': { link: 'same' },
  'gone/a': 'x',
  'turned/into/a/file': 'x',
  large: LARGE,
};
const NEW: Files = {
  'etc/changed': 'after',
  'etc/same': 'the same',
  'etc/run': { run: '#!/bin/sh' },
  'etc/link': { link: 'same' },
  'added/b': 'y',
  turned: 'x',
  large: LARGE,
};
const TREE = {
  'etc/changed': 'after',
  'etc/same': 'the same',
  'etc/run': '#!/bin/sh',
  'etc/link': '-> same',
  'added/b': 'y',
  turned: 'x',
  large: LARGE,
};

/** A host on OLD, and a server that has NEW for it, with this delta. */
async function hostOnOld(change?: (members: Member[]) => Member[]) {
  const [old, view] = [await viewOf(OLD), await viewOf(NEW)];
  const server = await serveView(old);
  const target = await disposableDirectory();
  expect((await runClient(pollArgs(server, target))).code).toBe(0);
  const delta = await deltaOf({ digest: old.digest, files: OLD }, { digest: view.digest, files: NEW }, change);
  server.deltas.set(`${view.digest} ${old.digest}`, delta);
  server.answer = () => ({ serve: view, tag: NEXT_TAG });
  const before = server.requests.length;
  /** Of archives, since then. */
  const asked = () =>
    server.requests
      .slice(before)
      .filter(({ kind }) => kind === 'archive')
      .map(({ url }) => new URL(url, server.url).search);
  const from = `?from=${old.digest}`;
  return { server, target, old, view, delta, asked, from };
}

function releaseOf(target: string, { digest }: TestView): string {
  return join(target, 'releases', digest.slice('sha256:'.length).slice(0, 16));
}

test('a host that has a release fetches only what differs, and copies the rest', async () => {
  const { server, target, old, view, asked, from } = await hostOnOld();
  const run = await runClient(pollArgs(server, target, '--verbose'));
  expect(run.code).toBe(0);
  expect(run.stderr).toContain('only what differs from releases/');
  expect(asked()).toEqual([from]);
  expect(await currentTree(target)).toEqual(TREE);
  for (const path of ['etc/same', 'large', 'etc/run']) {
    const [before, now] = [statSync(join(releaseOf(target, old), path)), statSync(join(releaseOf(target, view), path))];
    expect([now.nlink, now.ino === before.ino, now.mode]).toEqual([1, false, before.mode]);
  }
});

test('a host without a release asks for the whole', async () => {
  const view = await viewOf(NEW);
  const server = await serveView(view);
  expect((await runClient(pollArgs(server, await disposableDirectory()))).code).toBe(0);
  expect(server.requests.filter(({ kind }) => kind === 'archive').map(({ url }) => url)).toEqual([
    `/v1/views/${view.digest}/archive`,
  ]);
});

test('where the server has only the whole, the whole is taken', async () => {
  const { server, target, asked, from } = await hostOnOld();
  server.deltas.clear();
  expect(await runClient(pollArgs(server, target))).toMatchObject({ code: 0, stderr: '' });
  expect([asked(), await currentTree(target)]).toEqual([[from], TREE]);
});

test('a link that has a query of its own keeps it', async () => {
  const { server, target, view, old } = await hostOnOld();
  const path = `/v1/views/${view.digest}`;
  const links = { archive: `${path}/archive?node=web1`, manifest: `${path}/manifest?node=web1` };
  server.answer = () => ({ serve: view, tag: NEXT_TAG, change: { links } });
  expect((await runClient(pollArgs(server, target))).code).toBe(0);
  expect(server.requests.filter(({ kind }) => kind === 'archive').at(-1)?.url).toBe(
    `${path}/archive?node=web1&from=${old.digest}`,
  );
});

test('a view that has a file by the name of the first entry of a delta is taken as it is', async () => {
  const files = { ...NEW, [DELTA_PATH]: '{}' };
  const { server, target } = await hostOnOld();
  const view = await viewOf(files);
  server.answer = () => ({ serve: view, tag: NEXT_TAG });
  expect(await runClient(pollArgs(server, target))).toMatchObject({ code: 0, stderr: '' });
  expect(await currentTree(target)).toEqual({ ...TREE, [DELTA_PATH]: '{}' });
});

test('a delta that is cut off goes on where it was, in the next run too', async () => {
  const { server, target, view, asked, from, delta } = await hostOnOld();
  const before = server.count('archive');
  server.instead.archive = (request) =>
    server.count('archive') === before + 1
      ? { ...archiveReply(server, view, request), cutAfter: 100 }
      : { status: 503, body: {} };
  expect((await runClient(pollArgs(server, target))).code).toBe(1);
  server.instead = {};
  expect((await runClient(pollArgs(server, target))).code).toBe(0);
  expect(asked()).toEqual([from, from, from]);
  const last = server.requests.filter(({ kind }) => kind === 'archive').at(-1)?.headers;
  expect([last?.range, delta.length > 100]).toEqual(['bytes=100-', true]);
  expect(await currentTree(target)).toEqual(TREE);
});

const REFUSED = 'web1: what is said to differ from the release that is here is refused';
const DAMAGED = 'web1: the release that is here cannot be built upon';

/** The members with another first entry. */
function first(text: (delta: { from: string; to: string; delete: string[] }) => unknown) {
  return ([announcement, ...rest]: Member[]): Member[] => {
    const delta = JSON.parse(String(announcement?.content)) as { from: string; to: string; delete: string[] };
    const changed = text(delta);
    return [memberOf(DELTA_PATH, typeof changed === 'string' ? changed : JSON.stringify(changed)), ...rest];
  };
}

const OTHER = `sha256:${'0'.repeat(64)}`;

describe('a hostile delta is refused, which is said once, and the whole archive is fetched:', () => {
  test.each<[string, (members: Member[]) => Member[], RegExp]>([
    ['it leads from elsewhere', first((delta) => ({ ...delta, from: OTHER })), /it leads from sha256:0+, not from/],
    ['it leads elsewhere', first((delta) => ({ ...delta, to: OTHER })), /it leads to sha256:0+, not to/],
    ['its first entry is no JSON', first(() => '{'), /is not understood/],
    ['its first entry has more to say', first((delta) => ({ ...delta, run: 'rm' })), /is not understood/],
    [
      'it deletes what the new view has',
      first((delta) => ({ ...delta, delete: ['etc/same', ...delta.delete] })),
      /it deletes other paths/,
    ],
    [
      'it deletes less than it must',
      first((delta) => ({ ...delta, delete: delta.delete.slice(1) })),
      /it deletes other paths/,
    ],
    [
      'it deletes what is nowhere',
      first((delta) => ({ ...delta, delete: [...delta.delete, 'zzz'] })),
      /it deletes other paths/,
    ],
    ['it deletes outside', first((delta) => ({ ...delta, delete: ['../../etc/passwd'] })), /is not understood/],
    ['its first entry is huge', first((delta) => `${JSON.stringify(delta)}${' '.repeat(100_000)}`), /expected at most/],
    [
      'its first entry is a link',
      ([, ...rest]) => [memberOf(DELTA_PATH, { link: '/etc/passwd' }), ...rest],
      /is a symlink/,
    ],
    ['its first entry is missing', ([, ...rest]) => rest, /more of the manifest's entries are missing/],
    ['its first entry comes twice', (members) => [members[0] as Member, ...members], /is not in the manifest/],
    ['its first entry comes last', ([delta, ...rest]) => [...rest, delta as Member], /is not in the manifest/],
    ['it has an entry that is in no manifest', (members) => [...members, memberOf('zzz', 'x')], /"zzz" is not in the/],
    ['it has an entry that leads outside', (members) => [...members, memberOf('../x', 'x')], /"..\/x" is not in the/],
    [
      'it has an entry that did not change',
      (members) => [...members, memberOf('etc/same', 'the same')],
      /"etc\/same" is not in the manifest/,
    ],
    ['an entry is missing', (members) => members.slice(0, -1), /is missing/],
    ['it is nothing but the first entry', (members) => members.slice(0, 1), /are missing/],
    [
      'an entry has other content',
      (members) => members.map((one) => (one.header.name === 'turned' ? memberOf('turned', 'y') : one)),
      /"turned" has other content/,
    ],
    [
      'a file comes as a link',
      (members) => members.map((one) => (one.header.name === 'turned' ? memberOf('turned', { link: 'x' }) : one)),
      /"turned" is a symlink/,
    ],
  ])('%s', async (_what, change, sentence) => {
    const { server, target, asked, from } = await hostOnOld(change);
    const run = await runClient(pollArgs(server, target));
    expect(run.code).toBe(0);
    expect(run.stderr).toContain(REFUSED);
    expect(run.stderr).toMatch(sentence);
    expect(run.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(run.stderr).toContain('the whole archive is fetched instead');
    expect([asked(), await currentTree(target)]).toEqual([[from, ''], TREE]);
    expect(readdirSync(join(target, 'releases'))).toHaveLength(2);
  });
});

test('where the whole is refused as well, the run fails, and the host keeps what it has', async () => {
  const { server, target, view, asked, from } = await hostOnOld(first(() => '{'));
  server.views.set(view.digest, { ...view, archive: Buffer.from('no archive at all') });
  server.instead.archive = (request) =>
    archiveReply(server, { ...view, archive: Buffer.from('no archive at all') }, request);
  const before = await currentTree(target);
  const run = await runClient(pollArgs(server, target));
  expect(run.code).toBe(1);
  expect(run.stderr).toContain('the archive is refused: it is not a sound tar.gz');
  expect([asked(), await currentTree(target)]).toEqual([[from, ''], before]);
  expect(readdirSync(join(target, 'releases'))).toHaveLength(1);
});

/** A base on the disk for FILES, without a run. */
async function smallStep(): Promise<{ target: string; from: TestView; to: TestView; base: Base; delta: Buffer }> {
  const [old, now] = [
    { same: 'the same', changed: 'before' },
    { same: 'the same', changed: 'after' },
  ];
  const [from, to] = [await viewOf(old), await viewOf(now)];
  const target = await disposableDirectory();
  const { layout } = fetching({ target, servers: [], view: to });
  const base = baseIn(layout, from);
  for (const [path, content] of Object.entries(old)) writeFileSync(join(base.directory, path), content);
  const delta = await deltaOf({ digest: from.digest, files: old }, { digest: to.digest, files: now });
  return { target, from, to, base, delta };
}

const AFTER = { same: 'the same', changed: 'after' };

test('a delta with any one byte changed is refused and said to be, or the byte did not matter', async () => {
  const { target, from, to, base, delta } = await smallStep();
  const server = await serveView(to);
  let refused = 0;
  for (let index = 0; index < delta.length; index++) {
    const changed = Buffer.from(delta);
    changed[index] = (changed[index] ?? 0) ^ 0x55;
    server.deltas.set(`${to.digest} ${from.digest}`, changed);
    const { fetch, told } = fetching({ target, servers: [server], view: to, base });
    expect([index, await fetch()]).toEqual([index, { fetched: { kind: 'fetched', value: null }, tree: AFTER }]);
    expect(told.every((line) => line.startsWith(REFUSED))).toBe(true);
    refused += told.length;
  }
  // Of gzip's header time, system and the like say nothing of the content.
  expect(refused).toBeGreaterThanOrEqual(delta.length - 10);
});

test('a delta that ends too early, wherever that is, is refused and said to be', async () => {
  const { target, from, to, base, delta } = await smallStep();
  const server = await serveView(to);
  for (let length = 1; length < delta.length; length++) {
    server.deltas.set(`${to.digest} ${from.digest}`, delta.subarray(0, length));
    const { fetch, told } = fetching({ target, servers: [server], view: to, base });
    expect([length, await fetch()]).toMatchObject([length, { tree: AFTER }]);
    expect([length, told.length, told[0]]).toEqual([length, 1, expect.stringContaining(REFUSED)]);
  }
});

describe('a release that is here and damaged is not built upon, which is said, and the whole archive is fetched:', () => {
  test.each<[string, (release: string) => unknown, RegExp]>([
    ['a file has other content', (release) => writeFileSync(join(release, 'etc/same'), 'THE SAME'), /"etc\/same" has/],
    ['a file is longer', (release) => writeFileSync(join(release, 'etc/same'), 'the same and more'), /"etc\/same" has/],
    ['a file is empty', (release) => writeFileSync(join(release, 'etc/same'), ''), /"etc\/same" has other content/],
    ['a file is gone', (release) => rmSync(join(release, 'etc/same')), /"etc\/same" cannot be read there \(ENOENT\)/],
    ['a directory is gone', (release) => rmSync(join(release, 'etc'), { recursive: true }), /ENOENT/],
    [
      'a directory is a file',
      (release) => {
        rmSync(join(release, 'etc'), { recursive: true });
        writeFileSync(join(release, 'etc'), '');
      },
      /ENOTDIR/,
    ],
    [
      'a file is a link, even to the same content',
      (release) => {
        rmSync(join(release, 'etc/same'));
        writeFileSync(join(release, 'copy'), 'the same');
        symlinkSync('../copy', join(release, 'etc/same'));
      },
      /"etc\/same" cannot be read there \(ELOOP\)/,
    ],
    [
      'a file is a directory',
      (release) => {
        rmSync(join(release, 'etc/same'));
        mkdirSync(join(release, 'etc/same'));
      },
      /EISDIR/,
    ],
    [
      'a file is a pipe that nobody writes to',
      async (release) => {
        rmSync(join(release, 'etc/same'));
        await execa('mkfifo', [join(release, 'etc/same')]);
      },
      /ESPIPE/,
    ],
    [
      'a link points elsewhere',
      (release) => {
        rmSync(join(release, 'etc/link'));
        symlinkSync('/etc/shadow', join(release, 'etc/link'));
      },
      /"etc\/link" has other content/,
    ],
    [
      'a large file has one other byte',
      (release) => writeFileSync(join(release, 'large'), `${LARGE.slice(0, -1)}X`),
      /"large" has other content/,
    ],
    ['a large file is shorter', (release) => writeFileSync(join(release, 'large'), 'short'), /"large" is another file/],
    ['a large file is gone', (release) => rmSync(join(release, 'large')), /"large" cannot be read there/],
  ])('%s', async (_what, damage, sentence) => {
    const { server, target, old, asked, from } = await hostOnOld();
    await damage(releaseOf(target, old));
    const run = await runClient(pollArgs(server, target));
    expect(run.code).toBe(0);
    const line = run.stderr.split('\n').find((one) => one.startsWith(DAMAGED));
    expect(line).toMatch(sentence);
    expect([asked(), await currentTree(target)]).toEqual([[from, ''], TREE]);
  });
});

test('what changed in place is written as it was, whatever mode it had there', async () => {
  const { server, target, old, view } = await hostOnOld();
  for (const path of ['etc/same', 'large']) chmodSync(join(releaseOf(target, old), path), 0o4777);
  expect((await runClient(pollArgs(server, target))).code).toBe(0);
  const modes = ['etc/same', 'large', 'etc/run'].map((path) => statSync(join(releaseOf(target, view), path)).mode);
  expect(modes.map((mode) => (mode & 0o7777).toString(8))).toEqual(['644', '644', '755']);
});

test('what changed in place but is not in the new view does no harm', async () => {
  const { server, target, old, asked, from } = await hostOnOld();
  writeFileSync(join(releaseOf(target, old), 'etc/changed'), 'by hand');
  rmSync(join(releaseOf(target, old), 'gone'), { recursive: true });
  expect((await runClient(pollArgs(server, target))).code).toBe(0);
  expect([asked(), await currentTree(target)]).toEqual([[from], TREE]);
});
