import { listReleases, removeRelease } from '../adapters/releases.ts';
import { releasesToRemove } from '../core/retention.ts';
import { inUse, type Run } from './converge.ts';

/** A release whose `clean` hooks failed so often goes all the same: a disk that fills up would be the greater harm. */
const TRIES = 3;

/** Removes releases that are no longer kept; their `clean` hooks come first. */
export async function tidyUp(run: Run): Promise<void> {
  const { layout, terminal, state } = run;
  const { activating, returning, previous } = state;
  const kept = activating?.from?.release ?? returning?.to?.release ?? previous?.release;
  for (const name of releasesToRemove(listReleases(layout), { current: inUse(run)?.name, previous: kept })) {
    if (!(await isCleaned(run, name))) continue;
    removeRelease(layout, name);
    terminal.detail(`removed releases/${name}`);
  }
}

/** Whether a release may be removed: its `clean` hooks succeeded, or failed too often. All of its paths count as removed. */
async function isCleaned(run: Run, name: string): Promise<boolean> {
  const trouble = await (await import('./clean.ts')).clean(run, name);
  const { [name]: before = 0, ...others } = run.state.cleaning;
  const tries = before + 1;
  if (trouble === undefined || tries >= TRIES) {
    run.state = { ...run.state, cleaning: others };
    if (trouble !== undefined)
      run.terminal.err(
        `${run.hostname}: ${trouble}\n  releases/${name} is removed all the same, after ${tries} tries.`,
      );
    return true;
  }
  run.state = { ...run.state, cleaning: { ...others, [name]: tries } };
  run.terminal.err(
    `${run.hostname}: ${trouble}\n  releases/${name} is kept for now; this was try ${tries} of ${TRIES}.`,
  );
  return false;
}
