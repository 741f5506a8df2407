import { expect, test } from 'vitest';
import { openDeaths } from '../../server/workers/deaths.ts';

const KILLED = { code: null, signal: 'SIGKILL', milliseconds: 10 } as const;

test('who dies again and again is started again later and later, by itself, up to half a minute', () => {
  const deaths = openDeaths(() => undefined);
  const pauses = Array.from({ length: 9 }, () => deaths.noted('door 1', KILLED));
  expect(pauses).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
  expect(deaths.noted('door 2', KILLED)).toBe(250);
});

test('who lived for a minute was well: it is started again as soon as at first', () => {
  const deaths = openDeaths(() => undefined);
  for (let times = 0; times < 3; times++) deaths.noted('head', KILLED);
  expect(deaths.noted('head', { code: 1, signal: null, milliseconds: 61_000 })).toBe(250);
});

test('each death is told at once, with how it came and how often', () => {
  const told: string[][] = [];
  const deaths = openDeaths((problems) => told.push(problems.map(({ sentence }) => sentence)));
  deaths.noted('head', KILLED);
  deaths.noted('head', { code: 1, signal: null, milliseconds: 10 });
  deaths.noted('door 2', KILLED);
  expect(told).toEqual([
    ['the head ended unexpectedly once within an hour, last by SIGKILL, and was started again'],
    ['the head ended unexpectedly 2 times within an hour, last by exit code 1, and was started again'],
    [
      'the head ended unexpectedly 2 times within an hour, last by exit code 1, and was started again',
      'the door 2 ended unexpectedly once within an hour, last by SIGKILL, and was started again',
    ],
  ]);
  expect(deaths.problems().map(({ id }) => id)).toEqual(['workers:head', 'workers:door-2']);
});
