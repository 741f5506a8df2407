import { join } from 'node:path';
import { findAccounts } from '../adapters/accounts.ts';
import { fetchManifest } from '../adapters/fetch-manifest.ts';
import { listReleases, readManifest } from '../adapters/releases.ts';
import type { Base } from '../adapters/unpack.ts';
import { differenceOf } from '../core/difference.ts';
import type { Drifted } from '../core/drift.ts';
import type { Outcome } from '../core/outcome.ts';
import { inUse, question, type Run } from './converge.ts';
import { findDriftOf } from './damage.ts';
import { showChanges } from './show-changes.ts';

/** What a run would do now; how, in `run.diff`. Takes no lock, runs no hook, reports nothing and writes nothing. */
export async function preview(run: Run): Promise<Outcome> {
  const { layout, place, servers, settings } = run;
  const first = await question(run, { mayBeKnown: true });
  const drifted = await driftOf(run);
  run.drifted = drifted;
  // An answer that says `same` has no links to fetch anything by.
  const isKept = first.kind === 'ended' && first.outcome.kind === 'unchanged';
  const answer = isKept && drifted.length > 0 ? await question(run, { mayBeKnown: false }) : first;
  if (answer.kind === 'ended') return answer.outcome;
  const { assignment } = answer;
  const { tag, digest, files } = assignment;
  const now = inUse(run);
  if (now?.digest === digest && drifted.length === 0) return { kind: 'unchanged', tag, digest };
  const manifest = await fetchManifest(servers, assignment);
  if (manifest.kind !== 'fetched') return manifest;
  const { entries } = manifest.value;
  const owners = await findAccounts(entries);
  if (owners.kind === 'failed') return { ...owners, tag, digest };
  const here = basesOf(run, now?.name);
  const old = now === undefined ? [] : here.find(({ name }) => name === now.name)?.entries;
  const shown = await showChanges({
    servers,
    assignment,
    directory: place.root ?? (now && join(layout.releases, now.name)),
    old: old ?? [],
    entries,
    drifted,
    accounts: owners.accounts,
    here,
    isWhole: settings.verbose || settings.json,
  });
  if (shown.kind !== 'fetched') return shown;
  run.diff = shown.value;
  const repairs = now?.digest === digest ? { repairs: drifted } : {};
  return { kind: 'would-change', tag, digest, files, difference: old && differenceOf(old, entries), ...repairs };
}

async function driftOf(run: Run): Promise<readonly Drifted[]> {
  const found = await findDriftOf(run, { remembers: false });
  return found === 'unknown' ? [] : found;
}

/** The releases whose manifests are known, the one in use first. */
function basesOf({ layout }: Run, first: string | undefined): Base[] {
  const names = listReleases(layout).map(({ name }) => name);
  const order = [...names.filter((name) => name === first), ...names.filter((name) => name !== first)];
  return order.flatMap((name) => {
    const manifest = readManifest(layout, name);
    return manifest === undefined ? [] : [{ name, directory: join(layout.releases, name), ...manifest }];
  });
}
