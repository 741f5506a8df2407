import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openEdition, seeEdition } from '../../server/workers/edition.ts';
import { disposableDirectory } from '../rig/disposable.ts';

test('the next edition is seen at once, also by who still reads for the head before', async () => {
  const path = join(await disposableDirectory(), 'edition');
  expect(seeEdition(path)).toBeUndefined();
  const first = openEdition(path);
  expect(first.next()).toBe(true);
  const seen = seeEdition(path);
  expect(seen?.present()).toBe(first.present());
  first.close();
  const second = openEdition(path);
  expect(second.next()).toBe(true);
  expect(second.present()).toBeGreaterThan(first.present());
  expect(seen?.present()).toBe(second.present());
  second.close();
  seen?.close();
});

test('an edition that cannot be written is not said to be seen', () => {
  const edition = openEdition('/dev/full');
  expect([edition.next(), edition.show()]).toEqual([false, false]);
  edition.close();
});
