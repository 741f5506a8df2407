import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { takeOne } from '../../server/core/rate.ts';

/** How many of these instants are let through. */
function passed(instants: readonly number[], rate: { perMinute: number; burst: number }): number {
  let paid = 0;
  let count = 0;
  for (const now of instants) {
    const taken = takeOne(paid, now, rate);
    if (!taken.ok) continue;
    paid = taken.paid;
    count++;
  }
  return count;
}

test('as many come through at once as may, and then one after the other', () => {
  const rate = { perMinute: 60, burst: 10 };
  expect(passed(Array(50).fill(5_000), rate)).toBe(10);
  expect(passed([...Array(50).fill(5_000), ...Array(50).fill(8_000)], rate)).toBe(13);
});

test('who is told to wait gets through after that time, and not before', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 100_000 }),
      fc.integer({ min: 1, max: 50 }),
      fc.nat(1e9),
      (perMinute, burst, now) => {
        const rate = { perMinute, burst };
        let paid = 0;
        for (;;) {
          const taken = takeOne(paid, now, rate);
          if (!taken.ok) {
            expect(takeOne(paid, now + taken.waitMs, rate).ok).toBe(true);
            expect(takeOne(paid, now + taken.waitMs - 0.01, rate).ok).toBe(false);
            return;
          }
          paid = taken.paid;
        }
      },
    ),
  );
});

test('over any stretch of time no more come through than the burst and what the time allows', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 120_000 }), { maxLength: 400 }),
      fc.integer({ min: 1, max: 600 }),
      fc.integer({ min: 1, max: 20 }),
      (instants, perMinute, burst) => {
        const sorted = instants.toSorted((a, b) => a - b);
        const span = (sorted.at(-1) ?? 0) - (sorted[0] ?? 0);
        const most = burst + Math.floor((span * perMinute) / 60_000) + 1;
        expect(passed(sorted, { perMinute, burst })).toBeLessThanOrEqual(most);
      },
    ),
  );
});
