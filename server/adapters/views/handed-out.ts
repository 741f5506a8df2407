import pLimit from 'p-limit';
import type { Digest } from '../../../protocol/names.ts';
import type { Shelf } from './shelf.ts';

interface Handing {
  readonly at: number;
  /** What stands on disk: later than `at`, so that no kill shortens the time that a view stays. */
  readonly recorded: number;
}

const RECORD_EVERY_MS = 60_000;

/** When views were last handed out: exact in memory, on disk with a minute's grain. Times are milliseconds since 1970. */
export function openHandedOut(shelf: Shelf) {
  const handings = new Map<Digest, Handing>();
  // Of two notes the later one must stand on disk.
  const inOrder = pLimit(1);

  /** Writes what is in memory by the time it is this one's turn. */
  function record(digest: Digest): Promise<void> {
    return inOrder(async () => {
      const recorded = handings.get(digest)?.recorded;
      if (recorded !== undefined) await shelf.noteHandedOut(digest, recorded);
    });
  }

  return {
    note(digest: Digest, at: number): void {
      const recorded = handings.get(digest)?.recorded;
      // The last time counts, not the latest: a clock that was ahead must not keep a view for years.
      const isRecorded = recorded !== undefined && at <= recorded && at > recorded - RECORD_EVERY_MS;
      handings.set(digest, { at, recorded: isRecorded ? recorded : at + RECORD_EVERY_MS });
      // Where it cannot be written it stands in memory, and is written when the view is.
      if (!isRecorded) record(digest).catch(() => undefined);
    },

    async lastOf(digest: Digest): Promise<number | undefined> {
      return handings.get(digest)?.at ?? (await shelf.handedOut(digest));
    },

    /** For a view that was only now written. */
    record,

    forget(digest: Digest): void {
      handings.delete(digest);
    },
  };
}

export type HandedOut = ReturnType<typeof openHandedOut>;
