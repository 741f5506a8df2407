import { describe, expect, test } from 'vitest';
import { type Asked, backoffMs, FRESH, type Pace, pause, runAgainMs } from '../../client/core/rhythm.ts';

const LIMITS = { firstMs: 500, mostMs: 30_000 };
const HOUR = 3_600_000;

/** How long somebody waits before each of the next questions that all end alike. */
function pauses(outcome: Partial<Asked>, count: number, { random = 1, from = FRESH } = {}): number[] {
  const asked: Asked = { kind: 'same', tookMs: 0, pollAfterMs: 300_000, canBeHeld: true, ...outcome };
  const found: number[] = [];
  let pace: Pace = from;
  for (let index = 0; index < count; index++) {
    const next = pause(pace, asked, random);
    pace = next.pace;
    found.push(next.pauseMs);
  }
  return found;
}

describe('backing off', () => {
  test('doubles up to its limit, and stays there however long it lasts', () => {
    const longest = [1, 2, 3, 4, 5, 6, 7, 8, 1000, Number.MAX_SAFE_INTEGER].map((tries) => backoffMs(tries, LIMITS, 1));
    expect(longest).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000, 30_000]);
  });

  test('leaves half of it to chance', () => {
    expect([0, 0.5, 1].map((random) => backoffMs(3, LIMITS, random))).toEqual([1000, 1500, 2000]);
  });
});

describe('between questions', () => {
  test('there is no pause where the server holds them', () => {
    expect(pauses({ kind: 'same', tookMs: 45_000 }, 5)).toEqual([0, 0, 0, 0, 0]);
    expect(pauses({ kind: 'news', tookMs: 20_000 }, 5)).toEqual([0, 0, 0, 0, 0]);
  });

  test('there is what the server wants, give or take a tenth, once it has not held three in a row', () => {
    expect(pauses({ kind: 'same', tookMs: 3 }, 5, { random: 0 })).toEqual([0, 0, 270_000, 270_000, 270_000]);
    expect(pauses({ kind: 'same', tookMs: 3 }, 5, { random: 1 })).toEqual([0, 0, 330_000, 330_000, 330_000]);
  });

  test('a question that is held again ends the polling', () => {
    const { pace } = pause(
      { lost: 0, quick: 9 },
      { kind: 'same', tookMs: 45_000, pollAfterMs: HOUR, canBeHeld: true },
      1,
    );
    expect(pace).toEqual(FRESH);
  });

  test('there is what the server wants where answers cannot be told apart', () => {
    expect(pauses({ kind: 'news', canBeHeld: false }, 3, { random: 0.5 })).toEqual([300_000, 300_000, 300_000]);
  });

  test('there is never less than a server wants that was asked too often, and not the same for all', () => {
    const later = { kind: 'later', pollAfterMs: 60_000, canBeHeld: false } as const;
    expect([0, 0.5, 1].map((random) => pauses(later, 1, { random })[0])).toEqual([60_000, 66_000, 72_000]);
  });

  test('a handful of changes in a row is followed at once, endless ones ever more slowly', () => {
    expect(pauses({ kind: 'news', tookMs: 10 }, 8)).toEqual([0, 0, 0, 0, 500, 1000, 2000, 4000]);
    expect(pauses({ kind: 'news', tookMs: 10 }, 100).at(-1)).toBe(30_000);
  });

  test('a server that is gone is looked for ever more slowly', () => {
    expect(pauses({ kind: 'nobody', tookMs: 1 }, 4)).toEqual([500, 1000, 2000, 4000]);
    expect(pauses({ kind: 'nobody', tookMs: 1 }, 50).at(-1)).toBe(30_000);
  });

  test('a connection that broke after it was held for long is another trouble than the one before', () => {
    expect(pauses({ kind: 'nobody', tookMs: 30_000 }, 4, { from: { lost: 7, quick: 0 } })).toEqual([
      500, 500, 500, 500,
    ]);
  });

  test('whoever answers makes good what was lost', () => {
    expect(
      pause({ lost: 7, quick: 0 }, { kind: 'news', tookMs: 1, pollAfterMs: HOUR, canBeHeld: true }, 1).pace.lost,
    ).toBe(0);
  });
});

describe('the next run is due', () => {
  test('after the interval where the last one went well', () => {
    expect(runAgainMs({ failed: 0, busy: 0 }, HOUR, 1)).toBe(HOUR);
  });

  test('sooner after one that failed, and never later than the interval', () => {
    expect([1, 2, 3, 6, 99].map((failed) => runAgainMs({ failed, busy: 0 }, HOUR, 1))).toEqual([
      10_000, 20_000, 40_000, 300_000, 300_000,
    ]);
    expect(runAgainMs({ failed: 99, busy: 0 }, 60_000, 1)).toBe(60_000);
  });

  test('within seconds where another one had the lock', () => {
    expect([1, 2, 3, 99].map((busy) => runAgainMs({ failed: 0, busy }, HOUR, 1))).toEqual([200, 400, 800, 5000]);
  });
});
