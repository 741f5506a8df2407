import { setImmediate as turn } from 'node:timers/promises';
import type { ManifestEntry } from '../../protocol/manifest.ts';
import type { Digest } from '../../protocol/names.ts';
import { checklistOf, tarLimit } from '../core/checklist.ts';
import { type DeltaPlan, planDelta } from '../core/delta-plan.ts';
import { copyEntry } from './copy-entry.ts';
import { type Destination, type EntryWriter, entryWriter, isTaken, type OpenEntry, sameName } from './entry-writer.ts';
import { asLoss } from './http.ts';
import { readTarGz, type TarHeader, type TarReceiver } from './read-tar.ts';
import { openWriteThread, type WriteThread } from './write-thread.ts';

export interface Unpacking extends Destination {
  readonly entries: readonly ManifestEntry[];
  /** Called after each entry. */
  readonly done: (count: number) => void;
  /** Where a delta was asked for: what it may lead from. */
  readonly delta?: {
    readonly from: Base;
    readonly to: Digest;
    readonly signal: AbortSignal;
    /** Called when it turns out to be one. */
    readonly found: () => void;
  };
}

/** A release that is on the disk, as its manifest says or not. */
export interface Base {
  /** Below releases/. */
  readonly name: string;
  readonly directory: string;
  readonly digest: Digest;
  readonly entries: readonly ManifestEntry[];
}

/** So many entries are copied before signals get a turn. */
const BATCH = 128;
/** From so many files on, starting another thread is worth it. */
const MANY = 1000;
/** A smaller file waits in memory until it is whole, and is written in one go. */
const SMALL = 1024 * 1024;

/**
 * Unpacks a tar.gz, whole or a delta, into a directory: exactly the entries of the manifest, each verified while it is
 * written. Throws `BadContent` for anything else, `DamagedBase` for a release that no delta can lead from,
 * `ConnectionLost` when the download ends early, and what the file system reports. Answers which of the two it was.
 */
export async function unpack(archive: AsyncIterable<Uint8Array>, unpacking: Unpacking): Promise<'whole' | 'delta'> {
  const { entries, delta, done } = unpacking;
  const plan = delta && planDelta(delta.from, { digest: delta.to, entries });
  const unpacked = tarLimit(entries) + (plan?.limit ?? 0);
  // Of a delta most is copied from what is here: that is no work for two, and handing it over costs a tenth of it.
  const thread = entries.length < MANY || delta !== undefined ? undefined : openWriteThread();
  try {
    const writer = entryWriter({ ...unpacking, thread });
    const members = receiveMembers({ entries, plan, writer, thread, done, found: delta?.found });
    try {
      await readTarGz(archive, { unpacked, packed: unpacked + unpacked / 1000 + 65_536 }, members);
    } finally {
      members.abandon();
    }
    members.complete();
    const isDelta = delta !== undefined && plan !== undefined && members.isDelta();
    if (isDelta) await copyUnchanged({ delta, plan, writer, thread, done });
    await thread?.finish();
    return isDelta ? 'delta' : 'whole';
  } catch (error) {
    throw isTaken(error) ? sameName(pathIn(unpacking.directory, error)) : asLoss(error);
  } finally {
    await thread?.close();
  }
}

/** What another thread could not create, as the manifest calls it. */
function pathIn(directory: string, error: unknown): string {
  return ((error as NodeJS.ErrnoException).path ?? '').slice(directory.length + 1);
}

interface Copying {
  readonly delta: NonNullable<Unpacking['delta']>;
  readonly plan: DeltaPlan;
  readonly writer: EntryWriter;
  readonly thread: WriteThread | undefined;
  readonly done: (count: number) => void;
}

async function copyUnchanged({ delta, plan, writer, thread, done }: Copying): Promise<void> {
  let count = plan.written.length;
  for (const entry of plan.unchanged) {
    copyEntry(delta.from, entry, writer);
    done(++count);
    if (count % BATCH !== 0) continue;
    await turn();
    await thread?.room();
    delta.signal.throwIfAborted();
  }
}

interface Members extends TarReceiver {
  /** Whether the first entry said so. */
  isDelta(): boolean;
  /** Throws `BadContent` unless all that had to come came. */
  complete(): void;
  /** Closes what is open. */
  abandon(): void;
}

interface Receiving {
  readonly entries: readonly ManifestEntry[];
  readonly plan: DeltaPlan | undefined;
  readonly writer: EntryWriter;
  readonly thread: WriteThread | undefined;
  readonly done: (count: number) => void;
  readonly found: (() => void) | undefined;
}

/** Takes members one after the other and writes each. */
function receiveMembers({ entries, plan, writer, thread, done, found }: Receiving): Members {
  let checklist: ReturnType<typeof checklistOf> | undefined;
  let isDelta = false;
  let count = 0;
  let member: OpenEntry = NOTHING;

  const first = (header: TarHeader): OpenEntry | undefined => {
    isDelta = plan?.announces(header) ?? false;
    checklist = checklistOf(isDelta && plan !== undefined ? plan.written : entries);
    if (!isDelta) return undefined;
    found?.();
    return inMemory((bytes) => plan?.check(bytes));
  };
  const next = (header: TarHeader): OpenEntry => {
    const entry = checklist?.take(header);
    if (entry === undefined) return NOTHING;
    count++;
    if (entry.mode === '120000') {
      writer.put(entry, Buffer.from(header.linkname ?? ''));
      return NOTHING;
    }
    return entry.size > SMALL ? writer.open(entry) : inMemory((bytes) => writer.put(entry, bytes));
  };
  return {
    begin(header) {
      member = (checklist === undefined ? first(header) : undefined) ?? next(header);
    },
    piece: (bytes) => member.add(bytes),
    end() {
      member.finish();
      member = NOTHING;
      if (count > 0) done(count);
    },
    room: async () => thread?.room(),
    isDelta: () => isDelta,
    complete: () => (checklist ?? checklistOf(entries)).finish(),
    abandon: () => member.abandon(),
  };
}

const NOTHING: OpenEntry = { add: () => undefined, finish: () => undefined, abandon: () => undefined };

function inMemory(whole: (bytes: Uint8Array) => void): OpenEntry {
  const pieces: Uint8Array[] = [];
  return {
    add: (piece) => void pieces.push(piece),
    finish: () => whole(pieces.length === 1 ? (pieces[0] as Uint8Array) : Buffer.concat(pieces)),
    abandon: () => undefined,
  };
}
