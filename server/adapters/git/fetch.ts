import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { ObjectId } from '../../../protocol/names.ts';
import type { Attempt } from '../../ports/common.ts';
import type { Fetched, FetchedTip } from '../../ports/repository.ts';
import { errorCode, reasonOf } from '../files/failure.ts';
import { lock, tryLock } from '../lock.ts';
import { tellingLine } from './failure.ts';
import { GitFailed } from './git-failed.ts';
import { apart, commitOf } from './history.ts';
import type { Apply } from './mutation.ts';
import { type Obtaining, obtain } from './obtain.ts';
import { INCOMING, refsBelow, resolve, TRUNK } from './refs.ts';
import type { Git } from './run.ts';
import type { SignaturePolicy } from './signers.ts';
import { LockedOut } from './transaction.ts';

export interface Fetching extends Obtaining {
  readonly requireFastForward: boolean;
  /** One fetch at a time among all processes. */
  readonly fetchLock: string;
  readonly garbageLock: string;
  readonly signatures?: SignaturePolicy | null;
  /** The newest tip that may be released. */
  readonly trusted: () => Promise<FetchedTip | undefined>;
}

/** Takes the source's tip: from the outside to a name of its own, then, in one step, to the trunk and the log. */
export async function fetchTip(fetching: Fetching, at: number, landed: () => number): Promise<Attempt<Fetched>> {
  const waitMs = (fetching.fetchTimeoutSeconds + 5) * 1000;
  const held = await lock(fetching.fetchLock, { waitMs });
  if (!held.ok) return held;
  try {
    await clearInterrupted(fetching);
    const tip = await obtain(fetching, { at, inherit: held.value.fd });
    return tip.ok ? await accept(fetching, tip.value, landed()) : tip;
  } catch (error) {
    return ofState(error);
  } finally {
    held.value.release();
  }
}

/** A full or read-only disk, most of all. What is no failure of git, a file or the lock is a mistake of ours. */
function ofState(error: unknown): Attempt<never> {
  if (error instanceof GitFailed) {
    const said = tellingLine({ stderr: error.stderr, end: error.message });
    const full = /No space left|Disk quota/i.test(error.stderr);
    return {
      ok: false,
      sentence: `what was fetched could not be taken in: ${said}`,
      hint: full
        ? 'Make room in the state directory.'
        : 'Look at the state directory: it must be writable, and its disk in order.',
    };
  }
  if (!(error instanceof LockedOut) && errorCode(error) === '') throw error;
  return {
    ok: false,
    sentence: `what was fetched could not be written down: ${reasonOf(error)}`,
    hint: 'Look at the state directory: it must be writable and have room.',
  };
}

async function accept(
  { git, changeRefs, log, ...fetching }: Fetching,
  tip: ObjectId,
  at: number,
): Promise<Attempt<Fetched>> {
  // Who takes back what was never released rewrites nothing.
  const released = await fetching.trusted();
  const action = async (apply: Apply): Promise<Attempt<Fetched>> => {
    const [commit, trunk, incoming] = await Promise.all([commitOf(git, tip), resolve(git, TRUNK), refsIncoming(git)]);
    if (commit === undefined) throw new Error(`the commit ${tip} cannot be read`);
    const previous = log.tips().at(-1)?.commit ?? trunk;
    const base = fetching.signatures ? released?.commit : previous;
    const rewritten = base !== undefined && (await apart(git, base, tip))?.onlyOne !== 0;
    const refused = rewritten && fetching.requireFastForward;
    const update = refused || trunk === tip ? [] : [`update ${TRUNK} ${tip}`];
    // Whoever fetches holds the fetch lock, so whatever came in before was left behind.
    await apply([...update, ...incoming.map((name) => `delete ${name}`)]);
    if (refused) return rewriteRefused(base, tip);
    // Only what is logged is the trunk: where we are killed before this line, the old tip stays.
    log.append({ commit: tip, at });
    return { ok: true, value: { tip: commit, previous, rewritten } };
  };
  return changeRefs({ at, keepLog: true, action });
}

/** What a fetch has just put there, and what one that was killed left. */
async function refsIncoming(git: Git): Promise<string[]> {
  const loose = leftovers(join(git.gitDir, INCOMING), '').map((path) => relative(git.gitDir, path));
  if (!packedRefs(git).includes(INCOMING)) return loose;
  return (await refsBelow(git, INCOMING)).map((ref) => ref.name);
}

function packedRefs(git: Git): string {
  const path = join(git.gitDir, 'packed-refs');
  return existsSync(path) ? readFileSync(path, 'latin1') : '';
}

function rewriteRefused(previous: ObjectId | undefined, tip: ObjectId): Attempt<never> {
  return {
    ok: false,
    sentence: `the branch's history was rewritten: ${previous?.slice(0, 12)}, its tip before, is not part of ${tip.slice(0, 12)}`,
    hint: 'Restore the branch, or set repo.require_fast_forward to false to accept what it is now.',
  };
}

/** Where no fetch is going on, removes what an earlier one left that was killed. */
export async function clearInterruptedFetches(fetching: Fetching): Promise<void> {
  const idle = await tryLock(fetching.fetchLock);
  if (!idle.ok) return;
  try {
    await clearInterrupted(fetching);
  } finally {
    idle.value.release();
  }
}

/** With the fetch lock held: what a fetch that was killed left, which would block the next or fill the disk. */
async function clearInterrupted({ git, garbageLock }: Fetching): Promise<void> {
  for (const name of ['index.lock', 'shallow.lock']) rmSync(join(git.gitDir, name), { force: true });
  rmSync(join(git.gitDir, `${INCOMING}`), { recursive: true, force: true });
  const packs = leftovers(join(git.gitDir, 'objects/pack'), 'tmp_');
  const directories = leftovers(join(git.gitDir, 'objects'), 'tmp_objdir-');
  if (packs.length + directories.length === 0) return;
  // A collection of garbage writes files with such names too.
  const idle = await tryLock(garbageLock);
  if (!idle.ok) return;
  for (const path of [...packs, ...directories]) rmSync(path, { recursive: true, force: true });
  idle.value.release();
}

function leftovers(directory: string, prefix: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(directory, name));
}
