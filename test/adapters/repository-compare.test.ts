import { chmod, mkdir, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ObjectId } from '../../protocol/names.ts';
import { openComparisons } from '../../server/adapters/git/compare.ts';
import { parseDifferences } from '../../server/adapters/git/difference.ts';
import { openGit } from '../../server/adapters/git/run.ts';
import type { DifferingFile } from '../../server/ports/repository.ts';
import { repositoryWith, type TestRepository, writeFiles } from '../rig/repository.ts';

const LIMIT = 100_000;

interface Change {
  readonly repository: TestRepository;
  readonly from: ObjectId;
  readonly to: ObjectId;
  compare(): ReturnType<ReturnType<typeof openComparisons>['compare']>;
  /** Of the files, by path. */
  files(): Promise<Record<string, Omit<DifferingFile, 'path'>>>;
  patch(path: string, limitBytes?: number): Promise<string | null>;
}

/** Files, and what somebody does to them. */
async function change(
  files: Readonly<Record<string, string | Uint8Array>>,
  act: (work: string) => Promise<unknown>,
): Promise<Change> {
  const repository = await repositoryWith(files);
  const from = await repository.tree();
  await act(repository.work);
  await repository.commit();
  return between(repository, from, await repository.tree());
}

function between(repository: TestRepository, from: ObjectId, to: ObjectId): Change {
  const { compare, patch } = openComparisons(openGit(repository.gitDir));
  return {
    repository,
    from,
    to,
    compare: () => compare(from, to),
    async files() {
      const { files } = await compare(from, to);
      return Object.fromEntries(files.map(({ path, ...rest }) => [path, rest]));
    },
    patch: async (path, limitBytes = LIMIT) => (await patch({ from, to, path, limitBytes })).text,
  };
}

const LINES = Array.from({ length: 40 }, (_, index) => `line ${index}\n`).join('');

describe('what differs between two trees', () => {
  test('names with blanks, quotes, line ends, tabs, colons, backslashes and other letters are told apart', async () => {
    const odd = [
      'a b',
      '"q"',
      "it's",
      'line\nend',
      'tab\there',
      ':(top)colon',
      'back\\slash',
      'sm\u00f8rrebr\u00f8d \u65e5',
      '-dash',
      '*',
      '[a]',
      '#',
    ];
    const { files, patch } = await change({ keep: 'x' }, (work) =>
      writeFiles(work, Object.fromEntries(odd.map((name) => [`dir/${name}`, `${name.length}\n`]))),
    );
    const found = await files();
    expect(Object.keys(found).sort()).toEqual(odd.map((name) => `dir/${name}`).sort());
    for (const name of odd) {
      expect(found[`dir/${name}`]).toEqual({ oldPath: null, status: 'added', insertions: 1, deletions: 0 });
      const text = await patch(`dir/${name}`);
      expect(text?.match(/^diff --git/gm), name).toHaveLength(1);
      expect(text).toContain(`\n+${name.length}\n`);
    }
  });

  test('a name that is not UTF-8 is shown byte by byte as latin1, and its patch is found by that', async () => {
    const repository = await repositoryWith({ f: 'one\n', g: 'two\n' });
    const [one, two] = [await repository.git(['rev-parse', 'HEAD:f']), await repository.git(['rev-parse', 'HEAD:g'])];
    const treeWith = (lines: readonly (readonly [Buffer, string])[]) =>
      repository.treeOf(
        lines.map(([name, blob]) =>
          Buffer.concat([Buffer.from('100644 '), name, Buffer.of(0), Buffer.from(blob, 'hex')]),
        ),
      );
    const [latin, utf8] = [Buffer.of(0x66, 0xe9), Buffer.from('f\u00e8')];
    const from = await treeWith([
      [utf8, one],
      [latin, one],
    ]);
    const to = await treeWith([
      [utf8, two],
      [latin, two],
    ]);
    const { files, patch } = between(repository, from, to);
    expect(Object.keys(await files())).toEqual(['f\u00e8', 'f\u00e9']);
    for (const path of ['f\u00e8', 'f\u00e9']) expect((await patch(path))?.match(/^\+two$/gm), path).toHaveLength(1);
  });

  test('a binary file has no lines', async () => {
    const { compare, patch } = await change({ b: new Uint8Array([0, 1, 2]), t: 'x\n' }, (work) =>
      writeFiles(work, { b: new Uint8Array([0, 1, 3]), t: 'y\n' }),
    );
    expect(await compare()).toEqual({
      counts: { added: 0, modified: 2, deleted: 0, renamed: 0, type: 0 },
      lines: { insertions: 1, deletions: 1 },
      files: [
        { path: 'b', oldPath: null, status: 'modified', insertions: null, deletions: null },
        { path: 't', oldPath: null, status: 'modified', insertions: 1, deletions: 1 },
      ],
    });
    expect(await patch('b')).toContain('Binary files a/b and b/b differ');
  });

  test('another mode alone is a modification without lines', async () => {
    const { files, patch } = await change({ 'bin/run': '#!/bin/sh\n' }, (work) => chmod(join(work, 'bin/run'), 0o755));
    expect(await files()).toEqual({ 'bin/run': { oldPath: null, status: 'modified', insertions: 0, deletions: 0 } });
    expect(await patch('bin/run')).toContain('old mode 100644\nnew mode 100755\n');
  });

  test('a file that becomes a link is of another type, and a link that points elsewhere is modified', async () => {
    const { files, patch } = await change({ file: 'x\n', other: 'y\n' }, async (work) => {
      await rm(join(work, 'file'));
      await symlink('other', join(work, 'file'));
      await symlink('file', join(work, 'link'));
    });
    expect(await files()).toMatchObject({ file: { status: 'type' }, link: { status: 'added', insertions: 1 } });
    expect(await patch('file')).toContain('new file mode 120000');
  });

  test('a renamed file is one file, with where it was and what changed in it', async () => {
    const { files, patch } = await change({ 'etc/ntp.conf': LINES, z: 'z' }, async (work) => {
      await mkdir(join(work, 'etc/ntp'));
      await rename(join(work, 'etc/ntp.conf'), join(work, 'etc/ntp/main.conf'));
      await writeFiles(work, { 'etc/ntp/main.conf': LINES.replace('line 7\n', 'line seven\n') });
    });
    expect(await files()).toEqual({
      'etc/ntp/main.conf': { oldPath: 'etc/ntp.conf', status: 'renamed', insertions: 1, deletions: 1 },
    });
    const text = await patch('etc/ntp/main.conf');
    expect(text).toContain('rename from etc/ntp.conf\nrename to etc/ntp/main.conf\n');
    expect(text).toContain('-line 7\n+line seven\n');
  });

  test('a file in whose place a directory is now has a patch of its own', async () => {
    const { files, patch } = await change({ place: 'was a file\n' }, async (work) => {
      await rm(join(work, 'place'));
      await writeFiles(work, { 'place/inside': 'something else\n' });
    });
    expect(Object.keys(await files())).toEqual(['place', 'place/inside']);
    expect(await patch('place')).not.toContain('something else');
    expect(await patch('place/inside')).not.toContain('was a file');
    expect(await patch('place/')).toBeNull();
    expect(await patch('../place')).toBeNull();
  });

  test('attributes in the repository, and settings of a diff, have no say', async () => {
    const { files, patch } = await change({ '.gitattributes': '* diff=shout\n', a: 'one\n' }, (work) =>
      writeFiles(work, { a: 'two\n' }),
    );
    expect(await files()).toEqual({ a: { oldPath: null, status: 'modified', insertions: 1, deletions: 1 } });
    expect(await patch('a')).toContain('-one\n+two\n');
  });

  test('a long patch ends with the last whole line that is allowed, and says that it is cut', async () => {
    const { repository, from, to } = await change({ a: 'x\n' }, (work) =>
      writeFiles(work, { big: 'a line of a very long file\n'.repeat(400_000) }),
    );
    const { compare, patch } = openComparisons(openGit(repository.gitDir));
    expect((await compare(from, to)).files).toMatchObject([{ path: 'big', insertions: 400_000 }]);
    const { text, isCut } = await patch({ from, to, path: 'big', limitBytes: 5000 });
    expect(isCut).toBe(true);
    expect(text?.length).toBeLessThanOrEqual(5000);
    expect(text?.endsWith('+a line of a very long file\n')).toBe(true);
  });

  test('of more than a thousand files the first thousand are named, and all are counted', async () => {
    const many = Object.fromEntries(Array.from({ length: 1_200 }, (_, index) => [`d/${10_000 + index}`, `${index}\n`]));
    const { compare, patch } = await change({ a: 'x\n' }, (work) => writeFiles(work, many));
    const { counts, files, lines } = await compare();
    expect([counts.added, files.length, lines]).toEqual([1_200, 1_000, { insertions: 1_200, deletions: 0 }]);
    expect(files.at(-1)?.path).toBe('d/10999');
    expect(await patch('d/11199'), 'of one that is not named').toContain('+1199\n');
  });

  test('of more than five thousand files lines are not counted and renames not looked for', async () => {
    const repository = await repositoryWith({ a: 'x\n' });
    const blob = await repository.git(['rev-parse', 'HEAD:a']);
    const lines = Array.from({ length: 5_001 }, (_, index) =>
      Buffer.concat([Buffer.from(`100644 ${10_000 + index}\0`), Buffer.from(blob, 'hex')]),
    );
    const { compare, patch } = between(repository, await repository.tree(), await repository.treeOf(lines));
    const { counts, files, lines: counted } = await compare();
    expect([counts, files.length, counted]).toEqual([
      { added: 5_001, modified: 0, deleted: 1, renamed: 0, type: 0 },
      1_000,
      null,
    ]);
    expect(files[0]).toEqual({ path: '10000', oldPath: null, status: 'added', insertions: null, deletions: null });
    expect(await patch('10000')).toContain('+x\n');
  });

  test('it is worked out once, however many ask, and again after a failure', async () => {
    const { repository, from, to } = await change({ a: 'x\n' }, (work) => writeFiles(work, { a: 'y\n' }));
    const { compare } = openComparisons(openGit(repository.gitDir));
    const moved = `${repository.gitDir}.away`;
    await rename(repository.gitDir, moved);
    await expect(compare(from, to)).rejects.toThrow('not a git repository');
    await rename(moved, repository.gitDir);
    const [one, other] = await Promise.all([compare(from, to), compare(from, to)]);
    expect(one).toBe(other);
    expect(await compare(from, to)).toBe(one);
  });

  test('what git says is not trusted where it is cut off or strange', () => {
    for (const said of [
      ':100644 100644 a b M\0',
      ':100644 100644 a b M\0path',
      ':100644 100644 a b X\0path\0',
      'what\0',
    ])
      expect(() => parseDifferences(Buffer.from(said)), said).toThrow();
    expect(parseDifferences(Buffer.alloc(0))).toEqual({ differences: [], lines: [] });
  });
});
