import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock } from '../lock.ts';
import type { FetchLog } from './fetch-log.ts';
import { clearBelow, type Mutate } from './mutation.ts';
import { gitDate, TRUNK } from './refs.ts';
import type { Git } from './run.ts';
import { retiredTags } from './tags.ts';

export interface GarbageContext {
  readonly git: Git;
  readonly mutate: Mutate;
  readonly log: FetchLog;
  /** One collection at a time among all processes. */
  readonly lockFile: string;
}

/** Objects that nothing names are kept so long: somebody may be about to name them. */
const GRACE = '2.hours.ago';
const DAY_MS = 24 * 3_600_000;

/**
 * Drops tags retired before an instant (milliseconds), then what nothing refers to any more. Nobody waits for it: only the
 * refs are changed under the repository's lock, which takes a moment; objects are repacked without it and in the background.
 * Where a collection is running already, this one ends there.
 */
export async function collectGarbage(
  { git, mutate, log, lockFile }: GarbageContext,
  retiredBefore: number,
): Promise<void> {
  await mutate(async (plumb) => {
    const dropped = (await retiredTags(git)).filter((ref) => ref.at < retiredBefore);
    const lines = dropped.map(({ name, object }) => `delete ${name} ${object}\n`);
    if (lines.length > 0) await plumb(['update-ref', '--stdin'], { input: lines.join('') });
    const oldest = Math.min(...log.tips().map((tip) => tip.at));
    if (Number.isFinite(oldest)) {
      const expiry = gitDate(oldest - DAY_MS);
      await plumb(['reflog', 'expire', `--expire=${expiry}`, `--expire-unreachable=${expiry}`, TRUNK]);
    }
    await plumb(['pack-refs', '--all']);
  });
  const running = await tryLock(lockFile);
  if (!running.ok) return;
  try {
    rmSync(join(git.gitDir, 'gc.pid'), { force: true });
    rmSync(join(git.gitDir, 'gc.pid.lock'), { force: true });
    clearBelow(join(git.gitDir, 'objects/info'));
    const args = ['-c', 'pack.threads=1', 'gc', '--quiet', `--prune=${GRACE}`];
    await git.plumb(args, { inherit: running.value.fd, background: true });
  } finally {
    running.value.release();
  }
}
