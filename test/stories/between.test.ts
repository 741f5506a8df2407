import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { currentTree } from '../client/run-client.ts';
import { type Meddler, meddler } from '../rig/meddler.ts';
import { writeSettled } from '../rig/server.ts';
import { until } from '../rig/until.ts';
import { ask, change } from './ask.ts';
import { host } from './hosts.ts';
import { at, BASE, contentAt, HOSTS, type Train, tagAt, train } from './train.ts';

/** What happens when the client has fetched its n-th archive and not asked again yet. */
function afterEachArchive(between: Meddler, happen: (nth: number) => Promise<unknown>): void {
  let nth = 0;
  between.meddle = async (asked) => {
    if (asked.includes('/archive')) await happen(++nth);
  };
}

/** A commit is pushed, and the server has fetched it. */
async function push(server: Train, text: string): Promise<void> {
  const before = (await ask(server, HOSTS.dev)).digest;
  await server.commit({ 'etc/release': text });
  expect(await change(server, '/v1/hooks/push', { method: 'POST', body: {} })).toBe(202);
  await until('the commit to be served', async () => (await ask(server, HOSTS.dev)).digest !== before);
}

async function pinnedToTrunk() {
  const server = await train({ files: { ...BASE, pins: `${HOSTS.dev} trunk\n` } });
  await push(server, 'first\n');
  const between = await meddler(server.url);
  return { server, between, machine: await host(HOSTS.dev) };
}

describe('between staging and flipping', () => {
  test('a commit on a trunk that the host is pinned to starts the run over, and the new commit is what is flipped', async () => {
    const { server, between, machine } = await pinnedToTrunk();
    afterEachArchive(between, async (nth) => nth === 1 && push(server, 'second\n'));
    const run = await machine.poll(between.url);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(await currentTree(machine.target)).toMatchObject({ 'etc/release': 'second\n' });
    expect(between.requests.filter((asked) => asked.includes('/archive'))).toHaveLength(2);
  });

  test('one commit after the other flips nothing, and the next run goes on', async () => {
    const { server, between, machine } = await pinnedToTrunk();
    afterEachArchive(between, (nth) => push(server, `change ${nth}\n`));
    const run = await machine.poll(between.url);
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toContain('the answer changed twice');
    expect(await machine.current()).toBeUndefined();
    between.meddle = () => undefined;
    expect((await machine.poll(between.url)).code).toBe(0);
    expect(await currentTree(machine.target)).toMatchObject({ 'etc/release': 'change 2\n' });
  });

  test('a mark makes the client flip to the tag before instead, and never to the one that is bad', async () => {
    const server = await train();
    const between = await meddler(server.url);
    const machine = await host(HOSTS.dev);
    const mark = { state: 'bad', reason: 'seen in the middle' };
    afterEachArchive(between, async (nth) => {
      expect(await machine.current()).toBeUndefined();
      if (nth === 1) await change(server, `/v1/tags/${tagAt(10)}/mark`, { method: 'PUT', body: mark });
    });
    const run = await machine.poll(between.url);
    expect(run.stdout).toContain(`now on ${tagAt(9)}`);
    expect(await currentTree(machine.target)).toEqual(contentAt(9));
  });

  test('a mark that sends the host back to what it has leaves everything as it is', async () => {
    const server = await train();
    const between = await meddler(server.url);
    const machine = await host(HOSTS.dev);
    expect((await machine.poll(between.url)).code).toBe(0);
    const old = await machine.current();
    await server.commit(contentAt(11));
    await server.passTo(at('11:00'));
    afterEachArchive(between, async () => {
      writeFileSync(join(server.base, 'tagstate'), `${tagAt(11)} bad\n`);
      server.sweep();
    });
    expect(await machine.poll(between.url)).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
    expect(await machine.current()).toBe(old);
  });

  test('a mark that leaves nothing acceptable makes the client hold', async () => {
    const server = await train();
    const between = await meddler(server.url);
    const machine = await host(HOSTS.dev);
    const mark = { state: 'badfwd', reason: 'left a file behind' };
    afterEachArchive(between, () => change(server, `/v1/tags/${tagAt(10)}/mark`, { method: 'PUT', body: mark }));
    const run = await machine.poll(between.url);
    expect(run).toMatchObject({ code: 4, stdout: '' });
    expect(run.stderr).toContain('held (no-newer-tag)');
    expect(await machine.current()).toBeUndefined();
  });

  test('the hour may change, and what is flipped is the tag of the new one', async () => {
    const server = await train();
    const between = await meddler(server.url);
    const machine = await host(HOSTS.qa);
    afterEachArchive(between, async (nth) => nth === 1 && server.passTo(at('11:00')));
    expect((await machine.poll(between.url)).stdout).toContain(`now on ${tagAt(10)}`);
    expect(await currentTree(machine.target)).toEqual(contentAt(10));
  });
});

describe('of two servers', () => {
  async function two() {
    const [first, second] = await Promise.all([train(), train()]);
    const between = await Promise.all([meddler(first.url), meddler(second.url)]);
    return { first, second, between, urls: between.map(({ url }) => url), machine: await host(HOSTS.dev) };
  }

  test('the killswitch of the one that is asked is an answer: the other is not asked', async () => {
    const { first, between, urls, machine } = await two();
    await writeSettled(join(first.base, 'killswitch'), 'stop it all\n');
    const run = await machine.poll(urls);
    expect(run).toMatchObject({ code: 3, stdout: '' });
    expect(run.stderr).toContain('stopped by the killswitch: stop it all\n');
    expect(between[1]?.requests).toEqual([]);
    expect(await machine.current()).toBeUndefined();
  });

  test('the killswitch in the middle of a run is an answer, too', async () => {
    const { first, between, urls, machine } = await two();
    const [one, other] = between;
    if (one === undefined) throw new Error('there is no first server');
    afterEachArchive(one, async () => writeFileSync(join(first.base, 'killswitch'), ''));
    expect((await machine.poll(urls)).code).toBe(3);
    expect(other?.requests).toEqual([]);
    expect(await machine.current()).toBeUndefined();
  });

  test('a hold of the one that is asked is an answer, and one that is down is none', async () => {
    const { first, between, urls, machine } = await two();
    await change(first, `/v1/tags/${tagAt(10)}/mark`, { method: 'PUT', body: { state: 'badfwd' } });
    expect((await machine.poll(urls)).code).toBe(4);
    expect(between[1]?.requests).toEqual([]);
    await first.stop();
    const gone = first.url;
    const run = await machine.poll([gone, ...urls.slice(1)]);
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(await currentTree(machine.target)).toEqual(contentAt(10));
  });
});
