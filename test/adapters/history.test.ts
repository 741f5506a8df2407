import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import type { ObjectId } from '../../protocol/names.ts';
import { apart, commitOf, parseCommits } from '../../server/adapters/git/history.ts';
import { openGit } from '../../server/adapters/git/run.ts';
import { gitEnvironment, sourceRepository } from '../rig/git.ts';

async function repository() {
  const source = await sourceRepository();
  await source.commit({ a: '1' });
  const gitDir = join(source.directory, '.git');
  /** Stores a commit as it stands there, unchecked. */
  const store = async (header: readonly string[], message: string | Buffer): Promise<ObjectId> => {
    const head = Buffer.from(`tree ${await source.tree()}\n${header.join('\n')}\n\n`);
    const args = ['hash-object', '-t', 'commit', '-w', '--literally', '--stdin'];
    return (await source.git(args, { input: Buffer.concat([head, Buffer.from(message)]) })) as ObjectId;
  };
  return { source, git: openGit(gitDir), store, gitDir };
}

const AUTHOR = 'author Ada <ada@example.org> 1790000000 +0100';
const COMMITTER = 'committer Bob <bob@example.org> 1790000001 -0230';

describe('a commit', () => {
  test('however strangely it was written, is shown as git shows it', async () => {
    const { git, store, gitDir } = await repository();
    const usual = [AUTHOR, COMMITTER];
    const commits = [
      await store(usual, 'One line\n'),
      await store(usual, 'Two\nlines \t\r\nof subject\n\nand a body\n'),
      await store(usual, '\n \n\n  indented\n\t\nbody'),
      await store(usual, ''),
      await store(usual, '\n\n'),
      await store(usual, 'without an end'),
      await store(usual, 'nothing\0more\n'),
      await store(usual, Buffer.from([0xe4, 0x20, 0x62, 0x0a])),
      await store([...usual, 'encoding ISO-8859-1'], Buffer.from([0xe4, 0x20, 0x62, 0x0a])),
      await store([...usual, 'gpgsig -----BEGIN', ' ', ' author Eve <eve@x> 1 +0000', ' -----END'], 'Signed\n'),
      await store([`parent ${await store(usual, 'x')}`, ...usual], 'With a parent\n'),
      await store(['author <> 0 +0000', COMMITTER], 'By nobody\n'),
      await store(['author  Ä. Ö.  <a b@c> -5 +0000', COMMITTER], 'Before time\n'),
      await store(['author Ada ada@example.org 1 +0000', COMMITTER], 'Without brackets\n'),
      await store(['author Ada <<a@x>> 1 +0000', COMMITTER], 'With too many\n'),
      await store([AUTHOR, 'committer Bob <bob@example.org>'], 'Without a date\n'),
    ];
    const format = '--format=%H%x00%T%x00%ct%x00%an <%ae>%x00%s';
    const args = ['rev-list', '--no-walk=unsorted', '--no-commit-header', '--encoding=UTF-8', format, ...commits];
    const { stdout } = await execa('git', args, {
      env: { ...gitEnvironment(), GIT_DIR: gitDir },
      stripFinalNewline: false,
    });
    const shown = new Map(parseCommits(stdout).map((commit) => [commit.id, commit]));
    expect(shown.size).toBe(commits.length);
    for (const id of commits) expect(await commitOf(git, id)).toEqual(shown.get(id));
  });

  test('is found by an unambiguous beginning, and a tree or a blob is none', async () => {
    const { git, source } = await repository();
    const head = (await source.git(['rev-parse', 'HEAD'])) as ObjectId;
    expect((await commitOf(git, head.slice(0, 7)))?.id).toBe(head);
    expect((await commitOf(git, head.toUpperCase()))?.id).toBe(head);
    expect(await commitOf(git, await source.tree())).toBeUndefined();
    expect(await commitOf(git, await source.git(['rev-parse', 'HEAD:a']))).toBeUndefined();
    expect(await commitOf(git, 'HEAD')).toBeUndefined();
  });
});

describe('how far two commits are apart', () => {
  test('is what git counts, near and far, with merges and without a common beginning', async () => {
    const { git, store, source } = await repository();
    const line: ObjectId[] = [await store([AUTHOR, COMMITTER], '0')];
    for (let step = 1; step <= 70; step++)
      line.push(await store([`parent ${line.at(-1)}`, AUTHOR, COMMITTER], `${step}`));
    const at = (step: number) => line[step] as ObjectId;
    const side = await store([`parent ${at(3)}`, AUTHOR, COMMITTER], 'side');
    const merge = await store([`parent ${at(5)}`, `parent ${side}`, AUTHOR, COMMITTER], 'merge');
    const after = await store([`parent ${merge}`, AUTHOR, COMMITTER], 'after');
    const alone = await store([AUTHOR, COMMITTER], 'alone');
    const pairs = [
      [at(3), at(3)],
      [at(3), at(5)],
      [at(5), at(3)],
      [at(0), at(63)],
      [at(0), at(64)],
      [at(0), at(70)],
      [side, at(5)],
      [at(4), merge],
      [at(4), after],
      [merge, after],
      [alone, at(2)],
    ] as const;
    for (const [one, other] of pairs) {
      const counts = await source.git(['rev-list', '--left-right', '--count', `${one}...${other}`]);
      const [onlyOne, onlyOther] = counts.split('\t').map(Number);
      expect(await apart(git, one, other), `${one}...${other}`).toEqual({ onlyOne, onlyOther });
    }
    expect(await apart(git, '0123456789012345678901234567890123456789' as ObjectId, at(3))).toBeNull();
  });
});
