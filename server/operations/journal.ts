import type { NewEvent } from '../core/event.ts';
import type { Log } from '../ports/common.ts';
import type { Store } from '../ports/store.ts';

/** Writes to the store in order and behind the answers: what it holds may be lost, and must never hold up a decision. */
export interface Journal {
  add(event: NewEvent): void;
  /** Queues any other write. `onEnd` is called when it was written, or given up for what came later. */
  write(job: (store: Store) => Promise<unknown>, onEnd?: () => void): void;
  /** Settles when what was queued before has been written, or could not be. */
  flush(): Promise<void>;
}

export interface JournalPorts {
  readonly store: Store;
  readonly log: Log;
  /** The reason why the store cannot be written, or null once it can. */
  readonly onTrouble: (reason: string | null) => void;
}

type Write =
  | { readonly kind: 'events'; readonly events: NewEvent[] }
  | {
      readonly kind: 'job';
      readonly job: (store: Store) => Promise<unknown>;
      readonly onEnd: (() => void) | undefined;
    };

/** So much is kept for when the store can be written again: events, and other writes. */
const KEEP = 10_000;
const EVENTS_AT_ONCE = 500;

export function openJournal({ store, log, onTrouble }: JournalPorts): Journal {
  const queue: Write[] = [];
  let kept = 0;
  let troubled = false;
  let draining: Promise<void> | undefined;
  /** Takes nothing more. */
  let underWay: Write | undefined;

  const drain = async (): Promise<void> => {
    for (let next = queue[0]; next !== undefined; next = queue[0]) {
      try {
        underWay = next;
        await carryOut(store, next);
      } catch (error) {
        if (!isOfStore(error)) {
          // Trying again would not help, and would keep everything else from being written.
          log.error('something cannot be written to the history, and is left out', { error });
          take(0);
          continue;
        }
        const reason = error.message;
        if (!troubled) log.error('the history cannot be written', { reason });
        troubled = true;
        onTrouble(reason);
        return;
      } finally {
        underWay = undefined;
      }
      take(0);
    }
    if (!troubled) return;
    troubled = false;
    onTrouble(null);
  };

  const take = (index: number): void => {
    for (const gone of queue.splice(index, 1)) {
      kept -= weightOf(gone);
      if (gone.kind === 'job') gone.onEnd?.();
    }
  };

  const keep = (weight: number): void => {
    kept += weight;
    // Not the first: it may be being written.
    while (kept > KEEP && queue.length > 1) take(1);
    if (!troubled) void flush();
  };

  const flush = (): Promise<void> => {
    draining ??= drain().finally(() => {
      draining = undefined;
      // What came at the very end waits for nobody else.
      return troubled || queue.length === 0 ? undefined : flush();
    });
    return draining;
  };

  return {
    add(event) {
      const last = queue.at(-1);
      // What happens at once is written at once.
      if (last?.kind === 'events' && last !== underWay && last.events.length < EVENTS_AT_ONCE) last.events.push(event);
      else queue.push({ kind: 'events', events: [event] });
      keep(1);
    },
    write(job, onEnd) {
      queue.push({ kind: 'job', job, onEnd });
      keep(1);
    },
    flush,
  };
}

/** As every store names what lies outside of this program. */
function isOfStore(error: unknown): error is Error {
  return error instanceof Error && error.name === 'StoreError';
}

function carryOut(store: Store, write: Write): Promise<unknown> {
  return write.kind === 'events' ? store.addEvents(write.events) : write.job(store);
}

function weightOf(write: Write): number {
  return write.kind === 'events' ? write.events.length : 1;
}
