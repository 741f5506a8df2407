import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { currentTree, pollArgs, runClient } from './run-client.ts';
import { NEXT_TAG, serveView, viewOf } from './serve-view.ts';

/** Why no small file system can be mounted here; null where one can. */
function whyNoMount(): string | null {
  if (process.platform !== 'linux') return 'not Linux';
  return process.getuid?.() === 0 ? null : 'not root';
}

const reason = whyNoMount();
const skipped = reason === null ? '' : ` (skipped: ${reason})`;

async function smallDisk(options: string): Promise<string> {
  const directory = await disposableDirectory();
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tagwave-test', directory]);
  onTestFinished(() => {
    execFileSync('umount', ['--lazy', directory]);
  });
  return directory;
}

test.skipIf(reason !== null)(
  `a full disk is a clear error, leaves the release in use, and no part of the new one${skipped}`,
  async () => {
    const target = await smallDisk('size=1m');
    const server = await serveView(await viewOf({ a: 'old' }));
    expect((await runClient(pollArgs(server, target))).code).toBe(0);
    const large = await viewOf({ a: 'new', large: randomBytes(3_000_000) });
    server.answer = () => ({ serve: large, tag: NEXT_TAG });
    const run = await runClient(pollArgs(server, target));
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toContain('no space is left on its file system');
    expect(run.stderr).toContain('Free some space');
    expect(await currentTree(target)).toEqual({ a: 'old' });
    expect(readdirSync(join(target, 'releases'))).toHaveLength(1);
    expect(await runClient(pollArgs(server, target))).toMatchObject({ code: 1, stderr: '' });
    expect(server.reports.at(-1)).toMatchObject({ outcome: 'failed', tag: NEXT_TAG, digest: large.digest });
    const small = await viewOf({ a: 'small' });
    server.answer = () => ({ serve: small, tag: NEXT_TAG });
    expect((await runClient(pollArgs(server, target))).code).toBe(0);
    expect(await currentTree(target)).toEqual({ a: 'small' });
  },
);

test.skipIf(reason !== null)(
  `a disk without a free byte or inode, not even for state.json, is a clear error each time${skipped}`,
  async () => {
    const target = await smallDisk('size=1m,nr_inodes=14');
    const server = await serveView(await viewOf({ a: 'old' }));
    expect((await runClient(pollArgs(server, target))).code).toBe(0);
    const many = await viewOf(Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`f${index}`, 'x'])));
    server.answer = () => ({ serve: many, tag: NEXT_TAG });
    const run = await runClient(pollArgs(server, target));
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('no space is left on its file system');
    expect(await currentTree(target)).toEqual({ a: 'old' });
  },
);

test.skipIf(reason !== null)(`a read-only target is a clear error${skipped}`, async () => {
  const target = await smallDisk('size=1m');
  const server = await serveView(await viewOf({ a: 'old' }));
  expect((await runClient(pollArgs(server, target))).code).toBe(0);
  execFileSync('mount', ['-o', 'remount,ro', target]);
  const run = await runClient(pollArgs(server, target));
  expect(run.code).toBe(1);
  expect(run.stderr).toContain('the file system is read-only');
  expect(await runClient(['status', '--target', target])).toMatchObject({ code: 0 });
  expect(await currentTree(target)).toEqual({ a: 'old' });
});
