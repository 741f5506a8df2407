import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../server/adapters/sqlite/store.ts';
import { openFleet } from '../../server/operations/fleet.ts';
import { openJournal } from '../../server/operations/journal.ts';
import { at, host, poll } from '../adapters/store-samples.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { quiet } from '../rig/server.ts';

test('who has not asked for long is forgotten in memory too, and who has stays', async () => {
  const store = await openStore(join(await disposableDirectory(), 'history.sqlite'));
  onTestFinished(() => store.close());
  const journal = openJournal({ store, log: quiet, onTrouble: () => undefined });
  const fleet = await openFleet({ store, journal, mostNodes: () => 10, onHandedOut: () => undefined });
  for (const [name, seconds] of [
    ['gone', 0],
    ['there', 60],
  ] as const)
    fleet.note(poll(name, seconds));
  fleet.forget(at(60));
  expect(fleet.recent(0).map((row) => row.hostname)).toEqual([host('there')]);
  expect(fleet.told(host('gone'))).toBeUndefined();
  await fleet.flush();
  expect((await fleet.rows()).map((row) => row.hostname)).toEqual([host('gone'), host('there')]);
});
