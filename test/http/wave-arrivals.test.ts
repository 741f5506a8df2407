import { expect, test } from 'vitest';
import type { Context } from '../../server/operations/context.ts';
import { noteArrivals, openWaveArrivals } from '../../server/operations/wave-arrivals.ts';
import { serving } from './serving.ts';

test('a wave has arrived once, however long the history takes to say what was told before', async () => {
  const server = await serving();
  const { app, ask } = server;
  const poll = async (host: string, running?: string) => {
    const headers = running === undefined ? {} : { 'Tagwave-Running': running };
    return String((await ask(`/v1/nodes/${host}`, { headers })).headers['tagwave-digest']);
  };
  const digest = await poll('web1.example.com');
  await poll('web1.example.com', digest);
  const { store } = app.context;
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const told: string[] = [];
  const context: Context = {
    ...app.context,
    waveArrivals: openWaveArrivals(),
    store: {
      ...store,
      async events(query) {
        await released;
        return store.events({ ...query, until: 0 });
      },
    },
    journal: { ...app.context.journal, add: ({ subject }) => void told.push(subject) },
  };
  const first = noteArrivals(context);
  await poll('web2.example.com', digest);
  await poll('web2.example.com', digest);
  server.clock.advance(1_000);
  const second = noteArrivals(context);
  release();
  await Promise.all([first, second]);
  expect(told).toEqual(['production+4h']);
  await noteArrivals(context);
  expect(told).toHaveLength(1);
});
