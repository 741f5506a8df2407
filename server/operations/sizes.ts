import { setTimeout as delay } from 'node:timers/promises';
import type { Size } from '../../protocol/api/common.ts';
import type { ObjectId } from '../../protocol/names.ts';
import type { TagRecord } from '../core/tag.ts';
import type { Log } from '../ports/common.ts';
import type { Repository } from '../ports/repository.ts';
import { sizeOf } from './compare.ts';

/** How much changed from each tag to the next. */
export interface Sizes {
  /**
   * By name, of those of these tags that hold another commit than the tag before, as far as it is known after so many
   * milliseconds. What is not goes on being counted.
   */
  of(tags: readonly TagRecord[], patienceMs: number): Promise<ReadonlyMap<string, Size>>;
}

export interface SizesPorts {
  readonly repository: Pick<Repository, 'compare'>;
  readonly log: Log;
  /** Something that was asked for is known now. */
  readonly onCounted: () => void;
}

const REMEMBERED = 5_000;
/** What could not be counted is tried again, but not each time that somebody looks. */
const AGAIN_MS = 60_000;

interface Pair {
  readonly from: ObjectId;
  readonly to: ObjectId;
}

export function openSizes({ repository, log, onCounted }: SizesPorts): Sizes {
  const known = new Map<string, Size>();
  const failedAt = new Map<string, number>();
  const waiting = new Map<string, Pair>();
  let working: Promise<void> | undefined;

  const count = async ({ from, to }: Pair): Promise<void> => {
    const key = keyOf({ from, to });
    try {
      known.set(key, sizeOf(await repository.compare(from, to)));
      failedAt.delete(key);
    } catch (error) {
      failedAt.set(key, performance.now());
      log.warn('the size of a change cannot be counted', { from, to, reason: String(error) });
    }
    for (const sizes of [known, failedAt])
      for (const oldest of sizes.keys()) {
        if (sizes.size <= REMEMBERED) break;
        sizes.delete(oldest);
      }
  };

  /** One at a time, the newest first: who looks at a difference goes before. */
  const work = async (): Promise<void> => {
    for (;;) {
      const [last] = [...waiting].slice(-1);
      if (last === undefined) return;
      await count(last[1]);
      waiting.delete(last[0]);
    }
  };

  const ask = (pairs: readonly Pair[]): Promise<void> => {
    for (const pair of pairs) {
      const key = keyOf(pair);
      const isTired = performance.now() - (failedAt.get(key) ?? Number.NEGATIVE_INFINITY) < AGAIN_MS;
      if (!known.has(key) && !isTired) waiting.set(key, pair);
    }
    if (waiting.size === 0) return Promise.resolve();
    working ??= work().finally(() => {
      working = undefined;
      onCounted();
    });
    return working;
  };

  return {
    async of(tags, patienceMs) {
      const pairs = tags.flatMap((tag, index) => {
        const before = tags[index - 1];
        return before === undefined || before.commit === tag.commit ? [] : [{ tag, from: before.tree, to: tag.tree }];
      });
      const over = new AbortController();
      const enough = delay(patienceMs, undefined, { signal: over.signal }).catch(() => undefined);
      await Promise.race([ask(pairs), enough]);
      over.abort();
      return new Map(
        pairs.flatMap((pair) => {
          const size = known.get(keyOf(pair));
          return size === undefined ? [] : [[pair.tag.name, size] as const];
        }),
      );
    },
  };
}

function keyOf({ from, to }: Pair): string {
  return `${from} ${to}`;
}
