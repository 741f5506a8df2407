import { setImmediate as turn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { openCrowd } from '../../server/http/crowd.ts';

test('who asks alone is no crowd, however often; several in one turn are one, and for a moment those who follow', async () => {
  let now = 0;
  const isCrowd = openCrowd(() => now);
  for (let asked = 0; asked < 100; asked++) {
    expect(isCrowd()).toBe(false);
    await turn();
  }
  expect([isCrowd(), isCrowd(), isCrowd()]).toEqual([false, true, true]);
  await turn();
  now = 14;
  expect(isCrowd()).toBe(true);
  await turn();
  now = 15;
  expect(isCrowd()).toBe(false);
});
