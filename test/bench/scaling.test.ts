import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Costs, limitsTable, loadOf, needsOf, scalingTable } from '../../bench/scaling.ts';
import { MEASURED } from '../../bench/scaling-figures.ts';

const COSTS: Costs = {
  pollMicroseconds: 100,
  pollBytes: 500,
  changeMicroseconds: 1000,
  changeBytes: 10_000,
  startMegabytes: 100,
  nodeBytes: 1000,
};

describe('what a fleet takes', () => {
  test('follows from what one host takes, the number of hosts and how often they ask', () => {
    expect(loadOf({ hosts: 60_000, intervalSeconds: 60 }, COSTS)).toEqual({
      pollsPerSecond: 1000,
      pollCores: 0.1,
      pollMegabits: 4,
      changeCores: 1,
      changeMegabits: 80,
      changeGigabytes: 0.6,
      memoryMegabytes: 160,
    });
  });

  test('is one process until a core is too busy, then workers, then servers, and a cache where the network is full', () => {
    const needs = (hosts: number) => needsOf(loadOf({ hosts, intervalSeconds: 60 }, COSTS));
    expect(needs(40_000)).toEqual([]);
    expect(needs(60_000)).toEqual(['workers: 2']);
    expect(needs(420_000)).toEqual(['workers: 10', 'a cache for downloads']);
    expect(needs(600_000)).toEqual(['2 servers of 8 cores', 'a cache for downloads']);
  });
});

test('the page on scaling shows the figures, and the tables that follow from them', async () => {
  const page = await readFile(join(import.meta.dirname, '../../docs/scaling.md'), 'utf8');
  expect(page).toContain(scalingTable(MEASURED).join('\n'));
  expect(page).toContain(limitsTable(MEASURED).join('\n'));
  for (const value of Object.values(MEASURED)) expect(page).toContain(`| ${value.toLocaleString('en-US')} |`);
});
