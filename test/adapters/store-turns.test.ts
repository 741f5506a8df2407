import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../server/adapters/sqlite/store.ts';
import { storedPages, storedSeats } from '../../server/operations/fleet-pages.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { at, poll } from './store-samples.ts';

const NODES = 6_000;

test('while a command looks at a large fleet, what is due meanwhile has its turn between two pages', async () => {
  const store = await openStore(join(await disposableDirectory(), 'history.sqlite'));
  onTestFinished(() => store.close());
  await store.recordPolls(Array.from({ length: NODES }, (_, index) => poll(`web${index}`, 0)));
  for (const look of [() => storedPages(store, { seenSince: at(0) }, () => []), () => storedSeats(store)]) {
    let turns = 0;
    let isOver = false;
    const onTurn = (): void => {
      turns += 1;
      if (!isOver) setImmediate(onTurn);
    };
    setImmediate(onTurn);
    let seen = 0;
    for await (const found of look()) seen += Array.isArray(found) ? found.length : 1;
    isOver = true;
    expect(seen).toBe(NODES);
    expect(turns).toBeGreaterThan(0);
  }
});
