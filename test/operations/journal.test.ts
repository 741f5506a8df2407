import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../server/adapters/sqlite/store.ts';
import { openJournal } from '../../server/operations/journal.ts';
import { event } from '../adapters/store-samples.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { quiet } from '../rig/server.ts';

async function journal() {
  const directory = join(await disposableDirectory(), 'state');
  const store = await openStore(join(directory, 'history.sqlite'));
  onTestFinished(() => store.close());
  const troubles: (string | null)[] = [];
  const opened = openJournal({ store, log: quiet, onTrouble: (reason) => troubles.push(reason) });
  const summaries = async () =>
    (await store.events({ limit: 50_000, order: 'oldest' })).map((stored) => Number(stored.summary.slice(3)));
  return { directory, store, troubles, journal: opened, summaries };
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index);

test('events and other writes are written in the order in which they came, however many at once', async () => {
  const { journal: to, summaries } = await journal();
  for (const number of numbers(1200)) {
    if (number % 400 === 0) to.write((store) => store.addEvents([event(number)]));
    else to.add(event(number));
  }
  await to.flush();
  expect(await summaries()).toEqual(numbers(1200));
});

test('what comes while the store cannot be written is kept for later, up to a bound, and the oldest goes first', async () => {
  const { directory, journal: to, troubles, summaries } = await journal();
  await rename(directory, `${directory}.away`);
  await writeFile(directory, 'in its place');
  let given = 0;
  to.add(event(0));
  to.write(
    async () => undefined,
    () => given++,
  );
  await to.flush();
  for (const number of numbers(11_000, 1)) to.add(event(number));
  await to.flush();
  expect([troubles.length > 0, troubles.includes(null), given]).toEqual([true, false, 1]);
  await rm(directory);
  await rename(`${directory}.away`, directory);
  await to.flush();
  const found = await summaries();
  expect(found[0]).toBe(0);
  expect(found.at(-1)).toBe(11_000);
  expect(found.length).toBeGreaterThan(9_000);
  expect(found.length).toBeLessThanOrEqual(10_000);
  expect(found.slice(1)).toEqual(numbers(found.length - 1, 11_001 - (found.length - 1)));
  expect(troubles.at(-1)).toBeNull();
});

test('what is noted of the end of a trouble is written with the rest', async () => {
  const { directory, store, summaries } = await journal();
  const to = openJournal({ store, log: quiet, onTrouble: (reason) => reason === null && to.add(event(2)) });
  await rename(directory, `${directory}.away`);
  await writeFile(directory, 'in its place');
  to.add(event(1));
  await to.flush();
  await rm(directory);
  await rename(`${directory}.away`, directory);
  await to.flush();
  expect(await summaries()).toEqual([1, 2]);
});

test('a write that can never be made is left out and told, and keeps no other from being written', async () => {
  const { store, summaries, troubles } = await journal();
  const told: string[] = [];
  const log = { ...quiet, error: (message: string) => told.push(message) };
  const to = openJournal({ store, log, onTrouble: (reason) => troubles.push(reason) });
  to.add(event(0));
  to.write(async () => {
    throw new TypeError('no such thing');
  });
  to.add(event(1));
  await to.flush();
  expect(await summaries()).toEqual([0, 1]);
  expect(told).toEqual(['something cannot be written to the history, and is left out']);
  expect(troubles).toEqual([]);
});
