import { setImmediate as turn } from 'node:timers/promises';
import { StoreError } from './store-error.ts';

export interface Gatherer<Item, Result> {
  /** Settles as the lot does that the item was in. */
  add(item: Item): Promise<Result>;
  /** Waits for everything that was added so far. */
  settled(): Promise<void>;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

const MOST_AT_ONCE = 500;

/**
 * What comes singly is done in lots: all that has come by the time the lot before is done, at most 500. `work` answers one
 * result an item, in their order. Where it fails for one of them, the others do not suffer for it.
 */
export function gather<Item, Result>(work: (items: Item[]) => Promise<readonly Result[]>): Gatherer<Item, Result> {
  const waiting: Waiting<Item, Result>[] = [];
  let working = Promise.resolve();

  async function finish(lot: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await work(lot.map(({ item }) => item));
      for (const [index, { resolve }] of lot.entries()) resolve(results[index] as Result);
    } catch (error) {
      if (lot.length === 1 || error instanceof StoreError) for (const { reject } of lot) reject(error);
      else for (const one of lot) await finish([one]);
    }
  }

  async function finishAll(): Promise<void> {
    await turn();
    while (waiting.length > 0) await finish(waiting.splice(0, MOST_AT_ONCE));
    idle = true;
  }

  let idle = true;
  return {
    add: (item) =>
      new Promise<Result>((resolve, reject) => {
        waiting.push({ item, resolve, reject });
        if (!idle) return;
        idle = false;
        working = finishAll();
      }),
    settled: () => working,
  };
}
