import { randomUUID } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Assignment } from '../../protocol/assignment.ts';
import { rememberRelease } from '../adapters/drift-check.ts';
import { readManifest } from '../adapters/releases.ts';
import type { Staged } from '../adapters/stage.ts';
import { describeDrift, pathsOf } from '../core/drift.ts';
import type { Outcome } from '../core/outcome.ts';
import type { DriftFound, ReleaseInUse } from '../core/place.ts';
import { inUse, type Run } from './converge.ts';

/** What of the release in use is not as its manifest says; nothing where no run is sure of what is in use. */
export async function findDriftOf(run: Run, { remembers }: { readonly remembers: boolean }): Promise<DriftFound> {
  const release = releaseInUse(run);
  if (release === undefined) return [];
  const { settings, place, servers } = run;
  return place.drift(release, { thorough: settings.verify, remembers, signal: servers.signal });
}

function releaseInUse(run: Run): ReleaseInUse | undefined {
  const { layout } = run;
  const now = inUse(run);
  if (now?.digest === undefined || !now.isSure) return undefined;
  const { name, digest } = now;
  const entries = (): ReturnType<ReleaseInUse['entries']> => {
    const manifest = readManifest(layout, name);
    return manifest?.digest === digest ? manifest.entries : undefined;
  };
  return { name, digest, directory: join(layout.releases, name), entries };
}

/** Looks for drift, whatever is to come: what the next release overwrites is told too. Answers whether the release in use is to be repaired. */
export async function isDamaged(run: Run): Promise<boolean> {
  const found = await findDriftOf(run, { remembers: true });
  const { layout, terminal } = run;
  run.drifted = found === 'unknown' ? [] : found;
  if (run.drifted.length > 0) terminal.detail(`${pathsOf(run.drifted.length)} drifted: ${describeDrift(run.drifted)}`);
  const name = inUse(run)?.name;
  const hasManifest =
    name === undefined || lstatSync(join(layout.manifests, name), { throwIfNoEntry: false })?.isFile();
  return found === 'unknown' || found.length > 0 || hasManifest !== true;
}

/** Takes what drifted back to what it should be; undefined where another copy of the release is to be staged. */
export async function mend(run: Run, { tag, digest }: Assignment): Promise<Outcome | undefined> {
  const { place, drifted = [] } = run;
  const release = releaseInUse(run);
  const entries = release?.entries();
  if (release === undefined || entries === undefined || drifted.length === 0) return undefined;
  const kept = await place.repair(release, drifted);
  if (kept === 'stage') return undefined;
  for (const { sentence } of kept) run.terminal.out(`${run.hostname}: ${sentence}`);
  run.state = { ...run.state, running: { tag, digest, release: release.name } };
  const changed = drifted.length;
  const files = entries.length;
  return { kind: 'applied', tag, digest, changed, files, isFirst: false, runId: randomUUID(), repaired: drifted };
}

/** Remembers how the files of a release look that was just staged, every one of them verified. */
export function rememberStaged({ layout, place }: Run, { digest }: Assignment, { name, entries }: Staged): void {
  if (place.root !== undefined) return;
  rememberRelease({ directory: join(layout.releases, name), digest, cache: join(layout.seen, name) }, entries);
}
