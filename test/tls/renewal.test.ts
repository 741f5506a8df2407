import { Agent } from 'node:https';
import { expect, onTestFinished, test } from 'vitest';
import { askThroughDoor } from '../http/through-door.ts';
import { until } from '../rig/until.ts';
import { forThisMachine, type TlsServing, tlsPlace, tlsServing } from './tls-serving.ts';

const POLL = '/v1/nodes/web-1.example.com';

/** Asks without a pause until it is told to stop. */
function load(server: TlsServing, agent?: Agent) {
  const seen = { polls: 0, failures: [] as unknown[], serials: new Set<string>() };
  let isOver = false;
  const ask = async (): Promise<void> => {
    while (!isOver) {
      try {
        const { status, serial } = await server.askTls(POLL, agent === undefined ? {} : { agent });
        seen.polls++;
        seen.serials.add(serial);
        if (status !== 200) seen.failures.push(status);
      } catch (error) {
        seen.failures.push(error);
      }
    }
  };
  const done = Promise.all([ask(), ask()]);
  return {
    seen,
    async stop() {
      isOver = true;
      await done;
    },
  };
}

async function renewUnderLoad(): Promise<void> {
  const place = await tlsPlace();
  const server = await tlsServing(place);
  const agent = new Agent({ keepAlive: true, maxSockets: 2 });
  onTestFinished(() => agent.destroy());
  const [kept, fresh] = [load(server, agent), load(server)];
  const first = (await server.askTls('/healthz')).serial;
  const serials = [first];
  for (let renewal = 0; renewal < 3; renewal++) {
    const next = await forThisMachine(place.authority);
    // One after the other, as whoever renews certificates does.
    await place.put('cert', next.certificate);
    await place.put('key', next.key);
    await until('the new certificate', () => fresh.seen.serials.has(next.serial) || undefined);
    serials.push(next.serial);
  }
  await Promise.all([kept.stop(), fresh.stop()]);
  expect([kept.seen.failures, fresh.seen.failures]).toEqual([[], []]);
  expect(kept.seen.polls).toBeGreaterThan(10);
  expect([...fresh.seen.serials]).toEqual(serials);
  // Connections from before stayed open all the time.
  expect([...kept.seen.serials]).toEqual([first]);
}

test('a certificate is renewed in the middle of a load, and no poll fails', renewUnderLoad);

test('a certificate is renewed in the middle of a load through a door, and no poll fails', async () => {
  askThroughDoor();
  await renewUnderLoad();
});
