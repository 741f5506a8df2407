import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import type { ObjectId } from '../../protocol/names.ts';
import type { Source } from '../../server/adapters/git/obtain.ts';
import { openRepository, type RepositoryOptions } from '../../server/adapters/git/repository.ts';
import type { Repository } from '../../server/ports/repository.ts';
import { disposableDirectory } from './disposable.ts';

/** A file's content; a link to a target; null takes it away. */
export type Content = string | Uint8Array | { readonly linkTo: string } | null;
export type Files = Readonly<Record<string, Content>>;

export interface CommitOptions {
  /** Author and committer date, RFC 3339. */
  readonly at?: string;
  readonly message?: string;
  /** `Name <address>`. */
  readonly author?: string;
}

/** A working copy that somebody keeps configuration in. */
export interface SourceRepository {
  readonly directory: string;
  /** Runs git in the working copy; answers stdout, trimmed. */
  git(
    args: readonly string[],
    options?: { readonly at?: string; readonly input?: string | Uint8Array },
  ): Promise<string>;
  write(files: Files): Promise<void>;
  /** Writes files and commits everything. */
  commit(files: Files, options?: CommitOptions): Promise<ObjectId>;
  tree(revision?: string): Promise<ObjectId>;
}

const DEFAULT_DATE = '2026-11-20T06:00:00Z';

/** Git's environment in tests: nobody's settings, fixed people and dates. */
export function gitEnvironment(at: string = DEFAULT_DATE): Record<string, string> {
  return {
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_CONFIG_SYSTEM: '/dev/null',
    GIT_AUTHOR_NAME: 'Ada',
    GIT_AUTHOR_EMAIL: 'ada@example.org',
    GIT_AUTHOR_DATE: at,
    GIT_COMMITTER_NAME: 'Ada',
    GIT_COMMITTER_EMAIL: 'ada@example.org',
    GIT_COMMITTER_DATE: at,
  };
}

/** An empty working copy on the branch `main`. */
export async function sourceRepository(options: { readonly init?: readonly string[] } = {}): Promise<SourceRepository> {
  const directory = join(await disposableDirectory(), 'config');
  await mkdir(directory);
  const git: SourceRepository['git'] = async (args, { at, input = '' } = {}) =>
    (await execa('git', [...args], { cwd: directory, env: gitEnvironment(at), input })).stdout.trim();
  await git(['init', '--quiet', '--initial-branch=main', ...(options.init ?? [])]);
  const write = (files: Files) => writeFiles(directory, files);
  return {
    directory,
    git,
    write,
    async commit(files, { at, message = 'Change the configuration', author = 'Ada <ada@example.org>' } = {}) {
      await write(files);
      await git(['add', '--all', '--force']);
      await git(
        ['commit', '--quiet', '--allow-empty', `--message=${message}`, `--author=${author}`],
        at === undefined ? {} : { at },
      );
      return (await git(['rev-parse', 'HEAD'])) as ObjectId;
    },
    tree: async (revision = 'HEAD') => (await git(['rev-parse', `${revision}^{tree}`])) as ObjectId,
  };
}

/** Writes, links and removes below a directory. */
export async function writeFiles(directory: string, files: Files): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const place = join(directory, path);
    await rm(place, { force: true, recursive: true });
    if (content === null) continue;
    await mkdir(dirname(place), { recursive: true });
    if (typeof content === 'string' || content instanceof Uint8Array) await writeFile(place, content);
    else await symlink(content.linkTo, place);
  }
}

/** The adapter on a disposable state directory, prepared. */
export async function preparedRepository(
  source: Source,
  options: Partial<RepositoryOptions> = {},
): Promise<{ readonly repository: Repository; readonly stateDir: string }> {
  const stateDir = options.stateDir ?? join(await disposableDirectory(), 'state');
  const settings = { submodules: 'refuse', fetchTimeoutSeconds: 30, requireFastForward: false, ...options } as const;
  const repository = openRepository({ ...settings, stateDir, source });
  await repository.prepare();
  return { repository, stateDir };
}
