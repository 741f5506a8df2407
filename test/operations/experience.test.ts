import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../server/adapters/sqlite/store.ts';
import { openExperience } from '../../server/operations/experience.ts';
import type { Store } from '../../server/ports/store.ts';
import { digest, host, poll, report, tag } from '../adapters/store-samples.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { stillClock } from '../rig/still-clock.ts';

async function opened(change: (store: Store) => Partial<Store> = () => ({})) {
  const store = await openStore(join(await disposableDirectory(), 'history.sqlite'));
  onTestFinished(() => store.close());
  const clock = stillClock();
  const looks: string[] = [];
  const looked: Store = {
    ...store,
    tagRuns: (of, at) => {
      looks.push(of);
      return store.tagRuns(of, at);
    },
    ...change(store),
  };
  const experience = openExperience({ store: looked, clock, now: clock.now, flush: async () => undefined });
  const runs = { ...poll('qa1', 0, { wave: 'qa' }), running: digest('a') };
  await store.recordPolls([runs]);
  await store.recordReport(host('dev1'), report('run-00000001', { outcome: 'failed' }), {
    at: clock.now(),
    countsIn: 'development',
  });
  return { experience, store, clock, looks };
}

test('what ten thousand nodes ask about at once costs one look, and a minute later another', async () => {
  const { experience, clock, looks } = await opened();
  const asked = await Promise.all(Array.from({ length: 10_000 }, () => experience.of(tag('08'))));
  expect(asked.every((one) => one === asked[0])).toBe(true);
  await experience.of(tag('09'));
  expect(looks).toEqual([tag('08'), tag('09')]);
  clock.advance(59_000);
  await experience.of(tag('08'));
  expect(looks).toHaveLength(2);
  clock.advance(1_000);
  await experience.of(tag('08'));
  expect(looks).toEqual([tag('08'), tag('09'), tag('08')]);
});

test('runs and failures of a wave are brought together', async () => {
  const { experience } = await opened();
  expect(await experience.of(tag('08'))).toEqual([
    { wave: 'qa', ran: 1, milliseconds: expect.any(Number), failed: 0, rolledBack: 0, first: [] },
    { wave: 'development', ran: 0, milliseconds: 0, failed: 1, rolledBack: 0, first: [host('dev1')] },
  ]);
});

test('no answer waits for a history that does not answer, or fails because of one that cannot be read', async () => {
  const never = new Promise<never>(() => undefined);
  const slow = await opened(() => ({ tagFailures: () => never }));
  expect(await slow.experience.of(tag('08'))).toBeUndefined();
  const broken = await opened(() => ({ tagRuns: () => Promise.reject(new Error('disk full')) }));
  expect(await broken.experience.of(tag('08'))).toBeUndefined();
});
