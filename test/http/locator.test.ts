import { expect, test } from 'vitest';
import { openLocator } from '../../server/operations/whereabouts.ts';
import type { Store } from '../../server/ports/store.ts';
import { serving } from './serving.ts';

test('however many look back at once, the store looks for one of them at a time, and answers all', async () => {
  const { app, clock, ask } = await serving();
  await ask('/v1/nodes/web1.example.com');
  const { store, fleet } = app.context;
  let under = 0;
  let most = 0;
  let looks = 0;
  const watched: Store = {
    ...store,
    async whereaboutsAt(query) {
      looks += 1;
      under += 1;
      most = Math.max(most, under);
      return store.whereaboutsAt(query).finally(() => {
        under -= 1;
      });
    },
  };
  const locator = openLocator({ store: watched, fleet });
  const instants = [0, 1, 2, 3, 4, 0, 1].map((minutes) => clock.now() + minutes * 60_000);
  const found = await Promise.all(instants.map((at) => locator.at({ at, seenSince: 0 })));
  expect(found.map((counts) => counts.map(({ nodes }) => nodes))).toEqual(instants.map(() => [1]));
  expect({ most, looks }).toEqual({ most: 1, looks: 5 });
});
