import type { Digest } from '../../../protocol/names.ts';
import type { Shelf } from './shelf.ts';

interface Parts {
  readonly shelf: Shelf;
  /** Bytes that all archives may take together. */
  readonly limit: number;
}

/** Bounds what archives take on the disk: where each host has a view of its own, each has an archive of its own, too. */
export function openRoom({ shelf, limit }: Parts) {
  /** The least recently used first. */
  const sizes = new Map<Digest, number>();
  let total = 0;
  let loading: Promise<void> | undefined;

  async function load(): Promise<void> {
    for (const digest of await shelf.digests()) {
      const size = await shelf.archiveSize(digest);
      if (size !== undefined && !sizes.has(digest)) note(digest, size);
    }
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

    /** Notes that an archive was asked for. Removes those that were not for longest, where they are too much. */
    async used(digest: Digest, size: number): Promise<void> {
      loading ??= load();
      await loading;
      note(digest, size);
      for (const oldest of [...sizes.keys()]) {
        if (total <= limit || oldest === digest) return;
        await shelf.slim(oldest);
        forget(oldest);
      }
    },
  };
}

export type Room = ReturnType<typeof openRoom>;
