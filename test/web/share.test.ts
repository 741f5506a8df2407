import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { share } from '../../server/web/share.ts';

test('what has not changed is the very same, what has is not', () => {
  const before = {
    at: 1,
    waves: [
      { name: 'qa', cells: [1, 2] },
      { name: 'production', cells: [3] },
    ],
  };
  const after = share(before, {
    at: 2,
    waves: [
      { name: 'qa', cells: [1, 2] },
      { name: 'production', cells: [4] },
    ],
  });
  expect(after).not.toBe(before);
  expect(after.waves[0]).toBe(before.waves[0]);
  expect(after.waves[1]).toEqual({ name: 'production', cells: [4] });
});

test('what is shared always says what came', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), fc.jsonValue({ maxDepth: 3 }), (before, any) => {
      const text = JSON.stringify(any);
      const after: unknown = JSON.parse(text);
      expect(JSON.stringify(share(before, after))).toBe(text);
      expect(share(after, JSON.parse(text))).toBe(after);
    }),
    { numRuns: 300 },
  );
});
