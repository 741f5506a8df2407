import { closeSync, constants, fstatSync, openSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Assignment } from '../../protocol/assignment.ts';
import { isSameEntry } from '../../protocol/delta.ts';
import type { ManifestEntry } from '../../protocol/manifest.ts';
import { BadContent, checklistOf, quoted, tarLimit } from '../core/checklist.ts';
import { type DeltaPlan, planDelta } from '../core/delta-plan.ts';
import { pathFrom } from '../core/representation.ts';
import { bad, badLink, type Fetched, nobody, pathOf, unexpected } from './fetch-manifest.ts';
import { hashOf } from './hash.ts';
import { asLoss } from './http.ts';
import { readTarGz, type TarReceiver } from './read-tar.ts';
import { ask, type Servers } from './servers.ts';
import type { Base } from './unpack.ts';

export interface Peek {
  readonly servers: Servers;
  readonly assignment: Assignment;
  /** All entries of the assigned view. */
  readonly entries: readonly ManifestEntry[];
  /** Those of which the content is wanted. */
  readonly wanted: readonly ManifestEntry[];
  /** Releases that are there, the one in use first: content that is intact in one of them is not fetched. */
  readonly here: readonly Base[];
}

/** By path. An entry that is too large is left out. */
export type Contents = ReadonlyMap<string, Uint8Array>;

/** A larger file is not worth looking at line by line. */
const FILE_LIMIT_BYTES = 1024 * 1024;
const TOTAL_LIMIT_BYTES = 128 * 1024 * 1024;
const TOTAL_MS = 600_000;
const PATIENCE = 4;

/** The content of some entries of the assigned view, verified, and nothing written anywhere: from releases that are there or from a server. */
export async function peek({ servers, assignment, entries, wanted, here }: Peek): Promise<Fetched<Contents>> {
  const contents = new Map<string, Uint8Array>();
  const small = withinLimits(wanted);
  const shelves = here.map(({ directory, entries: all }) => ({ directory, hashes: hashesOf(all) }));
  for (const entry of small) {
    const content = contentHere(shelves, entry);
    if (content !== undefined) contents.set(entry.path, content);
  }
  const missing = small.filter(({ path }) => !contents.has(path));
  if (missing.length === 0) return { kind: 'fetched', value: contents };
  const path = pathOf(assignment.links.archive);
  if (path === undefined) return badLink(assignment.links.archive);
  const { from, plan } = baseFor(missing, { assignment, entries, here });
  const found = await ask<Fetched<Contents>>(servers, {
    path: from === undefined ? path : pathFrom(path, from.digest),
    totalMs: TOTAL_MS,
    patience: PATIENCE,
    headers: () => ({ Accept: 'application/gzip, application/problem+json' }),
    read: async (response) => {
      if (response.status !== 200) return unexpected('archive', response);
      return read(response.body as AsyncIterable<Uint8Array>, { entries, plan, missing, contents });
    },
    garbled: (why) => bad(`cannot fetch the archive: ${why}`),
  });
  return found.kind === 'found' ? found.value : nobody('archive', found.why);
}

function withinLimits(wanted: readonly ManifestEntry[]): readonly ManifestEntry[] {
  let total = 0;
  return wanted.filter(({ size }) => {
    if (size > FILE_LIMIT_BYTES || total + size > TOTAL_LIMIT_BYTES) return false;
    total += size;
    return true;
  });
}

interface Shelf {
  readonly directory: string;
  readonly hashes: ReadonlyMap<string, string>;
}

function hashesOf(entries: readonly ManifestEntry[]): Map<string, string> {
  return new Map(entries.map(({ path, sha256 }) => [path, sha256]));
}

function contentHere(shelves: readonly Shelf[], entry: ManifestEntry): Uint8Array | undefined {
  for (const { directory, hashes } of shelves) {
    if (hashes.get(entry.path) !== entry.sha256) continue;
    const path = join(directory, entry.path);
    const content = entry.mode === '120000' ? readLink(path) : readRegular(path, FILE_LIMIT_BYTES);
    if (content !== undefined && hashOf(content) === entry.sha256) return content;
  }
  return undefined;
}

function readLink(path: string): Uint8Array | undefined {
  try {
    return readlinkSync(path, 'buffer');
  } catch {
    return undefined;
  }
}

/** A regular file of at most so many bytes; undefined for anything else, and for what cannot be read. */
export function readRegular(path: string, limit: number): Uint8Array | undefined {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      const stats = fstatSync(fd);
      return stats.isFile() && stats.size <= limit ? readFileSync(fd) : undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/** What is different from the release in use will do, if everything that is missing is different from it. */
function baseFor(
  missing: readonly ManifestEntry[],
  { assignment, entries, here: [from] }: Pick<Peek, 'assignment' | 'entries' | 'here'>,
): { readonly from?: Base; readonly plan?: DeltaPlan } {
  if (from === undefined || from.digest === assignment.digest) return {};
  const old = new Map(from.entries.map((entry) => [entry.path as string, entry]));
  const isIn = (entry: ManifestEntry): boolean => {
    const was = old.get(entry.path);
    return was === undefined || !isSameEntry(was, entry);
  };
  const plan = missing.every(isIn) ? planDelta(from, { digest: assignment.digest, entries }) : undefined;
  return plan === undefined ? {} : { from, plan };
}

interface Reading {
  readonly entries: readonly ManifestEntry[];
  readonly plan: DeltaPlan | undefined;
  readonly missing: readonly ManifestEntry[];
  readonly contents: Map<string, Uint8Array>;
}

async function read(archive: AsyncIterable<Uint8Array>, reading: Reading): Promise<Fetched<Contents>> {
  const { entries, plan, contents } = reading;
  const unpacked = tarLimit(entries) + (plan?.limit ?? 0);
  try {
    const members = receiver(reading);
    await readTarGz(archive, { unpacked, packed: unpacked + unpacked / 1000 + 65_536 }, members);
    members.complete();
    return { kind: 'fetched', value: contents };
  } catch (error) {
    if (error instanceof BadContent) return bad(`the archive is refused: ${error.message}`);
    throw asLoss(error);
  }
}

/** Keeps what is wanted of an archive, whole or a delta, and lets the rest pass. */
function receiver({ entries, plan, missing, contents }: Reading): TarReceiver & { complete(): void } {
  const wanted = new Set<string>(missing.map(({ path }) => path));
  let checklist: ReturnType<typeof checklistOf> | undefined;
  let pieces: Uint8Array[] | undefined;
  let whole: (bytes: Buffer) => void = () => undefined;
  return {
    begin(header) {
      pieces = undefined;
      if (checklist === undefined) {
        const isDelta = plan?.announces(header) ?? false;
        checklist = checklistOf(isDelta && plan !== undefined ? plan.written : entries);
        if (isDelta) {
          pieces = [];
          whole = (bytes) => plan?.check(bytes);
          return;
        }
      }
      const entry = checklist.take(header);
      if (!wanted.has(entry.path)) return;
      if (entry.mode === '120000') {
        contents.set(entry.path, verified(entry, Buffer.from(header.linkname ?? '')));
        return;
      }
      pieces = [];
      whole = (bytes) => void contents.set(entry.path, verified(entry, bytes));
    },
    piece: (bytes) => void pieces?.push(bytes),
    end: () => (pieces === undefined ? undefined : whole(Buffer.concat(pieces))),
    complete: () => (checklist ?? checklistOf(entries)).finish(),
  };
}

function verified({ path, sha256 }: ManifestEntry, bytes: Buffer): Buffer {
  if (hashOf(bytes) === sha256) return bytes;
  throw new BadContent(`${quoted(path)} has other content than the manifest says`);
}
