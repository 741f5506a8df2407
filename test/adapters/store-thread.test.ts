import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openStoreApart } from '../../server/adapters/sqlite/apart.ts';
import { openStore } from '../../server/adapters/sqlite/store.ts';
import { StoreError } from '../../server/adapters/sqlite/store-error.ts';
import { openThread, type Thread } from '../../server/adapters/thread.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import type { MortalStore } from '../rig/mortal-store-thread.ts';
import { at, event, host, poll, report } from './store-samples.ts';

/** A store in a thread that can be made to end: whoever is first to use a thread's name says what is in it. */
async function mortal() {
  const file = join(await disposableDirectory(), 'history.sqlite');
  const entry = new URL('../rig/mortal-store-thread.ts', import.meta.url);
  const thread = openThread<MortalStore>({ name: 'store', file: entry, setting: { file } });
  await again(thread);
  const store = await openStoreApart(file);
  onTestFinished(async () => {
    await store.close();
    // So that the next test is the first again.
    await thread.ask('end').catch(() => undefined);
  });
  return { file, store, thread };
}

/** Who is first to ask after a thread has ended starts the next one. */
async function again(thread: Thread<MortalStore>): Promise<void> {
  await thread.ask('call', 'begin', []);
}

test('a thread that ends fails what it was asked with a StoreError, and the next call goes on with what was stored', async () => {
  const { store, thread } = await mortal();
  await store.recordReport(host('web1'), report('run-00000001'), { at: at(0) });
  const ended = thread.ask('end').catch(() => undefined);
  const lost = await Promise.allSettled([store.addEvents([event(1)]), store.nodes()]);
  await ended;
  const reasons = lost.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
  expect(reasons).toHaveLength(2);
  for (const reason of reasons) {
    expect(reason).toBeInstanceOf(StoreError);
    expect(reason).toMatchObject({ code: 'unusable', message: expect.stringContaining('the store thread ended') });
  }
  await again(thread);
  await store.recordPolls([poll('web2', 2)]);
  expect(store.trouble()).toBeNull();
  expect((await store.reports(host('web1'), 10)).map((one) => one.runId)).toContain('run-00000001');
});

test('as long as a thread that ended has no successor, that is trouble', async () => {
  const { store, thread } = await mortal();
  const ended = thread.ask('end').catch(() => undefined);
  await store.checkWritable().catch(() => undefined);
  await ended;
  expect(store.trouble()).toContain('the store thread ended');
  await again(thread);
  await store.checkWritable();
  expect(store.trouble()).toBeNull();
});

test('this thread goes on while the store works, and gets its answers in the order of the calls', async () => {
  const { store, thread } = await mortal();
  const done: string[] = [];
  let turns = 0;
  const busy = thread.ask('work', 200).then(() => done.push('worked'));
  const asked = [1, 2, 3].map((second) => store.addEvents([event(second)]).then(() => done.push(`${second}`)));
  const timer = setInterval(() => {
    turns += 1;
  }, 1);
  await Promise.all([busy, ...asked]);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(5);
  expect(done).toEqual(['worked', '1', '2', '3']);
});

test('a file of a newer version is refused in this thread with the same words', async () => {
  const { file, store } = await mortal();
  await store.close();
  const { default: Database } = await import('better-sqlite3');
  new Database(file).exec("insert into migrations values (98, 'from the future'), (99, 'and more')").close();
  const refused = await openStore(file).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(StoreError);
  await expect(openStoreApart(file)).rejects.toEqual(refused);
  expect((await openStoreApart(file).catch((error: unknown) => error)) as StoreError).toMatchObject({
    code: 'newer',
    hint: (refused as StoreError).hint,
  });
});
