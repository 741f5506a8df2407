import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Assignment } from '../../protocol/assignment.ts';
import { BadManifest, digestOf, type ManifestEntry, parseManifest } from '../../protocol/manifest.ts';
import { BadContent, quoted } from '../core/checklist.ts';
import { type Attempt, failed, systemFailure } from '../core/failure.ts';
import { isNameOf, releaseNameOf } from '../core/release-name.ts';
import { readBody } from './http.ts';
import type { Layout } from './layout.ts';
import { TEMPORARY } from './publish.ts';
import { keepManifest, listReleases, readCurrent, removeRelease } from './releases.ts';
import { ask, type Servers } from './servers.ts';
import { unpack } from './unpack.ts';
import { flawOfRelease } from './verify.ts';

export interface Staged {
  readonly name: string;
  readonly entries: readonly ManifestEntry[];
  /** It was there already, and every hash was right. */
  readonly reused: boolean;
}

export interface Staging {
  readonly layout: Layout;
  readonly servers: Servers;
  readonly assignment: Assignment;
  detail(line: string): void;
  progress(line: string): void;
}

const HINT_SERVER = 'Nothing was changed. Look at the server, and at what stands between it and this host.';
const MANIFEST_LIMIT_BYTES = 256 * 1024 * 1024;
const LINE_LIMIT_BYTES = 8192;
const MANIFEST_TOTAL_MS = 300_000;
const ARCHIVE_TOTAL_MS = 600_000;
/** A slower line than this, in bytes a millisecond, counts as none. */
const ARCHIVE_RATE = 16;

/** Brings the assigned view below releases/, whole and verified. On any failure nothing is left of it. */
export async function stage(staging: Staging): Promise<Attempt<Staged>> {
  try {
    const manifest = await fetchManifest(staging.servers, staging.assignment);
    if (!manifest.ok) return manifest;
    const { bytes, entries } = manifest.value;
    const found = await findRelease(staging, entries);
    if (found.kind === 'whole') {
      keepManifest(staging.layout, found.name, bytes);
      return { ok: true, value: { name: found.name, entries, reused: true } };
    }
    const fetched = await fetchRelease(staging, { name: found.name, entries, manifest: bytes });
    return fetched.ok ? { ok: true, value: { name: found.name, entries, reused: false } } : fetched;
  } catch (error) {
    const failure = systemFailure(error);
    if (failure === undefined) throw error;
    return { ok: false, failure };
  }
}

interface Manifest {
  readonly bytes: Buffer;
  readonly entries: readonly ManifestEntry[];
}

/** The manifest of an assigned view: of this digest, with as many files and bytes as announced, and nothing in it that no view can hold. */
export async function fetchManifest(servers: Servers, assignment: Assignment): Promise<Attempt<Manifest>> {
  const path = pathOf(assignment.links.manifest);
  if (path === undefined) return badLink(assignment.links.manifest);
  const limit = Math.min(assignment.files * LINE_LIMIT_BYTES, MANIFEST_LIMIT_BYTES);
  const found = await ask<Attempt<Manifest>>(servers, {
    path,
    totalMs: MANIFEST_TOTAL_MS,
    read: async ({ status, body }) => {
      if (status !== 200) return unexpected('manifest', status);
      const bytes = await readBody(body, limit);
      if (bytes === undefined)
        return failed(`the manifest is larger than ${assignment.files} files can make it`, HINT_SERVER);
      return checkManifest(bytes, assignment);
    },
    garbled: (why) => failed(`cannot fetch the manifest: ${why}`, HINT_SERVER),
  });
  return found.kind === 'found' ? found.value : nobody('manifest', found.why);
}

function checkManifest(bytes: Buffer, { digest, files, bytes: total }: Assignment): Attempt<Manifest> {
  const actual = digestOf(bytes);
  if (actual !== digest)
    return failed(`the manifest is not the one that was assigned: its digest is ${actual}, not ${digest}`, HINT_SERVER);
  try {
    const entries = parseManifest(bytes);
    const sum = entries.reduce((bytesSoFar, { size }) => bytesSoFar + size, 0);
    if (entries.length !== files || sum !== total)
      return failed(
        `the manifest has ${entries.length} files of ${sum} bytes, but ${files} of ${total} were announced`,
        HINT_SERVER,
      );
    return { ok: true, value: { bytes, entries } };
  } catch (error) {
    if (!(error instanceof BadManifest)) throw error;
    return failed(`the manifest is refused: ${error.message}`, HINT_SERVER);
  }
}

type FoundRelease =
  | { readonly kind: 'whole'; readonly name: string }
  /** The name under which the view is to be staged. */
  | { readonly kind: 'none'; readonly name: string };

/**
 * Looks for the view among the releases, and removes what has its name and is not it, unless it is in use. A new one never
 * gets the name that `current` already has, be it dangling: what is staged must not be in use before the second question.
 */
async function findRelease(
  { layout, assignment, servers, detail }: Staging,
  entries: readonly ManifestEntry[],
): Promise<FoundRelease> {
  const current = readCurrent(layout);
  const named = 'name' in current ? current.name : undefined;
  const candidates = listReleases(layout).filter(({ name }) => isNameOf(name, assignment.digest));
  for (const { name } of candidates) {
    const flaw = await flawOfRelease(join(layout.releases, name), entries, servers.signal);
    if (flaw === null) return { kind: 'whole', name };
    detail(`release ${name} is damaged: ${flaw}`);
    if (name !== named) removeRelease(layout, name);
  }
  for (let number = 0; ; number++) {
    const name = releaseNameOf(assignment.digest, number);
    if (name !== named) return { kind: 'none', name };
  }
}

interface NewRelease {
  readonly name: string;
  readonly entries: readonly ManifestEntry[];
  readonly manifest: Buffer;
}

async function fetchRelease(staging: Staging, release: NewRelease): Promise<Attempt<null>> {
  const { layout, assignment, servers } = staging;
  const path = pathOf(assignment.links.archive);
  if (path === undefined) return badLink(assignment.links.archive);
  const directory = join(layout.releases, `${TEMPORARY}${release.name}`);
  try {
    const found = await ask<Attempt<null>>(servers, {
      path,
      totalMs: ARCHIVE_TOTAL_MS + assignment.bytes / ARCHIVE_RATE,
      headers: { Accept: 'application/gzip, application/problem+json' },
      read: async ({ status, headers, body }) => {
        if (status !== 200) return unexpected('archive', status);
        const encoding = headers['content-encoding'] ?? 'identity';
        if (encoding !== 'identity') return failed(`the archive came encoded as ${quoted(encoding)}`, HINT_SERVER);
        rmSync(directory, { recursive: true, force: true });
        mkdirSync(directory, 0o755);
        const done = (count: number): void =>
          staging.progress(`staging ${assignment.tag}: ${count} of ${release.entries.length} files`);
        await unpack(body, { directory, entries: release.entries, done });
        return { ok: true, value: null };
      },
      garbled: (why) => failed(`cannot fetch the archive: ${why}`, HINT_SERVER),
    });
    if (found.kind === 'nobody') return nobody('archive', found.why);
    if (!found.value.ok) return found.value;
    keepManifest(layout, release.name, release.manifest);
    renameSync(directory, join(layout.releases, release.name));
    return found.value;
  } catch (error) {
    if (error instanceof BadContent) return failed(`the archive is refused: ${error.message}`, HINT_SERVER);
    throw error;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Links are paths below the server's URL; whatever leads elsewhere is not followed. */
function pathOf(link: string): string | undefined {
  const isPath = /^\/[A-Za-z0-9._~:@!$&'()*+,;=%/?-]*$/.test(link) && !link.startsWith('//');
  return isPath && !/(^|\/)\.{1,2}(\/|\?|$)/.test(link) ? link : undefined;
}

function badLink(link: string): Attempt<never> {
  return failed(
    `the server's answer links to ${quoted(link.slice(0, 200))}, which is no path below its URL`,
    HINT_SERVER,
  );
}

function unexpected(what: string, status: number): Attempt<never> {
  return failed(`cannot fetch the ${what}: the server answers ${status}`, HINT_SERVER);
}

function nobody(what: string, why: readonly string[]): Attempt<never> {
  return failed(
    `cannot fetch the ${what}: ${why.join('; ')}`,
    'Nothing was changed; the next run tries again. Look at the server and the network.',
  );
}
