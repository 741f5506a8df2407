import { renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Assignment } from '../../protocol/assignment.ts';
import type { ManifestEntry } from '../../protocol/manifest.ts';
import type { Digest } from '../../protocol/names.ts';
import type { Brake } from '../core/answer.ts';
import { systemFailure } from '../core/failure.ts';
import type { Failed } from '../core/outcome.ts';
import type { Place } from '../core/place.ts';
import { isNameOf, releaseNameOf } from '../core/release-name.ts';
import type { Terminal } from '../terminal.ts';
import { type Accounts, findAccounts } from './accounts.ts';
import { assemble } from './assemble.ts';
import { type ArchiveWanted, fetchArchive } from './fetch-archive.ts';
import { type Fetched, fetchManifest } from './fetch-manifest.ts';
import type { Layout } from './layout.ts';
import { TEMPORARY } from './publish.ts';
import { keepManifest, listReleases, readManifest, removeRelease } from './releases.ts';
import type { Servers } from './servers.ts';
import type { Base } from './unpack.ts';
import { flawOfRelease } from './verify.ts';

export interface Staged {
  readonly kind: 'staged';
  readonly name: string;
  readonly entries: readonly ManifestEntry[];
  /** It was there already, and every hash was right. */
  readonly reused: boolean;
}

export interface Staging {
  readonly layout: Layout;
  readonly place: Pick<Place, 'takenName'>;
  readonly servers: Servers;
  readonly assignment: Assignment;
  readonly terminal: Pick<Terminal, 'detail' | 'progress' | 'err'>;
}

/** Brings the assigned view below releases/, whole and verified. On any failure nothing is left of it. */
export async function stage(staging: Staging): Promise<Staged | Brake | Failed> {
  const { layout, servers, assignment } = staging;
  try {
    const manifest = await fetchManifest(servers, assignment);
    if (manifest.kind !== 'fetched') return about(assignment, manifest);
    const { bytes, entries } = manifest.value;
    const owners = await findAccounts(entries);
    if (owners.kind === 'failed') return about(assignment, owners);
    const { name, isWhole } = await findRelease(staging, entries, owners.accounts);
    if (isWhole) {
      keepManifest(layout, name, bytes);
      return { kind: 'staged', name, entries, reused: true };
    }
    const fetched = await fetchRelease(staging, { name, entries, manifest: bytes, accounts: owners.accounts });
    return fetched.kind === 'fetched' ? { kind: 'staged', name, entries, reused: false } : about(assignment, fetched);
  } catch (error) {
    const failure = systemFailure(error);
    if (failure === undefined) throw error;
    return about(assignment, { kind: 'failed', failure });
  } finally {
    staging.terminal.progress('');
  }
}

function about({ tag, digest }: Assignment, ended: Brake | Failed): Brake | Failed {
  return ended.kind === 'failed' && ended.onTheWay !== true ? { ...ended, tag, digest } : ended;
}

/**
 * Looks for the view among the releases, and removes what has its name and is not it, unless it is in use. Where there is
 * none, answers the name that it is to get: never that of what is in use, be it gone, as what is staged must not be in use
 * before the second question.
 */
async function findRelease(
  { layout, place, assignment, servers, terminal }: Staging,
  entries: readonly ManifestEntry[],
  accounts: Accounts,
): Promise<{ readonly name: string; readonly isWhole: boolean }> {
  const named = place.takenName();
  for (const { name } of listReleases(layout).filter((release) => isNameOf(release.name, assignment.digest))) {
    const directory = join(layout.releases, name);
    const flaw = await flawOfRelease({ directory, entries, accounts, signal: servers.signal });
    if (flaw === null) return { name, isWhole: true };
    terminal.detail(`release ${name} is damaged: ${flaw}`);
    if (name !== named) removeRelease(layout, name);
  }
  const first = releaseNameOf(assignment.digest);
  return { name: first === named ? releaseNameOf(assignment.digest, 1) : first, isWhole: false };
}

interface NewRelease {
  readonly name: string;
  readonly entries: readonly ManifestEntry[];
  readonly manifest: Buffer;
  readonly accounts: Accounts;
}

async function fetchRelease(staging: Staging, release: NewRelease): Promise<Fetched<null>> {
  const { layout, assignment } = staging;
  const { name, entries, manifest, accounts } = release;
  const directory = join(layout.releases, `${TEMPORARY}${name}`);
  const wanted = { ...staging, entries, directory, ownersOf: accounts };
  try {
    const base = baseOf(layout, assignment.digest);
    const fetched = (await isMended(wanted)) ? FETCHED : await fetchArchive({ ...wanted, base });
    if (fetched.kind !== 'fetched') return fetched;
    keepManifest(layout, name, manifest);
    renameSync(directory, join(layout.releases, name));
    return fetched;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const FETCHED: Fetched<null> = { kind: 'fetched', value: null };

/** Where a damaged release of this view is in use, nothing is fetched if all of it is intact there or in others. */
async function isMended(wanted: Omit<ArchiveWanted, 'base'> & Pick<Staging, 'place'>): Promise<boolean> {
  const { layout, place, assignment, servers, terminal, entries, directory, ownersOf } = wanted;
  const damaged = place.takenName();
  if (damaged === undefined || !isNameOf(damaged, assignment.digest)) return false;
  const others = listReleases(layout).flatMap(({ name }) => {
    const manifest = name === damaged ? { entries } : readManifest(layout, name);
    return manifest === undefined ? [] : [{ directory: join(layout.releases, name), entries: manifest.entries }];
  });
  const isWhole = await assemble({ entries, directory, ownersOf, sources: others, signal: servers.signal });
  if (isWhole) terminal.detail('everything that is needed is here: nothing is fetched');
  return isWhole;
}

/** What only the difference to has to be fetched: the release used last. Its files are not believed, but compared while they are copied. */
function baseOf(layout: Layout, digest: Digest): Base | undefined {
  for (const { name } of listReleases(layout)) {
    const manifest = isNameOf(name, digest) ? undefined : readManifest(layout, name);
    if (manifest !== undefined) return { name, directory: join(layout.releases, name), ...manifest };
  }
  return undefined;
}
