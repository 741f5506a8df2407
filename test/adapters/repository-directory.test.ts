import { chmod, mkdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { ObjectId } from '../../protocol/names.ts';
import type { Repository } from '../../server/ports/repository.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { type Files, gitEnvironment, preparedRepository, writeFiles } from '../rig/git.ts';
import { failureOf, unwrap } from '../rig/records.ts';
import { until } from '../rig/until.ts';

const at = (time: string): number => Date.parse(`2026-11-20T${time}Z`);

async function reading(files: Files = {}) {
  const path = join(await disposableDirectory(), 'trunk');
  await mkdir(path);
  await writeFiles(path, files);
  return { path, ...(await preparedRepository({ kind: 'directory', path, update: null })) };
}

async function contents(repository: Repository, tree: ObjectId): Promise<Record<string, string>> {
  const entries = await repository.entries(tree);
  const found: Record<string, string> = {};
  let index = 0;
  for await (const { content } of repository.blobs(entries.map((entry) => entry.blob))) {
    const entry = entries[index++];
    found[`${entry?.mode} ${entry?.path}`] = Buffer.concat(await content.toArray()).toString();
  }
  return found;
}

describe('a plain directory as source', () => {
  test('every regular file and link is taken as it is, whatever ignore-files and attributes say', async () => {
    const { path, repository } = await reading({
      '.gitignore': '*\n',
      '.gitattributes': '* text eol=crlf ident filter=none working-tree-encoding=UTF-16\n*.x text=auto\n',
      'ignored.log': 'kept\n',
      'crlf.x': 'one\r\ntwo\n$Id$\n',
      'deep/er/.gitattributes': '*.y working-tree-encoding=latin-1 -text\n',
      'deep/er/f.y': 'é\n',
      'bin/run': '#!/bin/sh\n',
      'link to': { linkTo: 'bin/run' },
      dangling: { linkTo: '/no/where' },
      empty: '',
      'a\\b': 'backslash\n',
      'GIT~1': 'dos\n',
      'new\nline': 'x',
    });
    await chmod(join(path, 'bin/run'), 0o755);
    await mkdir(join(path, 'no files here'));
    await execa('mkfifo', [join(path, 'pipe')]);
    const { tip } = unwrap(await repository.fetch(at('08:00:00')));
    expect(await contents(repository, tip.tree)).toEqual({
      '100644 .gitignore': '*\n',
      '100644 .gitattributes': '* text eol=crlf ident filter=none working-tree-encoding=UTF-16\n*.x text=auto\n',
      '100644 ignored.log': 'kept\n',
      '100644 crlf.x': 'one\r\ntwo\n$Id$\n',
      '100644 deep/er/.gitattributes': '*.y working-tree-encoding=latin-1 -text\n',
      '100644 deep/er/f.y': 'é\n',
      '100755 bin/run': '#!/bin/sh\n',
      '120000 link to': 'bin/run',
      '120000 dangling': '/no/where',
      '100644 empty': '',
      '100644 a\\b': 'backslash\n',
      '100644 GIT~1': 'dos\n',
      '100644 new\nline': 'x',
    });
    expect(tip.author).toMatch(/^Tagwave <tagwave@.+>$/);
    expect(tip.committedAt).toBe(at('08:00:00'));
    expect(tip.subject).toBe(`First reading of ${path}`);
  });

  test('what version control keeps for itself is left out, and repositories inside are plain files', async () => {
    const { path, repository } = await reading({
      '.svn/entries': '12',
      'sub/.svn/entries': '12',
      '.hg/store': 'x',
      'sub/CVS/Root': 'x',
      'sub/CVS.txt': 'kept',
      'nested/f': 'kept',
      'linked/.git': 'gitdir: /nowhere\n',
      'linked/f': 'kept',
    });
    await execa('git', ['init', '--quiet', 'nested'], { cwd: path, env: gitEnvironment() });
    const { tip } = unwrap(await repository.fetch(at('08:00:00')));
    const paths = (await repository.entries(tip.tree)).map((entry) => entry.path);
    expect(paths).toEqual(['linked/f', 'nested/f', 'sub/CVS.txt']);
    expect(await repository.flawOf(tip.tree)).toBeNull();
  });

  test('one that lies in somebody’s work tree is still plain, and the state directory inside is left out', async () => {
    const base = await disposableDirectory();
    await execa('git', ['init', '--quiet', base], { env: gitEnvironment() });
    await writeFiles(base, { 'trunk/f': '1', tagstate: '' });
    const inside = await preparedRepository({ kind: 'directory', path: join(base, 'trunk'), update: null });
    const trunk = unwrap(await inside.repository.fetch(at('08:00:00'))).tip.tree;
    expect((await inside.repository.entries(trunk)).map((entry) => entry.path)).toEqual(['f']);
    const around = await preparedRepository(
      { kind: 'directory', path: join(base, 'trunk'), update: null },
      { stateDir: join(base, 'trunk/var') },
    );
    const tree = unwrap(await around.repository.fetch(at('08:00:00'))).tip.tree;
    expect((await around.repository.entries(tree)).map((entry) => entry.path)).toEqual(['f']);
  });

  test('a link to a directory is read through, as an etch base has it', async () => {
    const place = await disposableDirectory();
    await writeFiles(place, { 'real/f': '1' });
    await symlink('real', join(place, 'trunk'));
    const { repository } = await preparedRepository({ kind: 'directory', path: join(place, 'trunk'), update: null });
    const { tip } = unwrap(await repository.fetch(at('08:00:00')));
    expect((await repository.entries(tip.tree)).map((entry) => entry.path)).toEqual(['f']);
  });

  test('changes are found: content, mode, kind, removal, and file to directory and back', async () => {
    const { path, repository } = await reading({ a: '1', b: '1', c: '1', d: 'file', 'e/f': 'directory', gone: 'x' });
    const { tip: first } = unwrap(await repository.fetch(at('08:00:00')));
    await writeFiles(path, { a: '2', c: { linkTo: 'a' }, gone: null, d: null, e: null });
    await writeFiles(path, { 'd/now/deep': 'x', e: 'file' });
    await chmod(join(path, 'b'), 0o755);
    const { tip, rewritten } = unwrap(await repository.fetch(at('09:00:00')));
    expect(await contents(repository, tip.tree)).toEqual({
      '100644 a': '2',
      '100755 b': '1',
      '120000 c': 'a',
      '100644 d/now/deep': 'x',
      '100644 e': 'file',
    });
    expect(rewritten).toBe(false);
    expect(tip.subject).toMatch(/^Change \S+ and \d more files$/);
    await writeFiles(path, { a: '1', 'd/now': null, d: null, e: null });
    await writeFiles(path, { d: 'file', 'e/f': 'directory', gone: 'x', c: null });
    await writeFiles(path, { c: '1' });
    await chmod(join(path, 'b'), 0o644);
    const back = unwrap(await repository.fetch(at('10:00:00'))).tip;
    expect(back.tree).toBe(first.tree);
    expect(await repository.commitsBetween(first.id, back.id)).toBe(2);
    await writeFiles(path, { a: '3' });
    expect(unwrap(await repository.fetch(at('11:00:00'))).tip.subject).toBe('Change a');
  });

  test('a file rewritten within the same tick, with the same size and times, is noticed', async () => {
    const { path, repository } = await reading({ a: 'aaaa' });
    const file = join(path, 'a');
    const now = new Date();
    await utimes(file, now, now);
    unwrap(await repository.fetch(at('08:00:00')));
    // Written in place: same inode, size and modification time.
    await writeFile(file, 'bbbb');
    await utimes(file, now, now);
    const { tip } = unwrap(await repository.fetch(at('08:01:00')));
    expect(await contents(repository, tip.tree)).toEqual({ '100644 a': 'bbbb' });
  });

  test('an unchanged directory makes no commit, also where the index was damaged, lost or left locked', async () => {
    const { repository, stateDir } = await reading({ a: '1', 'b/c': '2' });
    const { tip } = unwrap(await repository.fetch(at('08:00:00')));
    const index = join(stateDir, 'repository.git/index');
    expect(unwrap(await repository.fetch(at('08:01:00'))).tip).toEqual(tip);
    await writeFile(index, 'garbage');
    expect(unwrap(await repository.fetch(at('08:02:00'))).tip).toEqual(tip);
    await rm(index);
    await writeFile(`${index}.lock`, '');
    expect(unwrap(await repository.fetch(at('08:03:00'))).tip).toEqual(tip);
    expect(await readFile(index)).not.toHaveLength(0);
  });

  test('objects that the index names and the repository lost are stored again', async () => {
    const { path, repository, stateDir } = await reading({ a: 'one\n' });
    unwrap(await repository.fetch(at('08:00:00')));
    await writeFiles(path, { b: 'two\n' });
    const env = { ...gitEnvironment(), GIT_DIR: join(stateDir, 'repository.git'), GIT_WORK_TREE: path };
    const { stdout: blob } = await execa('git', ['hash-object', '--no-filters', '-w', 'b'], { env, cwd: path });
    await execa('git', ['update-index', '--add', 'b'], { env, cwd: path });
    await rm(join(stateDir, 'repository.git/objects', blob.slice(0, 2), blob.slice(2)));
    const { tip } = unwrap(await repository.fetch(at('08:01:00')));
    expect(await contents(repository, tip.tree)).toEqual({ '100644 a': 'one\n', '100644 b': 'two\n' });
  });

  test('names that are not UTF-8 are stored as they are and told as a flaw', async () => {
    const { path, repository } = await reading({ fine: '1' });
    await writeFile(Buffer.concat([Buffer.from(join(path, 'caf')), Buffer.from([0xe9])]), 'latin\n');
    const { tip } = unwrap(await repository.fetch(at('08:00:00')));
    expect(await repository.flawOf(tip.tree)).toBe('the path "caf\\xe9" is not UTF-8: rename it');
  });

  test('a directory that keeps changing is given up on, and read once it rests', async () => {
    const { path, repository } = await reading({ a: '0' });
    let tip = unwrap(await repository.fetch(at('08:00:00'))).tip;
    // On a busy machine a writer may sleep through two passes: four seldom do.
    const script = 'i=0; while :; do i=$((i+1)); echo $0 $i > a; done';
    const writers = ['1', '2', '3', '4'].map((name) =>
      execa('sh', ['-c', script, name], { cwd: path, reject: false, cleanup: true }),
    );
    const stopWriters = async () => {
      for (const writer of writers) writer.kill('SIGKILL');
      await Promise.all(writers);
    };
    onTestFinished(stopWriters);
    const { sentence, hint } = await until('a failure', async () => {
      const attempt = await repository.fetch(at('08:01:00'));
      if (attempt.ok) tip = attempt.value.tip;
      return attempt.ok ? undefined : attempt;
    });
    expect(sentence).toContain(`${path} kept changing while it was read`);
    expect(hint).toContain('repo.update');
    expect(await repository.trunk()).toMatchObject({ commit: tip.id });
    await stopWriters();
    await writeFiles(path, { a: 'rest' });
    expect(await contents(repository, unwrap(await repository.fetch(at('08:02:00'))).tip.tree)).toEqual({
      '100644 a': 'rest',
    });
  });

  test('files that come and go meanwhile never make it a failure other than that it keeps changing', async () => {
    const { path, repository } = await reading({ a: '0' });
    const script = 'while :; do mkdir -p d/e; echo 1 > d/e/f; echo 2 > g; rm -rf d g; done';
    const writer = execa('sh', ['-c', script], { cwd: path, reject: false, cleanup: true });
    onTestFinished(() => {
      writer.kill('SIGKILL');
    });
    for (let round = 0; round < 3; round++) {
      const attempt = await repository.fetch(at('08:00:00'));
      if (!attempt.ok) expect(attempt.sentence).toContain('kept changing while it was read');
    }
    writer.kill('SIGKILL');
    await writer;
    await rm(join(path, 'd'), { recursive: true, force: true });
    await rm(join(path, 'g'), { force: true });
    expect(await contents(repository, unwrap(await repository.fetch(at('08:02:00'))).tip.tree)).toEqual({
      '100644 a': '0',
    });
  });

  test('one that is missing, empty, no directory or not to be read is a failure that says so', async () => {
    const { path, repository } = await reading();
    expect(failureOf(await repository.fetch(at('08:00:00'))).sentence).toBe(`${path} holds no files`);
    await rm(path, { recursive: true });
    expect(failureOf(await repository.fetch(at('08:00:00')))).toEqual({
      ok: false,
      sentence: `${path} cannot be read: no such file`,
      hint: 'Create it, or set repo.url or repo.directory.',
    });
    await writeFile(path, 'a file');
    expect(failureOf(await repository.fetch(at('08:00:00'))).sentence).toContain(`${path} cannot be read`);
  });

  test.skipIf(process.getuid?.() !== 0)('a file or directory that may not be read is named', async () => {
    const { path, repository, stateDir } = await reading({ 'open/a': '1', 'open/secret': 'x', 'closed/b': '1' });
    await execa('chown', ['-R', '65534', dirname(stateDir), dirname(path)]);
    await chmod(join(path, 'open/secret'), 0);
    process.seteuid?.(65534);
    onTestFinished(() => {
      process.seteuid?.(0);
    });
    const file = failureOf(await repository.fetch(at('08:00:00')));
    expect(file.sentence).toBe(`${path} cannot be read into the repository: open("open/secret"): Permission denied`);
    expect(file.hint).toContain('read every file');
    await chmod(join(path, 'open/secret'), 0o644);
    await chmod(join(path, 'closed'), 0);
    expect(failureOf(await repository.fetch(at('08:00:00'))).sentence).toBe(
      `${path}/closed cannot be read: permission denied`,
    );
    await chmod(join(path, 'closed'), 0o755);
    expect(await repository.entries(unwrap(await repository.fetch(at('08:00:00'))).tip.tree)).toHaveLength(3);
  });

  test('a directory that becomes a git work tree is followed there', async () => {
    const { path, repository } = await reading({ a: '1' });
    const { tip } = unwrap(await repository.fetch(at('08:00:00')));
    const git = (args: readonly string[]) => execa('git', [...args], { cwd: path, env: gitEnvironment() });
    await git(['init', '--quiet', '--initial-branch=main']);
    await git(['add', '--all']);
    await git(['commit', '--quiet', '--message=now in git']);
    const after = unwrap(await repository.fetch(at('09:00:00')));
    expect(after).toMatchObject({ previous: tip.id, rewritten: true, tip: { subject: 'now in git', tree: tip.tree } });
  });
});
