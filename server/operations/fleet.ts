import type { Report } from '../../protocol/assignment.ts';
import type { Digest, Hostname } from '../../protocol/names.ts';
import type { NodeRow, Poll, Store, Told } from '../ports.ts';
import type { Journal } from './journal.ts';

/** The nodes that ask. What each was told last is in memory; the store follows in batches. */
export interface Fleet {
  told(hostname: Hostname): Told | undefined;
  /** What a node said last that it runs. */
  running(hostname: Hostname): Digest | null;
  /** What a node said of itself in its last report. */
  facts(hostname: Hostname): Readonly<Record<string, string>>;
  note(poll: Poll): void;
  /** Notes what a node said that happened. */
  noteReport(hostname: Hostname, report: Report, receivedAt: number): void;
  /** Notes that a node was told a digest, also of a tag that it asked for once. */
  hand(hostname: Hostname, digest: Digest, at: number): void;
  /** When this process last told a node a digest, in milliseconds since 1970. */
  handedAt(hostname: Hostname, digest: Digest): number | undefined;
  /** Writes what was noted since the last time. */
  flush(): Promise<void>;
  /** The nodes that asked at or after an instant, as far as this process knows of them. */
  recent(since: number): NodeRow[];
  /** Drops from memory the nodes that have not asked since an instant: names that hosts once had, or nobody ever. */
  forget(before: number): void;
  /** Every known node: from the store, or from memory alone where the store cannot be read. */
  rows(query?: { readonly seenSince?: number }): Promise<NodeRow[]>;
}

/** More than a node is told in a day, be it that it asks for tags itself. */
const MOST_HANDED = 100;
const NO_FACTS: Readonly<Record<string, string>> = {};

export async function openFleet(store: Store, journal: Journal): Promise<Fleet> {
  const rows = await store.nodes().catch((): NodeRow[] => []);
  const known = new Map<Hostname, NodeRow>(rows.map((row) => [row.hostname, row]));
  const handed = new Map<Hostname, Map<Digest, number>>();
  let pending = new Map<Hostname, Poll[]>();

  const flush = async (): Promise<void> => {
    if (pending.size > 0) {
      const polls = [...pending.values()].flat();
      pending = new Map();
      journal.write((to) => to.recordPolls(polls));
    }
    await journal.flush();
  };

  const recent = (since: number): NodeRow[] => [...known.values()].filter((row) => row.lastSeen >= since);

  return {
    told: (hostname) => known.get(hostname)?.told ?? undefined,
    running: (hostname) => known.get(hostname)?.running ?? null,
    facts: (hostname) => known.get(hostname)?.lastReport?.facts ?? NO_FACTS,
    noteReport(hostname, report, receivedAt) {
      const lastReport = { ...report, receivedAt };
      const before = known.get(hostname);
      const fresh = { hostname, firstSeen: receivedAt, lastSeen: receivedAt, told: null, running: null };
      known.set(hostname, { ...(before ?? fresh), lastReport });
    },
    hand(hostname, digest, at) {
      const digests = handed.get(hostname) ?? new Map<Digest, number>();
      handed.set(hostname, digests);
      digests.delete(digest);
      digests.set(digest, at);
      for (const oldest of digests.keys()) {
        if (digests.size <= MOST_HANDED) break;
        digests.delete(oldest);
      }
    },
    handedAt: (hostname, digest) => handed.get(hostname)?.get(digest),
    note(poll) {
      const before = known.get(poll.hostname);
      known.set(poll.hostname, {
        hostname: poll.hostname,
        firstSeen: before?.firstSeen ?? poll.at,
        lastSeen: poll.at,
        told: poll.told,
        running: poll.running ?? before?.running ?? null,
        lastReport: before?.lastReport ?? null,
      });
      const waiting = pending.get(poll.hostname) ?? [];
      const last = waiting.at(-1);
      // Of polls that were told the same, the newest says all.
      if (last !== undefined && last.told === poll.told) waiting[waiting.length - 1] = poll;
      else waiting.push(poll);
      pending.set(poll.hostname, waiting);
    },
    flush,
    recent,
    forget(before) {
      for (const [hostname, row] of known) {
        if (row.lastSeen >= before) continue;
        known.delete(hostname);
        handed.delete(hostname);
      }
    },
    async rows({ seenSince = 0 } = {}) {
      await flush();
      const stored = await store.nodes({ seenSince }).catch(() => undefined);
      return stored ?? recent(seenSince);
    },
  };
}
