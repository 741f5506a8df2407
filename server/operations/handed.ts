import type { Digest, Hostname } from '../../protocol/names.ts';

/** More than a node is told in a day, be it that it asks for tags itself. */
const MOST_DIGESTS = 100;

/** Which digests nodes were told, and when last, in milliseconds since 1970. */
export function openHanded(mostNodes: () => number) {
  const handed = new Map<Hostname, Map<Digest, number>>();
  return {
    /** Also to names that there was no room for; what is recorded tells the same. */
    add(hostname: Hostname, digest: Digest, at: number): void {
      const digests = handed.get(hostname) ?? new Map<Digest, number>();
      handed.delete(hostname);
      handed.set(hostname, digests);
      digests.delete(digest);
      digests.set(digest, at);
      dropOldest(digests, MOST_DIGESTS);
      dropOldest(handed, mostNodes());
    },
    at: (hostname: Hostname, digest: Digest): number | undefined => handed.get(hostname)?.get(digest),
    forget(hostname: Hostname): void {
      handed.delete(hostname);
    },
  };
}

function dropOldest<Key>(from: Map<Key, unknown>, most: number): void {
  for (const oldest of from.keys()) {
    if (from.size <= most) return;
    from.delete(oldest);
  }
}
