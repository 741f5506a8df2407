import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { isSameEntry } from '../../protocol/delta.ts';
import type { ManifestEntry } from '../../protocol/manifest.ts';
import { copyEntry, DamagedBase } from './copy-entry.ts';
import { type Destination, type EntryWriter, entryWriter } from './entry-writer.ts';
import type { Base } from './unpack.ts';

export interface Assembly extends Destination {
  readonly entries: readonly ManifestEntry[];
  /** Where entries may be found intact; asked in this order. */
  readonly sources: readonly Pick<Base, 'directory' | 'entries'>[];
  readonly signal: AbortSignal;
}

const BATCH = 128;

/**
 * Makes a view in a new directory out of releases that are there, every byte compared while it is copied. False where
 * something of it is nowhere intact; what was made by then is gone again.
 */
export async function assemble({ entries, sources, signal, ...destination }: Assembly): Promise<boolean> {
  const { directory } = destination;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  const writer = entryWriter(destination);
  const shelves = sources.map((source) => ({
    source,
    known: new Map(source.entries.map((entry) => [entry.path, entry])),
  }));
  for (const [index, entry] of entries.entries()) {
    const isThere = shelves.some(({ source, known }) => {
      const same = known.get(entry.path);
      return same !== undefined && isSameEntry(same, entry) && copied(source, entry, { writer, directory });
    });
    if (!isThere) {
      rmSync(directory, { recursive: true, force: true });
      return false;
    }
    if (index % BATCH !== 0) continue;
    await turn();
    signal.throwIfAborted();
  }
  return true;
}

function copied(
  source: Pick<Base, 'directory'>,
  entry: ManifestEntry,
  { writer, directory }: { readonly writer: EntryWriter; readonly directory: string },
): boolean {
  try {
    copyEntry(source, entry, writer);
    return true;
  } catch (error) {
    if (!(error instanceof DamagedBase)) throw error;
    rmSync(join(directory, entry.path), { force: true });
    return false;
  }
}
