import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ArchiveWanted, fetchArchive } from '../../client/adapters/fetch-archive.ts';
import type { Fetched } from '../../client/adapters/fetch-manifest.ts';
import { UNKNOWN } from '../../client/adapters/identity.ts';
import { type Layout, layoutOf, prepare } from '../../client/adapters/layout.ts';
import type { Base } from '../../client/adapters/unpack.ts';
import type { Assignment } from '../../protocol/assignment.ts';
import { parseManifest } from '../../protocol/manifest.ts';
import type { Digest, Hostname, ObjectId, TagName } from '../../protocol/names.ts';
import { treeOf } from './run-client.ts';
import { TAG, type TestView, type ViewServer } from './serve-view.ts';

export interface Fetching {
  readonly layout: Layout;
  /** Where the archive is unpacked. */
  readonly directory: string;
  /** What was said on the standard error. */
  readonly told: string[];
  /** Fetches the view's archive once, as a run would, and answers what came of it and the tree. */
  fetch(): Promise<{ readonly fetched: Fetched<null>; readonly tree: Record<string, string> | undefined }>;
}

interface Options {
  readonly target: string;
  readonly servers: readonly ViewServer[];
  readonly view: TestView;
  readonly base?: Base;
}

/** The part of a run that fetches an archive, without the rest of it. */
export function fetching({ target, servers, view, base }: Options): Fetching {
  const layout = layoutOf(target);
  prepare(layout);
  const directory = join(layout.releases, '.tmp-staged');
  const told: string[] = [];
  const wanted: ArchiveWanted = {
    layout,
    directory,
    base,
    entries: parseManifest(view.manifest),
    assignment: assignmentOf(view),
    ownersOf: () => ({ uid: undefined, gid: undefined }),
    servers: {
      urls: servers.map(({ url }) => new URL(url)),
      preferred: null,
      answered: false,
      silenceMs: 10_000,
      signal: new AbortController().signal,
      identity: UNKNOWN,
    },
    terminal: { detail: () => undefined, progress: () => undefined, err: (line) => told.push(line) },
  };
  return {
    layout,
    directory,
    told,
    async fetch() {
      const fetched = await fetchArchive(wanted);
      return { fetched, tree: fetched.kind === 'fetched' ? await treeOf(directory) : undefined };
    },
  };
}

function assignmentOf({ digest, files, bytes }: TestView): Assignment {
  const path = `/v1/views/${digest}`;
  return {
    hostname: 'web1' as Hostname,
    environment: 'production',
    wave: 'production+4h',
    hours: 4,
    groups: [],
    outcome: 'serve',
    tag: TAG as TagName,
    commit: 'a'.repeat(40) as ObjectId,
    digest: digest as Digest,
    files,
    bytes,
    reasons: [],
    decidedAt: '2026-11-20T12:00:00Z',
    pollAfterSeconds: 60,
    links: { archive: `${path}/archive`, manifest: `${path}/manifest` },
  };
}

/** Makes the directory of a release, empty, and what a delta may lead from it. */
export function baseIn(layout: Layout, view: TestView, name = 'base'): Base {
  const directory = join(layout.releases, name);
  mkdirSync(directory, { recursive: true });
  return { name, directory, digest: view.digest as Digest, entries: parseManifest(view.manifest) };
}
