import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import pLimit from 'p-limit';
import { errorCode } from '../files/failure.ts';
import { lock } from '../lock.ts';
import type { Git, Output, PlumbOptions } from './run.ts';

/** Runs git while the repository is ours alone. */
export type Plumb = (args: readonly string[], options?: PlumbOptions) => Promise<Output>;
export type Mutate = <Value>(action: (plumb: Plumb) => Promise<Value>) => Promise<Value>;

/** The repository's lock could not be had; the message says who has it, and what to do. */
export class LockedOut extends Error {
  override readonly name = 'LockedOut';
}

const WAIT_MS = 30_000;

/**
 * Everything that changes refs goes through here, one at a time among all processes. Git inherits the lock, so where it is
 * free no git of ours is at work, and a `.lock` file that is found was left by one that was killed.
 * Rejects with `LockedOut` where somebody else holds the lock for half a minute.
 */
export function mutations(git: Git, lockFile: string): Mutate {
  const oneAtATime = pLimit(1);
  return (action) =>
    oneAtATime(async () => {
      const attempt = await lock(lockFile, { waitMs: WAIT_MS });
      if (!attempt.ok) throw new LockedOut(`${attempt.sentence}. ${attempt.hint}`);
      try {
        clearStaleRefLocks(git.gitDir);
        return await action((args, options) => git.plumb(args, { ...options, inherit: attempt.value.fd }));
      } finally {
        attempt.value.release();
      }
    });
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
