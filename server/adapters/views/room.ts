import pLimit from 'p-limit';
import type { Digest } from '../../../protocol/names.ts';
import type { Shelf } from './shelf.ts';

interface Parts {
  readonly shelf: Shelf;
  /** Bytes that all archives and manifests may take together. */
  readonly limit: () => number;
}

/** Views of earlier processes, of which there may be very many. */
const MEASURED_AT_ONCE = 64;

/**
 * Bounds what archives and manifests take on the disk: where each host has a view of its own, each has both of its own, too,
 * and new ones with every tag that changes something for all.
 */
export function openRoom({ shelf, limit }: Parts) {
  /** The least recently used first. */
  const sizes = new Map<Digest, number>();
  let total = 0;
  let loading: Promise<void> | undefined;

  async function load(): Promise<void> {
    const some = pLimit(MEASURED_AT_ONCE);
    const measure = async (digest: Digest): Promise<void> => {
      const size = await shelf.sizeOf(digest);
      if (size > 0 && !sizes.has(digest)) note(digest, size);
    };
    await Promise.all((await shelf.digests()).map((digest) => some(() => measure(digest))));
  }

  function note(digest: Digest, size: number): void {
    forget(digest);
    sizes.set(digest, size);
    total += size;
  }

  function forget(digest: Digest): void {
    total -= sizes.get(digest) ?? 0;
    sizes.delete(digest);
  }

  return {
    forget,

    /** Notes that a view's files were made or asked for. Removes those of views that were not for longest, where they are too much. */
    async used(digest: Digest): Promise<void> {
      loading ??= load();
      await loading;
      note(digest, await shelf.sizeOf(digest));
      for (const oldest of sizes.keys()) {
        if (total <= limit() || oldest === digest) return;
        await shelf.slim(oldest);
        forget(oldest);
      }
    },
  };
}

export type Room = ReturnType<typeof openRoom>;
