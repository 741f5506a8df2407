import { describe, expect, test } from 'vitest';
import { percentile } from '../../bench/figure.ts';
import { inTurn, roundsOf } from '../../bench/rounds.ts';
import { slopeOf } from '../../bench/slope.ts';

describe('the exponent of a growth', () => {
  test('is 0 where the size does not matter, 1 where the cost follows it, and 2 where its square does', () => {
    const sizes = [10, 100, 1000];
    const costs = (of: (size: number) => number) => slopeOf(sizes.map((size) => ({ size, cost: of(size) })));
    expect(costs(() => 7)).toBeCloseTo(0);
    expect(costs((size) => 3 * size)).toBeCloseTo(1);
    expect(costs((size) => size * size)).toBeCloseTo(2);
  });
});

describe('a percentile', () => {
  test('is what so many of all values stay below', () => {
    const values = Array.from({ length: 100 }, (_, index) => index);
    expect(percentile(values, 0.99)).toBe(99);
    expect(percentile(values, 0.5)).toBe(50);
    expect(percentile([5], 0.99)).toBe(5);
    expect(percentile([], 0.99)).toBe(0);
  });
});

describe('rounds', () => {
  test('are as many as were asked for, or as fit in the time, and never fewer than the least', async () => {
    const count = async (limitMs: number) =>
      (await roundsOf({ most: 5, least: 2, limitMs }, async (round) => round)).length;
    expect(await count(60_000)).toBe(5);
    expect(await count(0)).toBe(2);
  });

  test('begin with another one each time, and leave none out', () => {
    expect([0, 1, 2, 3].map((round) => inTurn(['a', 'b', 'c'], round).join(''))).toEqual(['abc', 'bca', 'cab', 'abc']);
  });
});
