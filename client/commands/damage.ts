import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { readManifest } from '../adapters/releases.ts';
import { describeDrift, pathsOf } from '../core/drift.ts';
import type { DriftFound, ReleaseInUse } from '../core/place.ts';
import { inUse, type Run } from './converge.ts';

/** What of the release in use is not as its manifest says; nothing where no run is sure of what is in use. */
export async function findDriftOf(run: Run, { remembers }: { readonly remembers: boolean }): Promise<DriftFound> {
  const release = releaseInUse(run);
  if (release === undefined) return [];
  const { settings, place, servers } = run;
  return place.drift(release, { thorough: settings.verify, remembers, signal: servers.signal });
}

export function releaseInUse(run: Run): ReleaseInUse | undefined {
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
