import type { ObjectId } from '../../../protocol/names.ts';
import type { Commit } from '../../ports.ts';
import type { Git } from './run.ts';

/** Fields are separated by NUL, which no part of a commit can hold; a subject is one line whatever its message looks like. */
const FORMAT = '--format=%H%x00%T%x00%ct%x00%an <%ae>%x00%s';
const REV_LIST = ['rev-list', '--no-commit-header', '--encoding=UTF-8', FORMAT] as const;
const BATCH = 500;

/** Resolves a commit id, or an unambiguous beginning of at least four digits; undefined for anything else. */
export async function commitOf(git: Git, id: string): Promise<Commit | undefined> {
  if (!/^[0-9a-f]{4,64}$/i.test(id)) return undefined;
  try {
    const listing = await git.read([...REV_LIST, '--max-count=1', '--end-of-options', `${id}^{commit}`]);
    return parseCommits(listing)[0];
  } catch {
    return undefined;
  }
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

/** How far two commits are apart: how many only one of them has; null where one is not in the repository. */
export async function apart(
  git: Git,
  one: ObjectId,
  other: ObjectId,
): Promise<{ onlyOne: number; onlyOther: number } | null> {
  if (one === other) return { onlyOne: 0, onlyOther: 0 };
  try {
    const counts = await git.read(['rev-list', '--left-right', '--count', '--end-of-options', `${one}...${other}`]);
    const [onlyOne = 0, onlyOther = 0] = counts.trim().split('\t').map(Number);
    return { onlyOne, onlyOther };
  } catch {
    return null;
  }
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
