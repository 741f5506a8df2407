import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import type { ObjectId } from '../../protocol/names.ts';
import { blobs, entries, listing } from '../../server/adapters/git/objects.ts';
import { file } from '../rig/file-in.ts';
import { repositoryWith, type TestRepository } from '../rig/repository.ts';

const ABSENT = '0123456789012345678901234567890123456789' as ObjectId;

async function contents(repository: TestRepository, ids: Iterable<ObjectId>): Promise<string[]> {
  const found: string[] = [];
  for await (const { blob, content } of blobs(repository, ids))
    found.push(`${blob} ${Buffer.concat(await content.toArray()).toString('latin1')}`);
  return found;
}

/** What a promise rejects with; fails the test where it does not. */
async function failureOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => expect.unreachable('it went well'),
    (error: Error) => error.message,
  );
}

describe('entries of a tree', () => {
  it('come in UTF-8 byte order of the whole path, directories among files', async () => {
    const repository = await repositoryWith({
      'a/b': '',
      'a.b': '',
      a0: '',
      '\u{1F600}': '',
      '\uFF5E': '',
      ä: '',
      Z: '',
    });
    const paths = (await entries(repository, await repository.tree())).map(({ path }) => path);
    expect(paths).toEqual(['Z', 'a.b', 'a/b', 'a0', 'ä', '\uFF5E', '\u{1F600}']);
  });

  it('leave out deploy.yml and tagstate at the root, and only there', async () => {
    const repository = await repositoryWith({
      'deploy.yml': '{}',
      tagstate: '#',
      'sub/deploy.yml': '',
      'sub/tagstate': '',
      keep: '',
    });
    const paths = (await entries(repository, await repository.tree())).map(({ path }) => path);
    expect(paths).toEqual(['keep', 'sub/deploy.yml', 'sub/tagstate']);
  });

  it('carry the mode of files, programs and links, and count 100664 as 100644', async () => {
    const repository = await repositoryWith({ file: 'text' });
    const blob = (await entries(repository, await repository.tree()))[0]?.blob as ObjectId;
    const raw = (mode: string, name: string) =>
      Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(blob, 'hex')]);
    const tree = await repository.treeOf([
      raw('100664', 'group'),
      raw('120000', 'link'),
      raw('100644', 'plain'),
      raw('100755', 'run'),
    ]);
    const modes = (await entries(repository, tree)).map(({ path, mode }) => [path, mode]);
    expect(modes).toEqual([
      ['group', '100644'],
      ['link', '120000'],
      ['plain', '100644'],
      ['run', '100755'],
    ]);
  });

  it('skip a submodule, which the listing names', async () => {
    const repository = await repositoryWith({ file: 'text' });
    const tree = await repository.treeOf([Buffer.concat([Buffer.from('160000 vendor\0'), Buffer.from(ABSENT, 'hex')])]);
    expect(await entries(repository, tree)).toEqual([]);
    const listed = [];
    for await (const { path, mode } of listing(repository, tree)) listed.push(`${mode} ${path}`);
    expect(listed).toEqual(['160000 vendor']);
  });

  it('are none for an empty tree', async () => {
    const repository = await repositoryWith({});
    expect(await entries(repository, await repository.tree())).toEqual([]);
  });

  it.each([
    ['a name that is not UTF-8', Buffer.from('100644 caf\xe9\0', 'latin1')],
    ['a name with ..', Buffer.from('100644 ..\0')],
    ['a name with a slash at its beginning', Buffer.from('100644 /etc\0')],
  ])('are refused for %s', async (_what, start) => {
    const repository = await repositoryWith({ file: 'text' });
    const blob = (await entries(repository, await repository.tree()))[0]?.blob as ObjectId;
    const tree = await repository.treeOf([Buffer.concat([start, Buffer.from(blob, 'hex')])]);
    expect(await failureOf(entries(repository, tree))).toContain('has a path that cannot be released');
  });

  it('of a tree that is not there are an error that names it', async () => {
    const repository = await repositoryWith({});
    expect(await failureOf(entries(repository, ABSENT))).toMatch(
      new RegExp(`the tree ${ABSENT} cannot be read: fatal: .*git fsck`),
    );
  });
});

describe('contents of blobs', () => {
  it('come raw and in the order asked, whatever attributes say, doubled ids included', async () => {
    const bytes: Record<string, string> = {
      crlf: 'a\r\nb\r\n',
      'lf.txt': 'a\nb\n$Id$\n',
      nul: '\0\n\0',
      empty: '',
      eol: '\n',
      '.gitattributes': '*.txt eol=crlf ident\n',
    };
    const repository = await repositoryWith(bytes);
    const found = await entries(repository, await repository.tree());
    const ids = [...found, ...found].reverse().map(({ blob }) => blob);
    const wanted = [...found, ...found].reverse().map(({ blob, path }) => `${blob} ${bytes[path]}`);
    expect(await contents(repository, ids)).toEqual(wanted);
  });

  it('that the consumer leaves, in whole or in part, are skipped', async () => {
    const big = randomBytes(300_000).toString('hex');
    const repository = await repositoryWith({ a: big, b: 'second', c: big, d: 'last' });
    const ids = (await entries(repository, await repository.tree())).map(({ blob }) => blob);
    const seen: string[] = [];
    for await (const { size, content } of blobs(repository, ids)) {
      if (size < 100) seen.push(Buffer.concat(await content.toArray()).toString());
      else if (seen.length > 0) for await (const piece of content) if (piece.length > 0) break;
    }
    expect(seen).toEqual(['second', 'last']);
  });

  it('may be stopped early, and git ends with it', async () => {
    const repository = await repositoryWith({ a: randomBytes(500_000).toString('hex'), b: 'b' });
    const [first] = await entries(repository, await repository.tree());
    const endless = (function* () {
      for (;;) yield first?.blob as ObjectId;
    })();
    for await (const { size } of blobs(repository, endless)) {
      expect(size).toBe(1_000_000);
      break;
    }
    const children = await execa('ps', ['--ppid', String(process.pid), '-o', 'args='], { reject: false });
    expect(children.stdout).not.toContain('cat-file');
  });

  it('of 1,000 small files come whole', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 1000 }, (_, n) => [`f${n}`, `content ${n}\n`.repeat(n % 50)]),
    );
    const repository = await repositoryWith(files);
    const found = await entries(repository, await repository.tree());
    const texts = await contents(
      repository,
      found.map(({ blob }) => blob),
    );
    expect(texts).toEqual(found.map(({ blob, path }) => `${blob} ${files[path]}`));
  });

  it('of any size stream without being held in memory', async () => {
    const repository = await repositoryWith({});
    const piece = randomBytes(1 << 20);
    const path = join(repository.work, 'big');
    await writeFile(
      path,
      (function* () {
        for (let n = 0; n < 128; n++) yield piece;
      })(),
    );
    await repository.commit();
    const before = process.memoryUsage().rss;
    let most = 0;
    const hash = createHash('sha256');
    for await (const { content } of blobs(
      repository,
      (await entries(repository, await repository.tree())).map(({ blob }) => blob),
    )) {
      for await (const chunk of content) {
        hash.update(chunk);
        most = Math.max(most, process.memoryUsage().rss);
      }
    }
    expect(hash.digest('hex')).toBe(
      createHash('sha256')
        .update(await readFile(path))
        .digest('hex'),
    );
    expect(most - before).toBeLessThan(80 << 20);
  });

  it('that are missing are an error that names the object', async () => {
    const repository = await repositoryWith({ a: 'a' });
    expect(await failureOf(contents(repository, [ABSENT]))).toContain(
      `the object ${ABSENT} is missing from the repository, or damaged`,
    );
  });

  it('that are asked of a tree are an error', async () => {
    const repository = await repositoryWith({ a: 'a' });
    const tree = await repository.tree();
    expect(await failureOf(contents(repository, [tree]))).toContain(
      `the object ${tree} is no file's content but a tree`,
    );
  });

  it.each([
    ['garbage', 0],
    ['cut off', 1],
  ])('that are corrupt (%s) are an error', async (how) => {
    const repository = await repositoryWith({ a: randomBytes(200_000).toString('hex') });
    const blob = (await entries(repository, await repository.tree()))[0]?.blob as ObjectId;
    const path = join(repository.gitDir, 'objects', blob.slice(0, 2), blob.slice(2));
    const loose = await readFile(path);
    await execa('chmod', ['u+w', path]);
    await writeFile(path, how === 'garbage' ? 'garbage' : loose.subarray(0, 100_000));
    expect(await failureOf(contents(repository, [blob]))).toMatch(
      /the object .* (cannot be read: .+|is missing from the repository, or damaged)/,
    );
  });
});

describe('a file at a commit', () => {
  it('is its bytes, at a commit or tree, below directories too', async () => {
    const repository = await repositoryWith({ 'etc/a b': 'ä\0\r\n' });
    const expected = Buffer.from('ä\0\r\n');
    expect(await file({ store: repository, treeish: await repository.tree() }, 'etc/a b', 10)).toEqual(expected);
    expect(await file({ store: repository, treeish: await repository.head() }, 'etc/a b', 10)).toEqual(expected);
  });

  it('is undefined where there is none, where the path is a directory, and for a glob', async () => {
    const repository = await repositoryWith({ 'etc/a': '' });
    const at = { store: repository, treeish: await repository.tree() };
    expect(await file(at, 'none', 10)).toBeUndefined();
    expect(await file(at, 'etc', 10)).toBeUndefined();
    expect(await file(at, 'etc/*', 10)).toBeUndefined();
    expect(await file(at, 'etc/a', 10)).toEqual(Buffer.alloc(0));
  });

  it('is its target where it is a link', async () => {
    const repository = await repositoryWith({});
    await mkdir(dirname(join(repository.work, 'x')), { recursive: true });
    await symlink('over/there', join(repository.work, 'x'));
    await repository.commit();
    expect(String(await file({ store: repository, treeish: await repository.tree() }, 'x', 100))).toBe('over/there');
  });

  it('over the limit is an error, and of a commit that is not there too', async () => {
    const repository = await repositoryWith({ a: '12345' });
    expect(await failureOf(file({ store: repository, treeish: await repository.tree() }, 'a', 4))).toContain(
      'more than the 4 allowed',
    );
    expect(await failureOf(file({ store: repository, treeish: ABSENT }, 'a', 4))).toContain('cannot be read');
  });
});
