import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { pollArgs, runClient, type Started, startClient } from '../client/run-client.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { meddler } from '../rig/meddler.ts';
import { kill9 } from '../rig/server-process.ts';
import { noDisks, smallDisk } from '../rig/small-disk.ts';
import { ask } from '../stories/ask.ts';
import { at, HOSTS, type Train, tagAt } from '../stories/train.ts';
import { passTo, stillTrain } from './passing.ts';
import { currentDigest } from './tree-digest.ts';

const WHO = ['--hostname', HOSTS.dev];
const MANY = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`many/${index}`, `${index}\n`]));

/** A server at 11:00 whose newest tag has many files more than the one before, with the digests of both by hour. */
async function serverAtEleven(): Promise<{ server: Train; digests: Record<'10' | '11', string> }> {
  const server = await stillTrain();
  await server.commit({ ...MANY, 'etc/motd': { linkTo: '../many/0' }, 'etc/ntp.conf': null });
  await passTo(server, at('11:00'));
  const [eleven, ten] = await Promise.all([ask(server, HOSTS.dev), ask(server, HOSTS.qa)]);
  expect([ten.gets, eleven.gets]).toEqual(['10', '11']);
  return { server, digests: { '10': ten.digest, '11': eleven.digest } };
}

/** Runs to the end, and leaves the target as a run should. */
async function expectToComplete(server: Train, target: string, ...flags: string[]): Promise<void> {
  expect(await runClient(pollArgs(server, target, ...WHO, ...flags))).toMatchObject({ code: 0, stderr: '' });
  const names = [...(await readdir(target)), ...(await readdir(join(target, 'releases')))];
  expect(names.filter((name) => name.startsWith('.tmp'))).toEqual([]);
}

async function reportedBy({ url }: Train, hostname: string): Promise<unknown> {
  const { nodes } = (await (await fetch(`${url}/v1/nodes`)).json()) as {
    nodes: { hostname: string; lastReport: unknown }[];
  };
  return nodes.find((node) => node.hostname === hostname)?.lastReport;
}

const STEPS = ['the first question', 'the manifest', 'the archive', 'the second question', 'the report'];

interface Kill {
  /** What the client has asked, and is never told. */
  readonly step: string;
  /** Nothing was in use before. */
  readonly first: boolean;
  readonly hostname: string;
}

test('kill -9 of the client at each thing that it asks the server leaves a whole release in use, and the next run completes', async () => {
  const { server, digests } = await serverAtEleven();
  const kills = STEPS.flatMap((step, index): Kill[] =>
    [false, true].map((first) => ({ step, first, hostname: `dev-${index}-${first}.example.org` })),
  );
  await Promise.all(
    kills.map(async ({ step, first, hostname }) => {
      const target = await disposableDirectory();
      const who = ['--hostname', hostname];
      if (!first) await expectToComplete(server, target, ...who, '--tag', tagAt(10));
      const between = await meddler(server.url);
      let client: Started | undefined;
      between.meddle = async () => {
        if (between.requests.length === STEPS.indexOf(step) + 1 && client !== undefined) await kill9(client);
      };
      client = await startClient(pollArgs(between, target, ...who));
      expect(await client.ended, step).toMatchObject({ signal: 'SIGKILL' });
      const before = first ? undefined : digests['10'];
      expect(await currentDigest(target), step).toBe(step === 'the report' ? digests['11'] : before);
      await expectToComplete(server, target, ...who);
      expect(await currentDigest(target), step).toBe(digests['11']);
      const applied = { outcome: 'applied', tag: tagAt(11), digest: digests['11'] };
      expect(await reportedBy(server, hostname), step).toMatchObject(applied);
    }),
  );
});

test('kill -9 of the client at 12 moments all over a run leaves a whole release in use each time', async () => {
  const { server, digests } = await serverAtEleven();
  const target = await disposableDirectory();
  await expectToComplete(server, target, '--tag', tagAt(10));
  const began = performance.now();
  await expectToComplete(server, target);
  const took = performance.now() - began;
  for (let round = 0; round < 12; round++) {
    const wanted = round % 2 === 0 ? tagAt(10) : tagAt(11);
    const client = await startClient(pollArgs(server, target, ...WHO, '--tag', wanted));
    await delay(((round + Math.random()) / 12) * took);
    await kill9(client);
    expect(Object.values(digests)).toContain(await currentDigest(target));
  }
  await expectToComplete(server, target);
  expect(await currentDigest(target)).toBe(digests['11']);
});

test.skipIf(noDisks !== '')(
  `a release that does not fit on the host's disk is a clear error on both sides, the release in use stays whole, and one that fits is applied${noDisks}`,
  async () => {
    const server = await stillTrain();
    const { path: target } = await smallDisk(1);
    await expectToComplete(server, target);
    const before = await currentDigest(target);
    await server.commit({ large: randomBytes(2_000_000) });
    await passTo(server, at('11:00'));
    const failed = await runClient(pollArgs(server, target, ...WHO));
    expect(failed).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('no space is left') });
    expect(await currentDigest(target)).toBe(before);
    expect(await reportedBy(server, HOSTS.dev)).toMatchObject({
      outcome: 'failed',
      tag: tagAt(11),
      error: expect.stringContaining('no space'),
    });

    await server.commit({ large: null, 'etc/release': 'small again\n' });
    await passTo(server, at('12:00'));
    await expectToComplete(server, target);
    expect(await currentDigest(target)).toBe((await ask(server, HOSTS.dev)).digest);
    expect(await reportedBy(server, HOSTS.dev)).toMatchObject({ outcome: 'applied', tag: tagAt(12) });
  },
);
