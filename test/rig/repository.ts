import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { type ObjectId, parseObjectId } from '../../protocol/names.ts';
import { disposableDirectory } from './disposable.ts';

/** A real repository in a disposable directory. */
export interface TestRepository {
  readonly gitDir: string;
  readonly work: string;
  /** Runs git in the work tree; answers stdout, trimmed. */
  git(args: readonly string[], input?: Uint8Array): Promise<string>;
  /** Commits the work tree as it is. */
  commit(): Promise<ObjectId>;
  head(): Promise<ObjectId>;
  /** The tree of HEAD. */
  tree(): Promise<ObjectId>;
  /** Stores a tree of raw lines (`MODE NAME NUL` and the binary id), unchecked. */
  treeOf(lines: readonly Buffer[]): Promise<ObjectId>;
}

const ENVIRONMENT = {
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.com',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.com',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_SYSTEM: '/dev/null',
};

/** A repository whose one commit has these files (path → content). */
export async function repositoryWith(files: Readonly<Record<string, string | Uint8Array>>): Promise<TestRepository> {
  const work = join(await disposableDirectory(), 'work');
  await mkdir(work);
  const git = async (args: readonly string[], input: Uint8Array = new Uint8Array()) =>
    (await execa('git', ['-C', work, ...args], { env: ENVIRONMENT, input })).stdout.trim();
  const repository: TestRepository = {
    gitDir: join(work, '.git'),
    work,
    git,
    async commit() {
      // Most tests write contents that do not compress.
      await git(['-c', 'core.compression=0', 'add', '--all', '--force']);
      await git(['commit', '--quiet', '--allow-empty', '--message', 'a change']);
      return repository.head();
    },
    head: async () => idOf(await git(['rev-parse', 'HEAD'])),
    tree: async () => idOf(await git(['rev-parse', 'HEAD^{tree}'])),
    treeOf: async (lines) =>
      idOf(await git(['hash-object', '-t', 'tree', '-w', '--literally', '--stdin'], Buffer.concat([...lines]))),
  };
  await git(['init', '--quiet', '--initial-branch=main', '.']);
  await writeFiles(work, files);
  await repository.commit();
  return repository;
}

/** Writes files below a directory. */
export async function writeFiles(root: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
}

function idOf(text: string): ObjectId {
  const id = parseObjectId(text);
  if (id === undefined) throw new Error(`git answered ${JSON.stringify(text)} instead of an object id`);
  return id;
}
