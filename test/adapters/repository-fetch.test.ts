import { readdirSync } from 'node:fs';
import { chmod, chown, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { ObjectId } from '../../protocol/names.ts';
import type { Source } from '../../server/adapters/git/obtain.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { preparedRepository, type SourceRepository, sourceRepository } from '../rig/git.ts';
import { failureOf, recordOf, unwrap } from '../rig/records.ts';

const at = (time: string): number => Date.parse(`2026-11-20T${time}Z`);
const branchOf = ({ directory }: SourceRepository, branch: string | null = 'main'): Source => ({
  kind: 'url',
  url: directory,
  branch,
});

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('fetching from git', () => {
  test('a work tree is taken at its HEAD, whatever is checked out and however it lies about', async () => {
    const source = await sourceRepository();
    await source.commit({ a: '1' });
    await source.git(['checkout', '--quiet', '-b', 'other']);
    const other = await source.commit({ a: '2' });
    await source.write({ a: 'not committed', b: 'not added' });
    const { repository } = await preparedRepository({ kind: 'directory', path: source.directory, update: null });
    expect(unwrap(await repository.fetch(at('08:00:00'))).tip.id).toBe(other);
    await source.git(['checkout', '--quiet', '--force', '--detach', 'main']);
    expect(unwrap(await repository.fetch(at('08:01:00'))).tip.id).toBe(await source.git(['rev-parse', 'main']));
  });

  test('a linked work tree, a bare repository and a shallow clone can be the directory', async () => {
    const source = await sourceRepository();
    await source.commit({ a: '1' });
    const tip = await source.commit({ a: '2' });
    const place = await disposableDirectory();
    const [linked, bare, shallow] = [join(place, 'linked'), join(place, 'bare'), join(place, 'shallow')];
    await source.git(['worktree', 'add', '--quiet', '--detach', linked]);
    await source.git(['clone', '--quiet', '--bare', source.directory, bare]);
    await source.git(['clone', '--quiet', '--depth=1', `file://${source.directory}`, shallow]);
    for (const path of [linked, bare, shallow]) {
      const { repository } = await preparedRepository({ kind: 'directory', path, update: null });
      expect(unwrap(await repository.fetch(at('08:00:00'))).tip.id, path).toBe(tip);
      expect(await repository.history(0), path).toHaveLength(path === shallow ? 1 : 2);
    }
  });

  test('a repository with SHA-256 names is followed and tagged', async () => {
    const source = await sourceRepository({ init: ['--object-format=sha256'] });
    const first = await source.commit({ a: '1' });
    const { repository } = await preparedRepository(branchOf(source));
    expect(unwrap(await repository.fetch(at('08:00:00'))).tip.id).toBe(first);
    const second = await source.commit({ a: '2' });
    const { tip } = unwrap(await repository.fetch(at('08:01:00')));
    expect(tip.id).toBe(second);
    await repository.createTag(recordOf(tip, '2026-11-20T08'));
    await repository.prepare();
    expect((await repository.tags()).records.map((record) => record.commit)).toEqual([second]);
    expect(await repository.flawOf(tip.tree)).toBeNull();
  });

  test('a history that old tools wrote sloppily is taken all the same', async () => {
    const source = await sourceRepository();
    await source.commit({ a: '1' });
    const blob = await source.git(['rev-parse', 'HEAD:a']);
    const raw = Buffer.concat([Buffer.from('0100644 a\0'), Buffer.from(blob, 'hex')]);
    const store = (type: string, input: string | Buffer) =>
      source.git(['hash-object', '-t', type, '-w', '--literally', '--stdin'], { input });
    const tree = await store('tree', raw);
    const commit = await store('commit', `tree ${tree}\nauthor x <x 1 +0\ncommitter Ada<a@x> 1 +0000\n\nsloppy\n`);
    await source.git(['update-ref', 'refs/heads/main', commit]);
    const { repository } = await preparedRepository(branchOf(source));
    const { tip } = unwrap(await repository.fetch(at('08:00:00')));
    expect(tip).toMatchObject({ id: commit, subject: 'sloppy' });
    expect(await repository.flawOf(tip.tree)).toBeNull();
    expect((await repository.entries(tip.tree)).map((entry) => entry.path)).toEqual(['a']);
  });

  test('a rewritten history is taken and reported, and what was tagged before stays', async () => {
    const source = await sourceRepository();
    const common = await source.commit({ a: '1' });
    const dropped = await source.commit({ a: '2' });
    const { repository } = await preparedRepository(branchOf(source));
    const before = unwrap(await repository.fetch(at('08:00:00'))).tip;
    await repository.createTag(recordOf(before, '2026-11-20T08'));
    await source.git(['reset', '--quiet', '--hard', common]);
    const tip = await source.commit({ a: '3' });
    expect(unwrap(await repository.fetch(at('08:01:00')))).toMatchObject({
      previous: dropped,
      rewritten: true,
      tip: { id: tip },
    });
    expect(unwrap(await repository.fetch(at('08:02:00')))).toMatchObject({ previous: tip, rewritten: false });
    expect(await repository.commitsBetween(dropped, tip)).toBeNull();
    expect((await repository.tags()).records).toHaveLength(1);
    expect((await repository.entries(before.tree)).map((entry) => entry.path)).toEqual(['a']);
  });

  test('a branch without a common beginning counts as rewritten', async () => {
    const source = await sourceRepository();
    const first = await source.commit({ a: '1' });
    const { repository } = await preparedRepository(branchOf(source));
    unwrap(await repository.fetch(at('08:00:00')));
    await source.git(['checkout', '--quiet', '--orphan', 'anew']);
    await source.commit({ a: '2' });
    await source.git(['branch', '--quiet', '--force', 'main', 'anew']);
    expect(unwrap(await repository.fetch(at('08:01:00')))).toMatchObject({ previous: first, rewritten: true });
  });

  test('where fast-forward is required a rewritten history is refused and the trunk stays', async () => {
    const source = await sourceRepository();
    const common = await source.commit({ a: '1' });
    const dropped = await source.commit({ a: '2' });
    const { repository } = await preparedRepository(branchOf(source), { requireFastForward: true });
    unwrap(await repository.fetch(at('08:00:00')));
    await source.git(['reset', '--quiet', '--hard', common]);
    await source.commit({ a: '3' });
    const { sentence, hint } = failureOf(await repository.fetch(at('08:01:00')));
    expect(sentence).toContain(`history was rewritten: ${dropped.slice(0, 12)}`);
    expect(hint).toContain('repo.require_fast_forward');
    expect(await repository.trunk()).toMatchObject({ commit: dropped, at: at('08:00:00') });
    await source.git(['reset', '--quiet', '--hard', dropped]);
    const tip = await source.commit({ a: '4' });
    expect(unwrap(await repository.fetch(at('08:02:00'))).tip.id).toBe(tip);
  });

  test('merges count by their first parents, and strange names and empty subjects come through', async () => {
    const source = await sourceRepository();
    await source.commit({ a: '1' }, { at: '2026-11-20T05:00:00Z' });
    await source.git(['checkout', '--quiet', '-b', 'side']);
    await source.commit({ b: '1' }, { at: '2026-11-20T05:10:00Z' });
    await source.commit({ b: '2' }, { at: '2026-11-20T05:20:00Z' });
    await source.git(['checkout', '--quiet', 'main']);
    await source.git(['merge', '--quiet', '--no-ff', '--message=Merge side', 'side'], { at: '2026-11-20T06:00:00Z' });
    const author = 'Jürgen "the\ttab" O\'Neil (Jr) <j@x>';
    await source.commit({ c: '1' }, { at: '2026-11-20T07:00:00Z', author });
    const tree = await source.tree();
    const parent = await source.git(['rev-parse', 'HEAD']);
    const silent = await source.git(['commit-tree', tree, '-p', parent], { at: '2026-11-20T08:00:00Z', input: '' });
    await source.git(['reset', '--quiet', '--hard', silent]);
    const { repository } = await preparedRepository(branchOf(source));
    unwrap(await repository.fetch(at('09:00:00')));
    const history = await repository.history(0);
    expect(
      history.map(({ subject, committedAt }) => [subject, new Date(committedAt).toISOString().slice(11, 16)]),
    ).toEqual([
      ['', '08:00'],
      ['Change the configuration', '07:00'],
      ['Merge side', '06:00'],
      ['Change the configuration', '05:00'],
    ]);
    expect(history[1]?.author).toBe(author);
    expect(history[0]?.tree).toBe(tree);
    expect(
      await repository.commitsBetween(history[3]?.id ?? ('' as ObjectId), history[2]?.id ?? ('' as ObjectId)),
    ).toBe(3);
    expect((await repository.history(at('06:30:00'))).map((commit) => commit.subject)).toEqual([
      '',
      'Change the configuration',
      'Merge side',
    ]);
    expect(await repository.history(at('06:00:00'))).toHaveLength(3);
  });

  test('nobody else’s settings, hooks or variables get in the way', async () => {
    const source = await sourceRepository();
    const tip = await source.commit({ a: '1' });
    const home = await disposableDirectory();
    const hook = join(home, 'reference-transaction');
    await writeFile(hook, '#!/bin/sh\nexit 1\n');
    await chmod(hook, 0o755);
    const settings = `[core]\n\thooksPath = ${home}\n[log]\n\tshowSignature = true\n[fetch]\n\tprune = true\n\trecurseSubmodules = true\n[safe]\n\tbareRepository = explicit\n[color]\n\tui = always\n`;
    await writeFile(join(home, '.gitconfig'), settings);
    vi.stubEnv('HOME', home);
    vi.stubEnv('GIT_DIR', '/nowhere');
    vi.stubEnv('GIT_INDEX_FILE', '/nowhere');
    vi.stubEnv('EDITOR', 'false');
    const { repository } = await preparedRepository(branchOf(source));
    expect(unwrap(await repository.fetch(at('08:00:00'))).tip.id).toBe(tip);
    expect(await repository.createTag(recordOf(await known(repository.commit(tip)), '2026-11-20T08'))).toBe('created');
    expect((await repository.history(0)).map((commit) => commit.id)).toEqual([tip]);
  });

  test('a repository of another owner can be read, with the user’s own settings as well', async () => {
    if (process.getuid?.() !== 0) return;
    const source = await sourceRepository();
    const tip = await source.commit({ a: '1' });
    await source.git(['clone', '--quiet', '--bare', source.directory, `${source.directory}.git`]);
    await chownAll(`${source.directory}.git`, 12345);
    const home = await disposableDirectory();
    await writeFile(join(home, '.gitconfig'), `[url "file://${source.directory}.git"]\n\tinsteadOf = our:config\n`);
    vi.stubEnv('HOME', home);
    for (const url of ['our:config', `${source.directory}.git`]) {
      const { repository } = await preparedRepository({ kind: 'url', url, branch: 'main' });
      expect(unwrap(await repository.fetch(at('08:00:00'))).tip.id, url).toBe(tip);
    }
  });
});

async function known<Value>(promise: Promise<Value | undefined>): Promise<Value> {
  const value = await promise;
  if (value === undefined) throw new Error('expected a value');
  return value;
}

async function chownAll(path: string, uid: number): Promise<void> {
  await chown(path, uid, uid);
  for (const entry of readdirSync(path, { withFileTypes: true, recursive: true }))
    await chown(join(entry.parentPath, entry.name), uid, uid);
}
