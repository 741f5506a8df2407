import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Ended, pollArgs, runClient } from '../run-client.ts';
import { NEXT_TAG, serveView, viewOf } from '../serve-view.ts';
import { pictureOf, plant, quickDirectory, sumsOf } from './host-tree.ts';

/** A host that replaced a file of somebody's. */
async function hostWithOriginal() {
  const directory = quickDirectory();
  const [root, target] = [join(directory, 'root'), join(directory, 'target')];
  plant(root, { 'etc/motd': 'theirs\n' });
  const before = pictureOf(root);
  const server = await serveView(await viewOf({ 'etc/motd': 'ours\n' }));
  const poll = (): Promise<Ended> => runClient(pollArgs(server, target, '--root', root));
  expect((await poll()).code).toBe(0);
  return { root, target, server, before, poll, ledger: join(target, 'applied'), originals: join(target, 'originals') };
}

describe('a host that lost what it knows of its tree', () => {
  test('touches nothing and keeps every original, says so once, and goes on when it has it back', async () => {
    const { root, target, server, before, poll, ledger, originals } = await hostWithOriginal();
    const kept = readdirSync(originals);
    const applied = pictureOf(root);
    renameSync(ledger, `${target}.saved`);
    const next = await viewOf({});
    server.answer = () => ({ serve: next, tag: NEXT_TAG });
    const run = await poll();
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toContain(`${ledger} is gone: what Tagwave did to the tree is not known\n  Nothing is touched.`);
    expect(await poll()).toMatchObject({ code: 1, stdout: '', stderr: '' });
    expect([readdirSync(originals), pictureOf(root)]).toEqual([kept, applied]);
    renameSync(`${target}.saved`, ledger);
    expect((await poll()).code).toBe(0);
    expect(pictureOf(root)).toEqual(before);
  });

  test('begins anew where somebody gave up the originals', async () => {
    const { root, poll, ledger, originals } = await hostWithOriginal();
    rmSync(ledger);
    rmSync(originals, { recursive: true });
    const applied = sumsOf(root);
    expect((await poll()).code).toBe(0);
    expect(sumsOf(root)).toEqual(applied);
  });

  test('tells of a damaged ledger once, and not with every run', async () => {
    const { poll, ledger } = await hostWithOriginal();
    writeFileSync(ledger, '{');
    const run = await poll();
    expect(run.code).toBe(1);
    expect(run.stderr.match(/is damaged/g)).toHaveLength(1);
    expect(await poll()).toMatchObject({ code: 1, stdout: '', stderr: '' });
  });
});
