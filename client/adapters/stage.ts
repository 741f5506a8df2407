import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Assignment } from '../../protocol/assignment.ts';
import type { ManifestEntry } from '../../protocol/manifest.ts';
import type { Brake } from '../core/answer.ts';
import { BadContent, quoted } from '../core/checklist.ts';
import { systemFailure } from '../core/failure.ts';
import type { Failed } from '../core/outcome.ts';
import type { Place } from '../core/place.ts';
import { isNameOf, releaseNameOf } from '../core/release-name.ts';
import type { Terminal } from '../terminal.ts';
import { bad, badLink, type Fetched, fetchManifest, nobody, pathOf, unexpected } from './fetch-manifest.ts';
import type { Layout } from './layout.ts';
import { TEMPORARY } from './publish.ts';
import { keepManifest, listReleases, removeRelease } from './releases.ts';
import { ask, type Servers } from './servers.ts';
import { unpack } from './unpack.ts';
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
  readonly terminal: Pick<Terminal, 'detail' | 'progress'>;
}

const TOTAL_MS = 600_000;
/** A slower line than this, in bytes a millisecond, counts as none. */
const RATE = 16;
/** A server may have to make an archive first, during which it is silent: it has so many times the usual patience. */
const PATIENCE = 4;

/** Brings the assigned view below releases/, whole and verified. On any failure nothing is left of it. */
export async function stage(staging: Staging): Promise<Staged | Brake | Failed> {
  const { layout, servers, assignment } = staging;
  try {
    const manifest = await fetchManifest(servers, assignment);
    if (manifest.kind !== 'fetched') return about(assignment, manifest);
    const { bytes, entries } = manifest.value;
    const { name, isWhole } = await findRelease(staging, entries);
    if (isWhole) {
      keepManifest(layout, name, bytes);
      return { kind: 'staged', name, entries, reused: true };
    }
    const fetched = await fetchRelease(staging, { name, entries, manifest: bytes });
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
  return ended.kind === 'failed' ? { ...ended, tag, digest } : ended;
}

/**
 * Looks for the view among the releases, and removes what has its name and is not it, unless it is in use. Where there is
 * none, answers the name that it is to get: never that of what is in use, be it gone, as what is staged must not be in use
 * before the second question.
 */
async function findRelease(
  { layout, place, assignment, servers, terminal }: Staging,
  entries: readonly ManifestEntry[],
): Promise<{ readonly name: string; readonly isWhole: boolean }> {
  const named = place.takenName();
  for (const { name } of listReleases(layout).filter((release) => isNameOf(release.name, assignment.digest))) {
    const flaw = await flawOfRelease(join(layout.releases, name), entries, servers.signal);
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
}

async function fetchRelease(staging: Staging, { name, entries, manifest }: NewRelease): Promise<Fetched<null>> {
  const { layout, assignment, servers } = staging;
  const path = pathOf(assignment.links.archive);
  if (path === undefined) return badLink(assignment.links.archive);
  const directory = join(layout.releases, `${TEMPORARY}${name}`);
  const done = (count: number): void =>
    staging.terminal.progress(`staging ${assignment.tag}: ${count} of ${entries.length} files`);
  try {
    const found = await ask<Fetched<null>>(servers, {
      path,
      totalMs: TOTAL_MS + assignment.bytes / RATE,
      patience: PATIENCE,
      headers: { Accept: 'application/gzip, application/problem+json' },
      read: async (response) => {
        if (response.status !== 200) return unexpected('archive', response);
        const encoding = response.headers['content-encoding'] ?? 'identity';
        if (encoding !== 'identity') return bad(`the archive came encoded as ${quoted(encoding)}`);
        rmSync(directory, { recursive: true, force: true });
        mkdirSync(directory);
        await unpack(response.body, { directory, entries, done });
        return { kind: 'fetched', value: null };
      },
      garbled: (why) => bad(`cannot fetch the archive: ${why}`),
    });
    if (found.kind === 'nobody') return nobody('archive', found.why);
    if (found.value.kind !== 'fetched') return found.value;
    keepManifest(layout, name, manifest);
    renameSync(directory, join(layout.releases, name));
    return found.value;
  } catch (error) {
    if (error instanceof BadContent) return bad(`the archive is refused: ${error.message}`);
    throw error;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
