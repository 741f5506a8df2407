import { describe, expect, test } from 'vitest';
import type { ObjectId } from '../../protocol/names.ts';
import { preparedRepository, type SourceRepository, sourceRepository } from '../rig/git.ts';
import { unwrap } from '../rig/records.ts';

const EMPTY_BLOB = 'e69de29bb2d1d6434b8b29ae775ad8c2e48c5391';

async function flawed(options: { submodules?: 'refuse' | 'ignore' } = {}) {
  const source = await sourceRepository();
  await source.commit({ 'etc/motd': 'fine\n', empty: '' });
  const { repository } = await preparedRepository({ kind: 'url', url: source.directory, branch: 'main' }, options);
  const take = async () => unwrap(await repository.fetch(Date.now())).tip.tree;
  return { source, repository, take, sound: await take() };
}

/** Adds an entry that no working copy can hold to the tip. */
async function addRaw(source: SourceRepository, line: string | Buffer): Promise<void> {
  const lines = Buffer.concat([
    Buffer.from(await source.git(['ls-tree', '-z', 'HEAD'])),
    Buffer.from(line),
    Buffer.from([0]),
  ]);
  const tree = await source.git(['mktree', '-z', '--missing'], { input: lines.toString('latin1') });
  const commit = await source.git(['commit-tree', tree, '-p', 'HEAD', '-m', 'raw']);
  await source.git(['update-ref', 'refs/heads/main', commit]);
}

describe('why no view of a tree can be built', () => {
  test('none, whatever deploy.yml says: that is for whoever makes the views', async () => {
    const { source, repository, take, sound } = await flawed();
    await source.commit({ 'deploy.yml': 'no such: thing\n' });
    expect(await repository.flawOf(await take(), sound)).toBeNull();
  });

  test('a submodule, by its path, unless submodules are to be ignored', async () => {
    const { source, repository, take, sound } = await flawed();
    await addRaw(source, `160000 commit ${'1'.repeat(40)}\tmodules`);
    const tree = await take();
    for (const flaw of [await repository.flawOf(tree), await repository.flawOf(tree, sound)])
      expect(flaw).toBe('"modules" is a submodule: take it out, or set repo.submodules to ignore');
    const { repository: lenient } = await preparedRepository(
      { kind: 'url', url: source.directory, branch: 'main' },
      { submodules: 'ignore' },
    );
    expect(await lenient.flawOf(unwrap(await lenient.fetch(1)).tip.tree)).toBeNull();
  });

  test('a reserved name, and how many more there are', async () => {
    const { source, repository, take, sound } = await flawed();
    await source.commit({ '.tagwave/hooks.json': '{}', '.tagwave/x': '' });
    const flaw = await repository.flawOf(await take(), sound);
    expect(flaw).toBe('".tagwave/hooks.json" is below .tagwave/, which is reserved: rename it (and 1 more like it)');
    await source.commit({ '.tagwave': 'a file' });
    expect(await repository.flawOf(await take(), sound)).toContain('".tagwave"');
    await source.commit({ '.tagwave': null, '.tagwave.d/x': '', 'etc/.tagwave/x': '' });
    expect(await repository.flawOf(await take(), sound)).toBeNull();
  });

  test('modes of old tools are files', async () => {
    const { source, repository, take, sound } = await flawed();
    await addRaw(source, `100664 blob ${EMPTY_BLOB}\told`);
    expect(await repository.flawOf(await take(), sound)).toBeNull();
  });

  test('names that look strange and are none of these are fine', async () => {
    const { source, repository, take, sound } = await flawed();
    await source.commit({
      '-rf': '',
      ' ': '',
      'ünï/"quoted"': '',
      'a\\b': '',
      'new\nline': '',
      '…': '',
      '.gitmodules': '',
    });
    expect(await repository.flawOf(await take(), sound)).toBeNull();
    expect(await repository.flawOf(await take())).toBeNull();
  });

  test('where the sound tree is no longer there the whole tree is looked at', async () => {
    const { source, repository, take } = await flawed();
    await source.commit({ '.tagwave/x': '' });
    expect(await repository.flawOf(await take(), '0123456789012345678901234567890123456789' as ObjectId)).toContain(
      '.tagwave',
    );
  });
});
