import { setTimeout as delay } from 'node:timers/promises';
import { countWhereabouts, type Whereabouts } from '../core/whereabouts.ts';
import type { NodeRow, Store } from '../ports/store.ts';
import type { Fleet } from './fleet.ts';

export interface NowQuery {
  readonly seenSince: number;
  readonly silentBefore: number;
}

/** Where the nodes are. However many ask, they are counted few times. */
export interface Locator {
  /** As it was when this was called, or later. */
  now(query: NowQuery): Promise<readonly Whereabouts[]>;
  /** What was counted of the past stays known for a while. */
  at(query: PastQuery): Promise<readonly Whereabouts[]>;
}

interface PastQuery {
  readonly at: number;
  readonly seenSince: number;
}

/** The store is for others, too: it counts for at most a tenth of the time. */
const REST = 9;
/** What takes no longer than this is done at once. */
const SHORT_MS = 10;
const REMEMBERED = 100;

export function openLocator({ store, fleet }: { readonly store: Store; readonly fleet: Fleet }): Locator {
  let running: Promise<unknown> = Promise.resolve();
  let next: Promise<readonly Whereabouts[]> | undefined;
  let notBefore = 0;
  const past = new Map<string, Promise<readonly Whereabouts[]>>();
  let lookingBack: Promise<unknown> = Promise.resolve();

  const count = async (query: NowQuery): Promise<readonly Whereabouts[]> => {
    const before = running.catch(() => undefined);
    await before;
    const wait = notBefore - performance.now();
    if (wait > 0) await delay(wait);
    // From here on whoever asks may want to know more than is looked at now.
    next = undefined;
    const begun = performance.now();
    const counted = fleet.flush().then(() => store.whereabouts(query).catch(() => fromMemory(fleet, query)));
    running = counted;
    const found = await counted;
    const took = performance.now() - begun;
    notBefore = took < SHORT_MS ? 0 : performance.now() + took * REST;
    return found;
  };

  /** One at a time: between two of them others are answered, too. */
  const countPast = (query: PastQuery): Promise<readonly Whereabouts[]> => {
    const counted = lookingBack.then(() => fleet.flush()).then(() => store.whereaboutsAt(query));
    lookingBack = counted.catch(() => undefined);
    return counted;
  };

  return {
    now(query) {
      next ??= count(query);
      return next;
    },
    async at(query) {
      const key = `${query.at} ${query.seenSince}`;
      const found = past.get(key) ?? countPast(query);
      past.delete(key);
      past.set(key, found);
      found.catch(() => past.delete(key));
      for (const oldest of past.keys()) {
        if (past.size <= REMEMBERED) break;
        past.delete(oldest);
      }
      return found;
    },
  };
}

/** Where the store cannot be read: reports are not at hand then. */
function fromMemory(fleet: Fleet, { seenSince, silentBefore }: NowQuery): Whereabouts[] {
  const rows: NodeRow[] = fleet.recent(seenSince);
  const tags = new Map(
    rows.flatMap(({ told }) => (told?.digest == null || told.tag === null ? [] : [[told.digest, told.tag]])),
  );
  const known = rows.map(({ told, running, lastSeen }) => {
    return { nodes: 1, told, running, reported: null, drifted: false, silent: lastSeen < silentBefore };
  });
  return countWhereabouts(known, (digest) => tags.get(digest));
}
