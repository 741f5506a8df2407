import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Answer, ask } from './ask.ts';
import { at, contentAt, HOSTS, NODES, type Train, tagAt, train } from './train.ts';

/** Far less than it asks the server to wait: an answer that comes only when the waiting is over fails the test. */
const PATIENCE_MS = 25_000;

/** A host that knows its answer waits for another one. Settles with what it is told. */
async function waiting(server: Train, host: string): Promise<{ readonly told: Promise<Answer> }> {
  const { etag } = await ask(server, host);
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const told = ask(server, host, { path: '?wait=50', headers: { 'If-None-Match': etag }, signal });
  // A question asked after it is answered: the server has heard of the one that waits.
  await ask(server, 'somebody.else.example.org');
  return { told };
}

describe('a host that waits is told in a moment', () => {
  test.each<[what: string, host: string, change: (server: Train) => unknown, gets: string]>([
    [
      'of a mark on its tag',
      HOSTS.dev,
      ({ base }) => writeFileSync(join(base, 'tagstate'), `${tagAt(10)} bad\n`),
      '09',
    ],
    ['of a killswitch', HOSTS.prod, ({ base }) => writeFileSync(join(base, 'killswitch'), ''), 'killswitch'],
    [
      'of a killswitch for its environment',
      HOSTS.east,
      ({ base }) => {
        mkdirSync(join(base, 'killswitch.d'));
        writeFileSync(join(base, 'killswitch.d', 'production'), '');
      },
      'killswitch',
    ],
    [
      'of the new tag of a new hour',
      HOSTS.dev,
      async (server) => {
        await server.commit(contentAt(11));
        await server.passTo(at('11:00'));
      },
      '11',
    ],
    [
      'of another group, once the file is settled',
      HOSTS.qa,
      (server) => {
        writeFileSync(join(server.base, 'nodes.yml'), NODES.replace('[qa]', '[dev]'));
        server.settle();
      },
      '10',
    ],
    [
      'of a pin, once the file is settled',
      HOSTS.stg,
      (server) => {
        writeFileSync(join(server.base, 'pins'), `${HOSTS.stg} ${tagAt(5)}\n`);
        server.settle();
      },
      '05',
    ],
  ])('%s', async (_what, host, change, gets) => {
    const server = await train();
    const { told } = await waiting(server, host);
    await change(server);
    expect((await told).gets).toBe(gets);
  });

  test('of every new hour, also where no new tag is made', async () => {
    const server = await train();
    for (const [time, gets] of [
      ['11:00', '07'],
      ['12:00', '08'],
    ] as const) {
      const { told } = await waiting(server, HOSTS.prod);
      server.clock.advance(Date.parse(at(time)) - server.clock.now());
      expect((await told).gets).toBe(gets);
    }
  });

  test('of the end of a killswitch', async () => {
    const server = await train();
    writeFileSync(join(server.base, 'killswitch'), '');
    const { told } = await waiting(server, HOSTS.dev);
    rmSync(join(server.base, 'killswitch'));
    expect((await told).gets).toBe('10');
  });

  test('and so are three hundred that wait at once, each of what it gets itself', async () => {
    const server = await train();
    const hosts = Array.from({ length: 300 }, (_, index) => `${index % 2 ? 'dev' : 'qa'}${index}.example.org`);
    const those = await Promise.all(hosts.map((host) => waiting(server, host)));
    appendFileSync(join(server.base, 'tagstate'), `${tagAt(10)} bad\n${tagAt(9)} bad:qa\n`);
    const gets = (await Promise.all(those.map(({ told }) => told))).map((answer) => answer.gets);
    expect(gets).toEqual(hosts.map((host) => (host.startsWith('dev') ? '09' : '08')));
  });
});

test('a host that waits is not told of what changes nothing for it', async () => {
  const server = await train();
  const { told } = await waiting(server, HOSTS.prod);
  writeFileSync(join(server.base, 'tagstate'), `${tagAt(10)} bad\n`);
  server.sweep();
  expect((await ask(server, HOSTS.dev)).gets).toBe('09');
  writeFileSync(join(server.base, 'killswitch'), '');
  expect((await told).gets).toBe('killswitch');
});

test('a host that waits in vain is told 304 when its time is over, or at once when the server stops', async () => {
  const server = await train();
  const { etag } = await ask(server, HOSTS.dev);
  expect(await ask(server, HOSTS.dev, { path: '?wait=1', headers: { 'If-None-Match': etag } })).toMatchObject({
    status: 304,
  });
  const { told } = await waiting(server, HOSTS.dev);
  await server.stop();
  expect(await told).toMatchObject({ status: 304 });
});
