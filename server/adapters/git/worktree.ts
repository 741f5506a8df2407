import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { type ObjectId, parseObjectId } from '../../../protocol/names.ts';
import type { Attempt } from '../../ports/common.ts';
import type { Repository } from '../../ports/repository.ts';
import { fileAt } from './file-at.ts';
import { flawOfEntry, type Submodules } from './flaw.ts';
import { blobs, entries, listing, type ObjectStore } from './objects.ts';
import { openObjectReader } from './reader.ts';

/** A checkout as it would be committed now, to be read like any tree. */
export interface Worktree {
  readonly tree: ObjectId;
  readonly repository: Pick<Repository, 'entries' | 'blobs' | 'file'>;
  /** Why no view of it can be made, or null. */
  readonly flaw: string | null;
  /** A directory that goes with it. */
  readonly directory: string;
  close(): Promise<void>;
}

/**
 * Reads the uncommitted state of a git checkout, new files that git does not ignore included. Works on a copy of the index
 * and writes objects into a directory of its own: the checkout and its repository stay as they are.
 */
export async function openWorktree(checkout: string, submodules: Submodules): Promise<Attempt<Worktree>> {
  const directory = await mkdtemp(join(tmpdir(), 'tagwave-view-'));
  const close = () => rm(directory, { recursive: true, force: true });
  try {
    const value = await readWorktree(resolve(checkout), directory, submodules);
    return { ok: true, value: { ...value, directory, close } };
  } catch (error) {
    await close();
    return {
      ok: false,
      sentence: `the checkout ${checkout} cannot be read: ${lastWords(error)}`,
      hint: 'name the directory of a git checkout that you may read',
    };
  }
}

async function readWorktree(checkout: string, directory: string, submodules: Submodules) {
  const plain = environment();
  const ask = async (...args: string[]) =>
    (await execa('git', ['-C', checkout, ...args], { env: plain, extendEnv: false })).stdout;
  const root = await ask('rev-parse', '--show-toplevel');
  const path = async (name: string) => resolve(checkout, await ask('rev-parse', '--git-path', name));
  const [gitDir, objects, index] = [
    await ask('rev-parse', '--absolute-git-dir'),
    await path('objects'),
    await path('index'),
  ];
  const own = { index: join(directory, 'index'), objects: join(directory, 'objects') };
  await mkdir(own.objects);
  // What git knows of unchanged files is in there. A repository without a commit has none.
  await copyFile(index, own.index).catch(() => undefined);
  const env = {
    ...plain,
    GIT_INDEX_FILE: own.index,
    GIT_OBJECT_DIRECTORY: own.objects,
    GIT_ALTERNATE_OBJECT_DIRECTORIES: `"${objects.replace(/["\\]/g, '\\$&')}"`,
  };
  await execa('git', ['-C', root, 'add', '--all'], { env, extendEnv: false });
  const tree = parseObjectId((await execa('git', ['-C', root, 'write-tree'], { env, extendEnv: false })).stdout);
  if (tree === undefined) throw new Error('git wrote no tree');
  const store: ObjectStore = { gitDir, env };
  const read = openObjectReader(gitDir, { ...env, GIT_DIR: gitDir, GIT_NO_REPLACE_OBJECTS: '1' });
  return {
    tree,
    flaw: await flawIn(store, tree, submodules),
    repository: {
      entries: (of: ObjectId) => entries(store, of),
      blobs: (ids: Iterable<ObjectId>) => blobs(store, ids),
      file: (treeish: ObjectId, name: string, limit: number) => fileAt(read, { treeish, path: name }, limit),
    },
  };
}

async function flawIn(store: ObjectStore, tree: ObjectId, submodules: Submodules): Promise<string | null> {
  for await (const { mode, path } of listing(store, tree)) {
    const flaw = flawOfEntry(mode, path, submodules);
    if (flaw !== null) return flaw;
  }
  return null;
}

/** The caller's own, so that git ignores and converts as it would for a commit; less what leads it elsewhere. */
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^GIT_(?!CONFIG_)/.test(name));
  return { ...Object.fromEntries(kept), LC_ALL: 'C' };
}

function lastWords(error: unknown): string {
  const said = typeof error === 'object' && error !== null && 'stderr' in error ? String(error.stderr).trim() : '';
  return said.split('\n').at(-1) || (error instanceof Error ? error.message : String(error));
}
