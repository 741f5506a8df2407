import type { Digest } from '../../../protocol/names.ts';

interface Parts {
  /** Views that only single nodes have. */
  readonly most: number;
  /** Of those that were used by earlier processes. */
  readonly before: () => Promise<readonly Digest[]>;
  readonly drop: (digest: Digest) => Promise<void>;
}

/**
 * Bounds how many views there are that only nodes have: anybody can make up hostnames and facts, and each may have a view of its
 * own. Whoever really has one that had to go gets it made again.
 */
export function openCrowd({ most, before, drop }: Parts) {
  /** The least recently used first. */
  const members = new Set<Digest>();
  let loading: Promise<void> | undefined;

  async function load(): Promise<void> {
    for (const digest of await before()) members.add(digest);
  }

  return {
    /** Notes that such a view was made or asked for; drops those that nobody asked for longest, where they are too many. */
    async used(digest: Digest): Promise<void> {
      loading ??= load();
      await loading;
      members.delete(digest);
      members.add(digest);
      for (const oldest of members) {
        if (members.size <= most) return;
        members.delete(oldest);
        await drop(oldest);
      }
    },

    forget(digest: Digest): void {
      members.delete(digest);
    },
  };
}
