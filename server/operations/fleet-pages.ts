import { setImmediate as turn } from 'node:timers/promises';
import type { Hostname } from '../../protocol/names.ts';
import type { NodeFilter, NodeRow, SeatRow, Store } from '../ports/store.ts';

export interface NodeQuery {
  /** Milliseconds since 1970. */
  readonly seenSince?: number;
  /** Those after this one. */
  readonly after?: Hostname | undefined;
  /** So many. */
  readonly limit?: number | undefined;
  /** Applied by the store alone: where it cannot be read, nothing is left out. */
  readonly filter?: NodeFilter;
}

const SEATS_AT_ONCE = 5_000;
const ROWS_AT_ONCE = 500;

/**
 * A page at a time: as many as there are need not be in memory twice, and between two pages whoever waits has a turn, also where
 * the store answers in this thread: a mark that stops waits for no more than two seconds of looking at the fleet. What
 * cannot be read is learnt again as nodes ask.
 */
export async function* storedSeats(store: Store): AsyncGenerator<SeatRow> {
  let after: Hostname | null = null;
  for (;;) {
    const page: SeatRow[] = await store.seats(after, SEATS_AT_ONCE).catch(() => []);
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.hostname;
    await turn();
  }
}

/** Nodes by hostname, a page at a time. `recent`: those in memory, for when the store cannot be read. */
export async function* storedPages(
  store: Store,
  { seenSince = 0, after, limit = Number.POSITIVE_INFINITY, filter = {} }: NodeQuery,
  recent: (since: number) => NodeRow[],
): AsyncGenerator<readonly NodeRow[]> {
  let last = after;
  for (let left = limit; left > 0; ) {
    const asked = {
      seenSince,
      limit: Math.min(ROWS_AT_ONCE, left),
      filter,
      ...(last === undefined ? {} : { after: last }),
    };
    const page = await store.nodes(asked).catch(() => inOrder(recent(seenSince), asked));
    yield page;
    left -= page.length;
    last = page.at(-1)?.hostname;
    if (page.length < asked.limit) return;
    await turn();
  }
}

function inOrder(rows: readonly NodeRow[], { after = '', limit }: { after?: string; limit: number }): NodeRow[] {
  const later = rows.filter(({ hostname }) => hostname > after);
  return later.sort((a, b) => (a.hostname < b.hostname ? -1 : 1)).slice(0, limit);
}
