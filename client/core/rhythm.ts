/** How somebody who stays and waits keeps asking: at once where the server holds requests, seldom where it does not. */

/** What the last questions came to. */
export interface Pace {
  /** In a row, that nobody answered. */
  readonly lost: number;
  /** In a row, that were answered without being held. */
  readonly quick: number;
}

export const FRESH: Pace = { lost: 0, quick: 0 };

/** What became of a question that a server may hold until its answer changes. */
export interface Asked {
  /** `same`: as before. `news`: another answer, or one that cannot be told from others. `later`: the server was asked too often. */
  readonly kind: 'nobody' | 'same' | 'news' | 'later';
  readonly tookMs: number;
  /** How soon the server wants to be asked where it holds nothing. */
  readonly pollAfterMs: number;
  /** The next question can name this answer, so that it is held until there is another one. */
  readonly canBeHeld: boolean;
}

export interface Limits {
  readonly firstMs: number;
  readonly mostMs: number;
}

/** A server that comes back after a restart is found within seconds, and not by the whole fleet in the same one. */
const LOST: Limits = { firstMs: 500, mostMs: 30_000 };
/** Answers that are new again and again, which takes a broken proxy. */
const RESTLESS: Limits = { firstMs: 500, mostMs: 30_000 };
/** Somebody answered for so long before the connection broke: it is not the same trouble as before. */
const ALIVE_MS = 10_000;
const HELD_MS = 5_000;
/** A server that is told to stop answers everybody early, once. */
const QUICK_ANSWERS = 2;
const QUICK_NEWS = 4;

/** How long to wait before the next question. `random` is in 0 … 1. */
export function pause(pace: Pace, outcome: Asked, random: number): { readonly pace: Pace; readonly pauseMs: number } {
  const { kind, tookMs, canBeHeld } = outcome;
  if (kind === 'nobody') {
    const lost = tookMs >= ALIVE_MS ? 1 : pace.lost + 1;
    return { pace: { lost, quick: 0 }, pauseMs: backoffMs(lost, LOST, random) };
  }
  // No sooner than it wants, and not all that were told so in the same moment.
  if (kind === 'later') return { pace: FRESH, pauseMs: Math.round(outcome.pollAfterMs * (1 + 0.2 * random)) };
  const quick = tookMs >= HELD_MS ? 0 : pace.quick + 1;
  const next = { lost: 0, quick };
  const seldom = Math.round(outcome.pollAfterMs * (0.9 + 0.2 * random));
  if (!canBeHeld) return { pace: next, pauseMs: seldom };
  if (kind === 'same') return { pace: next, pauseMs: quick <= QUICK_ANSWERS ? 0 : seldom };
  return { pace: next, pauseMs: quick <= QUICK_NEWS ? 0 : backoffMs(quick - QUICK_NEWS, RESTLESS, random) };
}

/** Doubles from try to try up to a limit; half of it is left to chance, so that a fleet does not come back in one moment. */
export function backoffMs(tries: number, { firstMs, mostMs }: Limits, random: number): number {
  const ceiling = Math.min(mostMs, firstMs * 2 ** Math.min(Math.max(0, tries - 1), 30));
  return Math.round(ceiling / 2 + (random * ceiling) / 2);
}

/** When the next run is due at the latest, after one that ended so. */
export interface RunsSoFar {
  /** In a row, that failed. */
  readonly failed: number;
  /** In a row, that found the lock taken. */
  readonly busy: number;
}

const FAILED: Limits = { firstMs: 10_000, mostMs: 300_000 };
const BUSY: Limits = { firstMs: 200, mostMs: 5_000 };

export function runAgainMs({ failed, busy }: RunsSoFar, intervalMs: number, random: number): number {
  if (busy > 0) return backoffMs(busy, BUSY, random);
  if (failed > 0) return Math.min(intervalMs, backoffMs(failed, FAILED, random));
  return intervalMs;
}
