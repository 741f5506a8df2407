import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { ObjectId } from '../../../protocol/names.ts';
import type { Commit } from '../../ports/repository.ts';
import { type ParsedCommit, parseCommit } from './commit-object.ts';
import type { Git } from './run.ts';

/** Fields are separated by NUL, which no part of a commit can hold; a subject is one line whatever its message looks like. */
const FORMAT = '--format=%H%x00%T%x00%ct%x00%an <%ae>%x00%s';
const REV_LIST = ['rev-list', '--no-commit-header', '--encoding=UTF-8', FORMAT] as const;
const BATCH = 500;

/** Resolves a commit id, or an unambiguous beginning of at least four digits; undefined for anything else. */
export async function commitOf(git: Git, id: string): Promise<Commit | undefined> {
  if (!/^[0-9a-f]{4,64}$/i.test(id)) return undefined;
  try {
    const [found] = await git.objects.contents([`${id}^{commit}`]);
    if (found === undefined) return undefined;
    const parsed = parseCommit(found.object, found.content);
    if (parsed !== undefined) return withoutParents(parsed);
    return parseCommits(await git.read([...REV_LIST, '--max-count=1', '--end-of-options', found.object]))[0];
  } catch {
    return undefined;
  }
}

function withoutParents({ parents: _, ...commit }: ParsedCommit): Commit {
  return commit;
}

/** First-parent history, newest first, back to and including the newest commit at or before `since` (milliseconds). */
export async function firstParents(git: Git, tip: ObjectId, since: number): Promise<Commit[]> {
  const found: Commit[] = [];
  for (;;) {
    const page = [`--max-count=${BATCH}`, `--skip=${found.length}`];
    const commits = parseCommits(await git.read([...REV_LIST, '--first-parent', ...page, tip]));
    const old = commits.findIndex((commit) => commit.committedAt <= since);
    if (old !== -1) return [...found, ...commits.slice(0, old + 1)];
    found.push(...commits);
    if (commits.length < BATCH) return found;
  }
}

export interface Distance {
  readonly onlyOne: number;
  readonly onlyOther: number;
}

/** How far two commits are apart: how many only one of them has; null where one is not in the repository. */
export async function apart(git: Git, one: ObjectId, other: ObjectId): Promise<Distance | null> {
  const steps = await stepsBack(git, other, one);
  if (steps !== undefined) return { onlyOne: 0, onlyOther: steps };
  try {
    const counts = await git.read(['rev-list', '--left-right', '--count', '--end-of-options', `${one}...${other}`]);
    const [onlyOne = 0, onlyOther = 0] = counts.trim().split('\t').map(Number);
    return { onlyOne, onlyOther };
  } catch {
    return null;
  }
}

/** Further than that, git walks faster. */
const STEPS = 64;

/** How many commits lie between, where each has one parent and that is all there is to count; undefined anywhere else. */
async function stepsBack(git: Git, from: ObjectId, to: ObjectId): Promise<number | undefined> {
  // Where history is cut off, a commit's parents are not what it says.
  if (existsSync(join(git.gitDir, 'shallow'))) return undefined;
  let at = from;
  for (let steps = 0; steps < STEPS; steps++) {
    const [found] = await git.objects.contents([at]).catch(() => []);
    if (found?.type !== 'commit') return undefined;
    if (at === to) return steps;
    const [parent, ...others] = parseCommit(at, found.content)?.parents ?? [];
    if (parent === undefined || others.length > 0) return undefined;
    at = parent;
  }
  return undefined;
}

export function parseCommits(listing: string): Commit[] {
  return listing
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [id = '', tree = '', committed = '', author = '', subject = ''] = line.split('\0');
      return { id: id as ObjectId, tree: tree as ObjectId, author, subject, committedAt: Number(committed) * 1000 };
    });
}
