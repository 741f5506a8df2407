import { chmodSync, chownSync, lchownSync, lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ManifestEntry } from '../../protocol/manifest.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { NOBODY } from '../rig/nobody.ts';
import { currentTree, pollArgs, runClient, runProcess, startClient } from './run-client.ts';
import {
  entriesOf,
  type Files,
  membersOf,
  serveView,
  type TestView,
  tarOf,
  viewOf,
  withArchive,
} from './serve-view.ts';

type Attributes = Readonly<Record<string, Pick<ManifestEntry, 'perm' | 'owner' | 'group'>>>;

async function viewWith(files: Files, attributes: Attributes): Promise<TestView> {
  const entries = entriesOf(files).map((entry) => ({ ...entry, ...attributes[entry.path] }));
  return withArchive(entries, await tarOf(membersOf(files)));
}

const isRoot = process.getuid?.() === 0;
const FILES: Files = { secret: 'x', tool: { run: '#!/bin/sh' }, link: { link: 'secret' }, plain: 'y' };

async function host(attributes: Attributes, files: Files = FILES) {
  const view = await viewWith(files, attributes);
  const server = await serveView(view);
  const directory = await disposableDirectory();
  chmodSync(directory, 0o755);
  const target = join(directory, 'target');
  const look = (path: string) => {
    const { mode, uid, gid } = lstatSync(join(target, 'current', path));
    return { perm: (mode & 0o7777).toString(8).padStart(4, '0'), uid, gid };
  };
  return { server, target, view, look, poll: () => runClient(pollArgs(server, target)) };
}

test('permissions of the manifest are those of the files; others have the usual ones', async () => {
  const at = await host({ secret: { perm: '0440' }, tool: { perm: '2750' } });
  expect(await at.poll()).toMatchObject({ code: 0, stderr: '' });
  expect([at.look('secret').perm, at.look('tool').perm, at.look('plain').perm]).toEqual(['0440', '2750', '0644']);
  expect(await at.poll()).toMatchObject({ code: 0, stdout: '', stderr: '' });
});

describe.skipIf(!isRoot)('owners (skipped unless root)', () => {
  test('are given by name and by number, links included; a set-user-id bit survives', async () => {
    const at = await host({
      secret: { owner: 'nobody', group: 'nogroup', perm: '0400' },
      tool: { owner: '4242', perm: '4755' },
      link: { owner: 'nobody', group: '77' },
    });
    expect(await at.poll()).toMatchObject({ code: 0, stderr: '' });
    expect(at.look('secret')).toEqual({ perm: '0400', uid: NOBODY, gid: NOBODY });
    expect(at.look('tool')).toEqual({ perm: '4755', uid: 4242, gid: 0 });
    expect(at.look('link')).toMatchObject({ uid: NOBODY, gid: 77 });
    expect(at.look('plain')).toEqual({ perm: '0644', uid: 0, gid: 0 });
    expect(await at.poll()).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  test.each<[string, (file: (path: string) => string) => void]>([
    ['another owner', (file) => chownSync(file('secret'), 0, 0)],
    ['another group of a link', (file) => lchownSync(file('link'), NOBODY, 0)],
    ['other permissions', (file) => chmodSync(file('secret'), 0o444)],
  ])('a kept release with %s is not used again', async (_what, change) => {
    const at = await host({ secret: { owner: 'nobody', perm: '0400' }, link: { owner: 'nobody', group: '77' } });
    await at.poll();
    const release = readdirSync(join(at.target, 'releases'))[0] ?? '';
    at.server.answer = async () => ({ serve: await viewOf({ other: 'x' }) });
    await at.poll();
    change((path) => join(at.target, 'releases', release, path));
    at.server.answer = () => ({ serve: at.view });
    expect(await at.poll()).toMatchObject({ code: 0, stderr: '' });
    expect(at.server.count('archive')).toBe(3);
    expect(at.look('secret')).toMatchObject({ perm: '0400', uid: NOBODY });
    expect(at.look('link')).toMatchObject({ uid: NOBODY, gid: 77 });
  });

  test('that only root can give fail another user before anything is staged', async () => {
    for (const attributes of [{ secret: { owner: 'root' } }, { secret: { group: 'root' } }]) {
      const at = await host(attributes);
      mkdirSync(at.target);
      chownSync(at.target, NOBODY, NOBODY);
      const run = await runProcess(pollArgs(at.server, at.target), { uid: NOBODY });
      expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining('root, which only root could arrange') });
      expect(at.server.count('archive')).toBe(0);
    }
  });

  test('that the user has already are fine for another user too', async () => {
    const at = await host({ secret: { owner: 'nobody', group: 'nogroup' } });
    mkdirSync(at.target);
    chownSync(at.target, NOBODY, NOBODY);
    const run = await runProcess(pollArgs(at.server, at.target), { uid: NOBODY });
    expect(run).toMatchObject({ code: 0, stderr: '' });
  });
});

test.each([
  [{ plain: { owner: 'no-such-user' } }, 'plain is to belong to the user no-such-user, which this host does not know'],
  [{ link: { group: 'no-such-group' } }, 'link is to belong to the group no-such-group, which this host does not know'],
] as const)(
  'an unknown owner or group fails before anything is staged, and nothing is given to somebody else: %j',
  async (attributes, sentence) => {
    const old = { a: 'old' };
    const at = await host({}, old);
    await at.poll();
    const view = await viewWith(FILES, attributes);
    at.server.answer = () => ({ serve: view });
    const run = await at.poll();
    expect(run).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(sentence) });
    expect(at.server.count('archive')).toBe(1);
    expect(readdirSync(join(at.target, 'releases'))).toHaveLength(1);
    expect(await currentTree(at.target)).toEqual(old);
    expect(at.server.reports.at(-1)).toMatchObject({ outcome: 'failed', error: expect.stringContaining(sentence) });
  },
);

test('a file that is not to be read by all is not while it is written', async () => {
  const at = await host({ secret: { perm: '0400' } }, { secret: Buffer.alloc(3_000_000, 'x') });
  const half = at.view.archive.subarray(0, at.view.archive.length / 2);
  at.server.instead.archive = () => ({ cut: half, stall: true });
  const started = await startClient(pollArgs(at.server, at.target));
  const releases = join(at.target, 'releases');
  let perm: number | undefined;
  while (perm === undefined) {
    await new Promise((resolve) => setImmediate(resolve));
    try {
      const stage = readdirSync(releases).find((name) => name.startsWith('.tmp-'));
      if (stage !== undefined) perm = lstatSync(join(releases, stage, 'secret')).mode & 0o077;
    } catch {}
  }
  at.server.instead = {};
  expect(perm).toBe(0);
  started.child.kill('SIGKILL');
  await started.ended;
});
