import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { errorCode } from '../files/failure.ts';
import { lock, lockingCommand } from '../lock.ts';
import { gitDate } from './refs.ts';
import type { Git, Output, PlumbOptions } from './run.ts';
import { beginTransaction, lockedOut } from './transaction.ts';

/** Runs git while the repository is ours alone. */
export type Plumb = (args: readonly string[], options?: PlumbOptions) => Promise<Output>;
export type Mutate = <Value>(action: (plumb: Plumb) => Promise<Value>) => Promise<Value>;

const WAIT_MS = 30_000;

/** Changes refs while the repository is ours alone: all of the lines (of `git update-ref --stdin`) take effect, or none. */
export type Apply = (lines: readonly string[]) => Promise<void>;
export type ChangeRefs = <Value>(change: {
  /** Stamps the reflog of refs that have one; milliseconds since 1970. */
  readonly at: number;
  /** Makes one for those that have none. */
  readonly keepLog?: boolean;
  /** Looks, and calls `apply` at most once. */
  readonly action: (apply: Apply) => Promise<Value>;
}) => Promise<Value>;

export interface Mutations {
  readonly mutate: Mutate;
  readonly changeRefs: ChangeRefs;
}

/**
 * Everything that changes refs goes through here, one at a time among all processes. Git inherits the lock, so where it is
 * free no git of ours is at work, and a `.lock` file that is found was left by one that was killed.
 * Rejects with `LockedOut` where somebody else holds the lock for half a minute.
 */
export function mutations(git: Git, lockFile: string): Mutations {
  const oneAtATime = pLimit(1);
  return {
    mutate: (action) =>
      oneAtATime(async () => {
        const attempt = await lock(lockFile, { waitMs: WAIT_MS });
        if (!attempt.ok) throw lockedOut(attempt);
        try {
          clearStaleRefLocks(git.gitDir);
          return await action((args, options) => git.plumb(args, { ...options, inherit: attempt.value.fd }));
        } finally {
          attempt.value.release();
        }
      }),
    changeRefs: ({ at, keepLog = false, action }) =>
      oneAtATime(async () => {
        const args = ['update-ref', ...(keepLog ? ['--create-reflog'] : []), '--stdin'];
        const command = lockingCommand(lockFile, { waitMs: WAIT_MS }, ['git', ...args]);
        if (!command.ok) throw lockedOut(command);
        const transaction = beginTransaction(command.value, { ...git.env, GIT_COMMITTER_DATE: gitDate(at) });
        try {
          await transaction.begun();
          command.value.note();
          clearStaleRefLocks(git.gitDir);
          return await action(transaction.apply);
        } finally {
          await transaction.end();
          command.value.close();
        }
      }),
  };
}

/** Fetches write below `incoming` without the repository's lock, each under a name of its own. */
const NOT_OURS = 'incoming';

/** Under the repository's lock, or never. */
export function clearStaleRefLocks(gitDir: string): void {
  for (const name of ['HEAD.lock', 'config.lock', 'packed-refs.lock', 'packed-refs.new'])
    rmSync(join(gitDir, name), { force: true });
  clearBelow(join(gitDir, 'refs'));
}

/** No ref may end in `.lock`, so whatever does is one. */
export function clearBelow(directory: string): void {
  for (const entry of listed(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== NOT_OURS) clearBelow(path);
    } else if (entry.name.endsWith('.lock')) rmSync(path, { force: true });
  }
}

function listed(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  }
}
