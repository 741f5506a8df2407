import type { Log, NewEvent, Store } from '../ports.ts';

/** Writes to the store in order and behind the answers: what it holds may be lost, and must never hold up a decision. */
export interface Journal {
  add(event: NewEvent): void;
  /** Queues any other write. */
  write(job: (store: Store) => Promise<unknown>): void;
  /** Settles when what was queued before has been written, or could not be. */
  flush(): Promise<void>;
}

export interface JournalPorts {
  readonly store: Store;
  readonly log: Log;
  /** The reason why the store cannot be written, or null once it can. */
  readonly onTrouble: (reason: string | null) => void;
}

/** So much is kept for when the store can be written again. */
const KEEP = 10_000;

export function openJournal({ store, log, onTrouble }: JournalPorts): Journal {
  const queue: ((store: Store) => Promise<unknown>)[] = [];
  let troubled = false;
  let draining: Promise<void> | undefined;

  const drain = async (): Promise<void> => {
    while (queue[0] !== undefined) {
      try {
        await queue[0](store);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (!troubled) log.error('the history cannot be written', { reason });
        troubled = true;
        onTrouble(reason);
        return;
      }
      queue.shift();
    }
    if (!troubled) return;
    troubled = false;
    onTrouble(null);
  };

  const write = (job: (store: Store) => Promise<unknown>): void => {
    queue.push(job);
    // Not the first: it is being written.
    if (queue.length > KEEP) queue.splice(1, 1);
    if (!troubled) void flush();
  };

  const flush = (): Promise<void> => {
    draining ??= drain().finally(() => {
      draining = undefined;
    });
    return draining;
  };

  return { add: (event) => write((to) => to.addEvents([event])), write, flush };
}
