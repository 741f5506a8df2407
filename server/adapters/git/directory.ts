import { readdir, rm, utimes } from 'node:fs/promises';
import { resolve as absolute, join } from 'node:path';
import type { ObjectId } from '../../../protocol/names.ts';
import type { Attempt } from '../../ports/common.ts';
import { errorCode, reasonOf } from '../files/failure.ts';
import { GitFailed } from './git-failed.ts';
import { gitDate, resolve, TRUNK } from './refs.ts';
import type { Git } from './run.ts';

export interface DirectoryContext {
  readonly git: Git;
  readonly directory: string;
  /** Left out where it lies inside. */
  readonly stateDir: string;
  /** The descriptor of the fetch lock, for git to inherit: the index is used by one at a time. */
  readonly inherit: number;
  /** Where it is, unless it is git's own. */
  readonly index?: string;
}

/** What other tools keep about a working copy. A directory that git may not hold anyway is one of them. */
export const NOT_CONTENT: ReadonlySet<string> = new Set(['.git', '.svn', '.hg', 'CVS']);
const TRIES = 3;
const RACY_MS = 2000;

/**
 * Commits the files of a directory as they are onto the tip so far, and answers the commit; the same one where nothing
 * changed. Reads until two passes agree. Unchanged files cost a look at their times only.
 */
export async function commitDirectory(context: DirectoryContext, at: number): Promise<Attempt<ObjectId>> {
  const read = await readDirectory(context);
  if (!read.ok) return read;
  const { git } = context;
  const [parent, before] = [await resolve(git, TRUNK), await resolve(git, `${TRUNK}^{tree}`)];
  if (parent !== undefined && before === read.value) return { ok: true, value: parent };
  const subject = await subjectOf(context, before, read.value);
  const env = { GIT_AUTHOR_DATE: gitDate(at), GIT_COMMITTER_DATE: gitDate(at) };
  const args = ['commit-tree', ...(parent === undefined ? [] : ['-p', parent]), read.value];
  const { stdout } = await git.plumb(args, { input: subject, env, inherit: context.inherit });
  return { ok: true, value: stdout.toString().trim() as ObjectId };
}

/** The tree of the files of a directory as they are. Reads until two passes agree. */
export async function readDirectory(context: DirectoryContext): Promise<Attempt<ObjectId>> {
  let last: Attempt<ObjectId> | undefined;
  for (let compared = 0; compared < TRIES; ) {
    const pass = await readOnce(context);
    if (pass.kind === 'failed') return { ok: false, sentence: pass.sentence, hint: pass.hint };
    const now: Attempt<ObjectId> = pass.kind === 'read' ? { ok: true, value: pass.tree } : changing(context, pass.why);
    if (last !== undefined) {
      if (now.ok && last.ok && now.value === last.value) return now;
      compared++;
    }
    last = now;
  }
  return last === undefined || last.ok ? changing(context, 'no two passes found the same files') : last;
}

function changing({ directory }: DirectoryContext, why: string): Extract<Attempt<never>, { ok: false }> {
  return {
    ok: false,
    sentence: `${directory} kept changing while it was read: ${why}`,
    hint: 'It is tried again at the next fetch; let what fills it finish, or run it as repo.update.',
  };
}

type Pass =
  | { readonly kind: 'read'; readonly tree: ObjectId }
  | { readonly kind: 'changing'; readonly why: string }
  | { readonly kind: 'failed'; readonly sentence: string; readonly hint: string };

async function readOnce(context: DirectoryContext): Promise<Pass> {
  const { directory } = context;
  try {
    const paths = await pathsOf(context);
    if (paths.length === 0)
      return { kind: 'failed', sentence: `${directory} holds no files`, hint: 'Fill it, or set repo.directory.' };
    return { kind: 'read', tree: await treeOf(context, paths) };
  } catch (error) {
    if (error instanceof GitFailed) return passFailed(context, error.stderr);
    const code = errorCode(error);
    if (code === '') throw error;
    const path = error instanceof Error && 'path' in error ? String(error.path) : directory;
    if ((code === 'ENOENT' || code === 'ENOTDIR') && path !== directory)
      return { kind: 'changing', why: `${path} went away` };
    return {
      kind: 'failed',
      sentence: `${path} cannot be read: ${reasonOf(error)}`,
      hint: code === 'ENOENT' ? 'Create it, or set repo.url or repo.directory.' : "Let the server's user read it.",
    };
  }
}

/** What git says of a file that is taken away, replaced or written while it reads it. */
const CHANGING =
  /No such file|Not a directory|short read|read error while indexing|Is a directory|is a directory|Invalid argument|unsupported file type|does not exist/;

function passFailed({ directory }: DirectoryContext, stderr: string): Pass {
  const said =
    /^error: (?!unable to index|.*failed to insert)(.*)$/m.exec(stderr)?.[1] ?? stderr.trim().split('\n').at(-1) ?? '';
  if (CHANGING.test(said)) return { kind: 'changing', why: said };
  const full = /No space left on device|Disk quota exceeded/.test(stderr);
  return {
    kind: 'failed',
    sentence: `${directory} cannot be read into the repository: ${said}`,
    hint: full ? 'Make room in the state directory.' : "Let the server's user read every file of it.",
  };
}

/** Every regular file and link, relative to the directory. Sockets, pipes and devices are no content. */
async function pathsOf({ directory, stateDir }: DirectoryContext): Promise<Buffer[]> {
  const found: Buffer[] = [];
  const root = Buffer.from(directory);
  const state = Buffer.from(absolute(stateDir));
  const pending: Buffer[] = [Buffer.alloc(0)];
  for (let below = pending.pop(); below !== undefined; below = pending.pop()) {
    for (const entry of await readdir(joined(root, below), { withFileTypes: true, encoding: 'buffer' })) {
      const path = joined(below, entry.name);
      if (entry.isDirectory()) {
        const skipped = NOT_CONTENT.has(entry.name.toString('latin1')) || joined(root, path).equals(state);
        if (!skipped) pending.push(path);
      } else if ((entry.isFile() || entry.isSymbolicLink()) && entry.name.toString('latin1') !== '.git')
        found.push(path);
    }
  }
  return found;
}

const SLASH = Buffer.from('/');

function joined(parent: Buffer, name: Buffer): Buffer {
  if (parent.length === 0) return name;
  return name.length === 0 ? parent : Buffer.concat([parent, SLASH, name]);
}

/** Brings the index up to date with the files and writes its tree. A damaged index, or lost objects, cost a full reading. */
async function treeOf(context: DirectoryContext, paths: readonly Buffer[]): Promise<ObjectId> {
  try {
    return await treeByIndex(context, paths);
  } catch (error) {
    if (
      !(error instanceof GitFailed) ||
      !/index file|invalid object|bad index|cache entry|error building trees/i.test(error.stderr)
    )
      throw error;
    await rm(indexOf(context), { force: true });
    return treeByIndex(context, paths);
  }
}

function indexOf({ index, git }: DirectoryContext): string {
  return index ?? join(git.gitDir, 'index');
}

async function treeByIndex(context: DirectoryContext, paths: readonly Buffer[]): Promise<ObjectId> {
  const { git, directory, inherit } = context;
  const known = (await git.plumb(['ls-files', '-z'])).stdout;
  const present = new Set(paths.map((path) => path.toString('latin1')));
  const gone = known
    .toString('latin1')
    .split('\0')
    .filter((path) => path !== '' && !present.has(path));
  const input = Buffer.from([...gone, ...present].map((path) => `${path}\0`).join(''), 'latin1');
  const args = ['update-index', '--add', '--remove', '--replace', '-z', '--stdin'];
  await git.plumb(args, { cwd: directory, env: { GIT_WORK_TREE: directory }, input, inherit });
  const { stdout } = await git.plumb(['write-tree'], { inherit });
  await distrustRecentFiles(indexOf(context));
  return stdout.toString().trim() as ObjectId;
}

/**
 * Git reads a file again, whatever its times say, if it changed after the index was written. By an index that looks older
 * than it is, a file that was written twice within one tick of the clock is read again as well.
 */
async function distrustRecentFiles(index: string): Promise<void> {
  const then = new Date(Date.now() - RACY_MS);
  await utimes(index, then, then);
}

/** What `git log` shows of a reading: the first file that changed, and how many more did. */
async function subjectOf(
  { git, directory }: DirectoryContext,
  before: ObjectId | undefined,
  tree: ObjectId,
): Promise<string> {
  if (before === undefined) return `First reading of ${directory}`;
  const { stdout } = await git.plumb(['diff-tree', '-r', '-z', '--name-only', '--no-renames', before, tree]);
  const names = stdout
    .toString()
    .split('\0')
    .filter((name) => name !== '');
  const first = (names[0] ?? directory).replaceAll(/\p{Cc}/gu, '?');
  if (names.length <= 1) return `Change ${first}`;
  return names.length === 2 ? `Change ${first} and 1 more file` : `Change ${first} and ${names.length - 1} more files`;
}
