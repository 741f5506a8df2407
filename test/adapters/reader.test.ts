import { rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { GitFailed } from '../../server/adapters/git/git-failed.ts';
import { type ObjectReader, openObjectReader } from '../../server/adapters/git/reader.ts';
import { treeChanges } from '../../server/adapters/git/tree-object.ts';
import { programsStarted } from '../rig/programs.ts';
import { repositoryWith, type TestRepository } from '../rig/repository.ts';
import { until } from '../rig/until.ts';

const ABSENT = '0123456789012345678901234567890123456789';

function readerOf({ gitDir }: Pick<TestRepository, 'gitDir'>, options: { idleMs?: number } = {}): ObjectReader {
  return openObjectReader(gitDir, { PATH: process.env['PATH'] ?? '', GIT_DIR: gitDir }, options);
}

async function textOf(reader: ObjectReader, name: string): Promise<string | undefined> {
  return (await reader.contents([name]))[0]?.content.toString();
}

describe('objects that are looked up', () => {
  test('come in the order asked, by id or ref, and as undefined where there is none', async () => {
    const repository = await repositoryWith({ a: 'one', b: 'x'.repeat(300_000) });
    const reader = readerOf(repository);
    const names = ['HEAD:b', ABSENT, 'HEAD:a', 'refs/heads/none', 'HEAD:a^{tree}'];
    const found = await reader.contents(names);
    expect(found.map((object) => object?.content.length)).toEqual([300_000, undefined, 3, undefined, undefined]);
    const [head, tree] = await reader.info(['refs/heads/main', 'HEAD^{tree}']);
    expect(head).toMatchObject({ object: await repository.head(), type: 'commit' });
    expect(tree).toMatchObject({ object: await repository.tree(), type: 'tree' });
    expect(await reader.info([])).toEqual([]);
  });

  test('are seen as they are now: a ref that moved, an object that came, packs that were replaced', async () => {
    const repository = await repositoryWith({ a: 'one' });
    const reader = readerOf(repository);
    expect(await textOf(reader, 'HEAD:a')).toBe('one');
    await writeFile(join(repository.work, 'a'), 'two');
    await repository.commit();
    expect(await textOf(reader, 'refs/heads/main:a')).toBe('two');
    await repository.git(['gc', '--quiet', '--prune=now']);
    expect(await textOf(reader, 'HEAD:a')).toBe('two');
    expect(await textOf(reader, 'HEAD~:a')).toBe('one');
  });

  test('cost one program however many are asked for, and none while it is there', async () => {
    const repository = await repositoryWith({ a: 'one' });
    const started = programsStarted();
    const reader = readerOf(repository);
    await Promise.all(Array.from({ length: 50 }, () => textOf(reader, 'HEAD:a')));
    await textOf(reader, 'HEAD:a');
    expect(started).toHaveLength(1);
  });

  test('are asked of a new git where the one before was killed, also in the middle of a question', async () => {
    const repository = await repositoryWith({ a: 'x'.repeat(5_000_000) });
    const started = programsStarted();
    const reader = readerOf(repository);
    await textOf(reader, 'HEAD:a');
    started[0]?.kill('SIGKILL');
    expect(await textOf(reader, 'HEAD:a')).toHaveLength(5_000_000);
    const asked = Promise.all([textOf(reader, 'HEAD:a'), textOf(reader, 'HEAD:a')]);
    started.at(-1)?.kill('SIGKILL');
    expect((await asked).map((text) => text?.length)).toEqual([5_000_000, 5_000_000]);
  });

  test('are those of the repository that is there now', async () => {
    const [repository, other] = [await repositoryWith({ a: 'one' }), await repositoryWith({ a: 'other' })];
    const reader = readerOf(repository);
    expect(await textOf(reader, 'HEAD:a')).toBe('one');
    await rm(repository.gitDir, { recursive: true });
    await expect(reader.info(['HEAD'])).rejects.toThrow('not a git repository');
    await execa('cp', ['-a', other.gitDir, repository.gitDir]);
    expect(await textOf(reader, 'HEAD:a')).toBe('other');
  });

  test('that were asked for while the repository could not be looked at are in nobody’s way', async () => {
    const repository = await repositoryWith({ a: 'one', b: 'two' });
    const { gitDir } = repository;
    const reader = readerOf(repository);
    expect(await textOf(reader, 'HEAD:a')).toBe('one');
    await rename(gitDir, `${gitDir}.away`);
    await symlink(gitDir, gitDir);
    await expect(textOf(reader, 'HEAD:a')).rejects.toThrow(GitFailed);
    await rm(gitDir);
    await rename(`${gitDir}.away`, gitDir);
    expect(await Promise.all(['HEAD:b', 'HEAD:a'].map((name) => textOf(reader, name)))).toEqual(['two', 'one']);
  });

  test('that are damaged fail whoever asks for them, and nobody else', async () => {
    const repository = await repositoryWith({ a: 'one', b: 'two' });
    const damaged = await repository.git(['rev-parse', 'HEAD:b']);
    const path = join(repository.gitDir, 'objects', damaged.slice(0, 2), damaged.slice(2));
    await rm(path);
    await writeFile(path, 'garbage');
    const reader = readerOf(repository);
    const questions = ['HEAD:a', damaged, 'HEAD:a', damaged, 'HEAD:a'].map((name) => reader.contents([name]));
    const answers = await Promise.allSettled(questions);
    const texts = answers.map((answer) =>
      answer.status === 'fulfilled' ? (answer.value[0]?.content.toString() ?? 'none') : 'refused',
    );
    expect([texts[0], texts[2], texts[4]]).toEqual(['one', 'one', 'one']);
    for (const text of [texts[1], texts[3]]) expect(text).toMatch(/none|refused/);
  });
});

describe('the git that is asked', () => {
  test('ends when nobody has asked for a while, and another begins', async () => {
    const repository = await repositoryWith({ a: 'one' });
    const started = programsStarted();
    const reader = readerOf(repository, { idleMs: 1 });
    expect(await textOf(reader, 'HEAD:a')).toBe('one');
    await until('git to end', () => started[0]?.exitCode ?? undefined);
    expect(started[0]?.exitCode).toBe(0);
    expect(await textOf(reader, 'HEAD:a')).toBe('one');
    expect(started).toHaveLength(2);
  });

  test('keeps nobody from ending, and ends with whoever asked', async () => {
    const repository = await repositoryWith({ a: 'one' });
    const script = `const { openObjectReader } = await import(${JSON.stringify(join(import.meta.dirname, '../../server/adapters/git/reader.ts'))});
      const [gitDir] = process.argv.slice(1);
      const env = { PATH: process.env.PATH, GIT_DIR: gitDir };
      const [found] = await openObjectReader(gitDir, env, { idleMs: 600_000 }).contents(['HEAD:a']);
      console.log(String(found.content));`;
    const args = ['--import', 'tsx', '--input-type=module', '-e', script, repository.gitDir];
    // The pipes are inherited: they close when the last of the processes ends.
    const { stdout } = await execa('node', args, { timeout: 60_000 });
    expect(stdout).toBe('one');
  });
});

describe('the changes between two trees', () => {
  test('take the reading of the directories that differ, and of no other', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 400 }, (_, index) => [`d${index % 20}/e${index % 40}/${index}`, `${index}`]),
    );
    const repository = await repositoryWith(files);
    const before = await repository.tree();
    await writeFile(join(repository.work, 'd3/e3/3'), 'changed');
    await writeFile(join(repository.work, 'new'), 'new');
    await rm(join(repository.work, 'd5/e5'), { recursive: true });
    await repository.commit();
    const after = await repository.tree();

    const reader = readerOf(repository);
    const asked: string[] = [];
    const counting: ObjectReader = {
      ...reader,
      contents(names) {
        asked.push(...names);
        return reader.contents(names);
      },
    };
    const changed: string[] = [];
    for await (const { mode, path } of treeChanges(counting, { from: before, to: after }))
      changed.push(`${mode} ${path}`);
    expect(changed.sort()).toEqual(['100644 d3/e3/3', '100644 new']);
    // Of each tree: the root, d3, d3/e3 and d5.
    expect(asked).toHaveLength(8);
  });

  test('are what git finds, whatever became of what', async () => {
    const repository = await repositoryWith({
      a: 'one',
      'dir/b': 'two',
      'dir.c': 'x',
      same: 's',
      'ä b': 'x',
      'x/y/z': '',
    });
    const before = await repository.tree();
    await rm(join(repository.work, 'dir'), { recursive: true });
    await rm(join(repository.work, 'a'));
    await repository.git(['update-index', '--chmod=+x', 'same']);
    await repository.git(['update-index', '--force-remove', 'a', 'dir/b', 'x/y/z']);
    const blob = await repository.git(['rev-parse', 'HEAD:same']);
    for (const path of ['a/now/a/directory', 'dir', 'dir0', 'x/y'])
      await repository.git(['update-index', '--add', '--cacheinfo', `100644,${blob},${path}`]);
    await repository.git(['update-index', '--add', '--cacheinfo', `160000,${ABSENT},vendor`]);
    const after = await repository.git(['write-tree']);
    const trees = [before, after as typeof before];
    for (const [from, to] of [trees, trees.toReversed()]) {
      if (from === undefined || to === undefined) throw new Error('two trees');
      const args = ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--diff-filter=d', from, to];
      const raw = (await repository.git(args)).split('\0').filter((field) => field !== '');
      const expected = raw.flatMap((field, index) =>
        index % 2 === 0 ? [`${field.split(' ')[1]} ${field.split(' ')[3]} ${raw[index + 1]}`] : [],
      );
      const found: string[] = [];
      for await (const { mode, object, path } of treeChanges(readerOf(repository), { from, to }))
        found.push(`${mode} ${object.slice(0, expected[0]?.split(' ')[1]?.length)} ${path}`);
      expect(found.sort()).toEqual(expected.sort());
    }
  });
});
