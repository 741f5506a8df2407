import { mkdirSync, rmSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { Assignment } from '../../protocol/assignment.ts';
import type { ManifestEntry } from '../../protocol/manifest.ts';
import { BadContent, quoted } from '../core/checklist.ts';
import { continues, isOfDelta, pathFrom, representationOf } from '../core/representation.ts';
import type { Terminal } from '../terminal.ts';
import type { Accounts } from './accounts.ts';
import { DamagedBase } from './copy-entry.ts';
import { bad, badLink, type Fetched, nobody, pathOf, unexpected } from './fetch-manifest.ts';
import { leftIn } from './http.ts';
import type { Layout } from './layout.ts';
import { openPart, type Part } from './part.ts';
import { ask, type Response, type Servers } from './servers.ts';
import { type Base, unpack } from './unpack.ts';

export interface ArchiveWanted {
  readonly layout: Layout;
  readonly servers: Servers;
  readonly assignment: Assignment;
  readonly terminal: Pick<Terminal, 'detail' | 'progress' | 'err'>;
  readonly entries: readonly ManifestEntry[];
  /** Made, for the archive to be unpacked into. */
  readonly directory: string;
  /** Who the entries are to belong to. */
  readonly ownersOf: Accounts;
  /** A release that is there: only what is different from it is asked for. */
  readonly base: Base | undefined;
}

const TOTAL_MS = 600_000;
/** A slower line than this, in bytes a millisecond, counts as none. */
const RATE = 16;
/** A server may have to make an archive first, during which it is silent: it has so many times the usual patience. */
const PATIENCE = 4;
/** So often all servers are asked in turn, as long as each time something more came. */
const ROUNDS = 5;

/**
 * Fetches the assigned view's archive and unpacks it while it comes, every entry verified. What was cut off, now or in an
 * earlier run, is continued; where only the difference was asked for and it is of no use, the whole is fetched once.
 */
export async function fetchArchive(wanted: ArchiveWanted): Promise<Fetched<null>> {
  const { layout, servers, assignment, terminal } = wanted;
  const path = pathOf(assignment.links.archive);
  if (path === undefined) return badLink(assignment.links.archive);
  const part = openPart(layout, assignment.digest);
  try {
    const fetched = await fetchOnce(wanted, { path, part, base: wanted.base });
    if (!('spoilt' in fetched)) return fetched;
    const { spoilt, why } = fetched;
    if (spoilt === 'archive') return bad(`the archive is refused: ${why}`);
    terminal.err(`${assignment.hostname}: ${SPOILT[spoilt]} (${why}): the whole archive is fetched instead`);
    const again = await fetchOnce(wanted, { path, part, base: undefined });
    return 'spoilt' in again ? bad(`the archive is refused: ${again.why}`) : again;
  } catch (error) {
    // A run that is stopped is continued by the next one. Where the disk is full, nothing more is kept on it.
    if (!servers.signal.aborted) part.drop();
    throw error;
  }
}

const SPOILT = {
  base: 'the release that is here cannot be built upon',
  delta: 'what is said to differ from the release that is here is refused',
  continuation: 'the download that was cut off does not go together with its rest',
} as const;

/** Content came, and is of no use: what it was, and why. */
interface Spoilt {
  readonly spoilt: keyof typeof SPOILT | 'archive';
  readonly why: string;
}

interface Fetching {
  readonly path: string;
  readonly part: Part;
  readonly base: Base | undefined;
}

/** What is found out on the way. */
interface Nature {
  isContinued: boolean;
  isDelta: boolean;
}

async function fetchOnce(wanted: ArchiveWanted, fetching: Fetching): Promise<Fetched<null> | Spoilt> {
  const { part, base } = fetching;
  const nature: Nature = { isContinued: false, isDelta: false };
  try {
    const fetched = await download(wanted, fetching, nature);
    if (fetched.kind === 'fetched') part.drop();
    return fetched;
  } catch (error) {
    if (error instanceof DamagedBase) {
      part.drop();
      return { spoilt: 'base', why: `${base?.name}: ${error.message}` };
    }
    if (!(error instanceof BadContent)) throw error;
    part.drop();
    const { isContinued, isDelta } = nature;
    return { spoilt: isContinued ? 'continuation' : isDelta ? 'delta' : 'archive', why: error.message };
  }
}

async function download(wanted: ArchiveWanted, fetching: Fetching, nature: Nature): Promise<Fetched<null>> {
  const { servers, assignment } = wanted;
  const { path, part, base } = fetching;
  if (part.of !== undefined && part.size === part.of.size) {
    nature.isContinued = true;
    return unpackInto(wanted, { fetching, nature, bytes: Readable.from(part.read()) });
  }
  for (let round = 1; ; round++) {
    const before = part.size;
    const found = await ask<Fetched<null> | 'again'>(servers, {
      path: base === undefined ? path : pathFrom(path, base.digest),
      totalMs: TOTAL_MS + assignment.bytes / RATE,
      patience: PATIENCE,
      headers: () => ({ Accept: 'application/gzip, application/problem+json', ...rangeAfter(part) }),
      read: (response) => take(wanted, { fetching, nature, response }),
      garbled: (why) => bad(`cannot fetch the archive: ${why}`),
    });
    const isLast = round === ROUNDS || servers.signal.aborted;
    if (found.kind === 'nobody' && (isLast || part.size <= before)) return nobody('archive', found.why);
    if (found.kind === 'found' && found.value !== 'again') return found.value;
    if (isLast) return bad('the servers send parts of the archive that do not belong together');
  }
}

function rangeAfter({ of, size }: Part): Record<string, string> {
  return of === undefined || size === 0 ? {} : { Range: `bytes=${size}-`, 'If-Range': of.etag };
}

interface Taking {
  readonly fetching: Fetching;
  readonly nature: Nature;
  readonly response: Response;
}

/** Unpacks what an answer holds, after what is there of it already. `again`: what is there is of something else, and is gone. */
async function take(wanted: ArchiveWanted, taking: Taking): Promise<Fetched<null> | 'again'> {
  const { fetching, nature, response } = taking;
  const { part } = fetching;
  const { status, headers, body } = response;
  const { of, size } = part;
  const isRest = of !== undefined && status === 206 && continues(headers, of, size);
  if (of !== undefined && !isRest && (status === 206 || status === 416)) {
    part.drop();
    return 'again';
  }
  if (!isRest && status !== 200) return unexpected('archive', response);
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity') return bad(`the archive came encoded as ${quoted(encoding)}`);
  nature.isContinued = isRest;
  nature.isDelta = isOfDelta(headers);
  if (isRest) wanted.terminal.detail(`the download goes on after ${size} of ${of.size} bytes`);
  else part.begin(representationOf(headers));
  return unpackInto(wanted, { fetching, nature, bytes: piecesOf(part, body) });
}

/** What is kept, then what comes, which is kept in turn: where it breaks off, the next try goes on from there. */
async function* piecesOf(part: Part, rest: Readable): AsyncGenerator<Uint8Array> {
  let isWhole = false;
  try {
    yield* part.read();
    for await (const bytes of rest as AsyncIterable<Uint8Array>) {
      part.add(bytes);
      yield bytes;
    }
    isWhole = true;
  } finally {
    if (!isWhole) {
      part.add(leftIn(rest));
      part.flush();
    }
  }
}

interface Unpacked {
  readonly fetching: Fetching;
  readonly nature: Nature;
  readonly bytes: AsyncIterable<Uint8Array>;
}

async function unpackInto(
  { servers, assignment, entries, directory, ownersOf, terminal }: ArchiveWanted,
  { fetching: { base }, nature, bytes }: Unpacked,
): Promise<Fetched<null>> {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  const found = (): void => {
    nature.isDelta = true;
  };
  await unpack(bytes, {
    directory,
    ownersOf,
    entries,
    done: (count) => terminal.progress(`staging ${assignment.tag}: ${count} of ${entries.length} files`),
    ...(base === undefined ? {} : { delta: { from: base, to: assignment.digest, signal: servers.signal, found } }),
  });
  if (nature.isDelta) terminal.detail(`only what differs from releases/${base?.name} was fetched`);
  return { kind: 'fetched', value: null };
}
