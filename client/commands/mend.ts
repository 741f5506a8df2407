import { join } from 'node:path';
import type { Assignment } from '../../protocol/assignment.ts';
import type { HooksFile } from '../../protocol/hooks.ts';
import { knownAccounts } from '../adapters/accounts.ts';
import { findDrift, rememberRelease } from '../adapters/drift-check.ts';
import type { Staged } from '../adapters/stage.ts';
import { describeDrift } from '../core/drift.ts';
import type { Outcome, Refused } from '../core/outcome.ts';
import type { Place, ReleaseInUse, ReleaseOnDisk } from '../core/place.ts';
import { beginActivation, finishActivation, repairedPaths, tellKept } from './activation.ts';
import type { Run } from './converge.ts';
import { releaseInUse } from './damage.ts';
import { setScene } from './hooks.ts';

/** Takes what drifted back to what it should be; undefined where another copy of the release is to be staged. */
export async function mend(run: Run, { tag, digest }: Assignment): Promise<Outcome | undefined> {
  const { drifted = [] } = run;
  const release = releaseInUse(run);
  const entries = release?.entries();
  if (release === undefined || entries === undefined || drifted.length === 0) return undefined;
  const whole = { ...release, entries };
  const paths = drifted.map(({ path }) => path);
  const set = await setScene({ tag, digest, release: whole, previous: whole }, repairedPaths(whole, paths));
  // What drifted is the hooks themselves: another copy of the release has them as they were.
  if (set.kind === 'failed') return undefined;
  // Whoever reads these files is told that they changed once more.
  const activating = await beginActivation(run, set.scene, { tag, digest, release: whole, repaired: drifted });
  const kept = await repair(run, release);
  if (kept === 'stage') {
    run.state = { ...run.state, activating: null };
    return undefined;
  }
  tellKept(run, kept);
  const outcome = await finishActivation(run, activating, set.scene);
  return outcome.kind === 'applied' ? { ...outcome, repaired: drifted } : outcome;
}

/** Where it fails nothing changed, and nobody is to be told. */
async function repair(run: Run, release: ReleaseInUse): ReturnType<Place['repair']> {
  try {
    return await run.place.repair(release, run.drifted ?? []);
  } catch (error) {
    run.state = { ...run.state, activating: null };
    throw error;
  }
}

/** Remembers how the files of a release look that was just staged, every one of them verified. */
export function rememberStaged({ layout, place }: Run, { digest }: Assignment, { name, entries }: Staged): void {
  if (place.root !== undefined) return;
  rememberRelease({ directory: join(layout.releases, name), digest, cache: join(layout.seen, name) }, entries);
}

/**
 * A release is exactly what the server made: hooks that write into it would have it repaired, and themselves run again, with
 * every run from then on.
 */
export async function touchedByHooks(
  { layout, servers }: Run,
  { name, directory, digest, entries }: ReleaseOnDisk,
  { tag, hooks }: { readonly tag: Assignment['tag']; readonly hooks: HooksFile },
): Promise<Refused | undefined> {
  if (!hooks.hooks.some(({ stage, test }) => stage !== undefined || test !== undefined)) return undefined;
  const found = await findDrift({
    directory,
    digest,
    entries: () => entries,
    accountsOf: knownAccounts,
    cache: join(layout.seen, name),
    isThorough: false,
    remembers: false,
    signal: servers.signal,
  });
  if (found === 'unknown' || found.length === 0) return undefined;
  const sentence = `${tag} is not put into use: its stage and test hooks changed the release itself: ${describeDrift(found)}`;
  const hint =
    'Nothing was changed. Let hooks write elsewhere, as into a temporary directory; the next run tries again.';
  return { kind: 'refused', tag, digest, failure: { sentence, hint }, key: `${digest} touched` };
}
