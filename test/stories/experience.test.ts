import { expect, test } from 'vitest';
import { type Answer, ask } from './ask.ts';
import { say } from './reports.ts';
import { at, HOSTS, type Train, tagAt, train } from './train.ts';

const DEVS = ['dev1.example.org', 'dev2.example.org', 'dev3.example.org'];

/** However long the machine takes. */
const SOAKED = expect.stringMatching(/^3 development nodes have run it for \d+ min, none failed$/);

/** Asks, and asks again as a host does that has applied what it was told. */
async function apply(server: Train, host: string): Promise<Answer> {
  const { digest } = await ask(server, host);
  return ask(server, host, { headers: { 'Tagwave-Running': digest } });
}

/** Three development hosts have run 10:00 since 10:30; now it is 11:00, and QA is due to have it. */
async function soaked(): Promise<Train> {
  const server = await train();
  for (const host of DEVS) await apply(server, host);
  await server.passTo(at('11:00'));
  return server;
}

async function explained({ url }: { readonly url: string }, host: string): Promise<readonly string[]> {
  const answer = await fetch(`${url}/v1/nodes/${host}/explain`);
  return ((await answer.json()) as { readonly decision: { readonly reasons: readonly string[] } }).decision.reasons;
}

test('an answer that begins says how many nodes of earlier waves have run the tag, for how long, and that none failed', async () => {
  const server = await soaked();
  const answer = await ask(server, HOSTS.qa);
  expect(answer.gets).toBe('10');
  expect(answer.reasons).toEqual([
    `qa lags 1 hour; due is ${tagAt(10)}`,
    `${tagAt(10)} is unmarked: serving it`,
    SOAKED,
  ]);
});

test('explain says the same, also from another host of the wave that has not asked', async () => {
  const server = await soaked();
  for (const host of [HOSTS.qa, 'qa7.example.org']) expect(await explained(server, host)).toContainEqual(SOAKED);
  expect(await explained(server, HOSTS.dev)).toHaveLength(2);
});

test('nodes that reported a failure are named', async () => {
  const server = await train();
  for (const host of DEVS) await apply(server, host);
  await server.commit({ 'etc/ntp.conf': 'server no-such-server\n' });
  await server.passTo(at('11:00'));
  for (const host of DEVS.slice(0, 2)) {
    await ask(server, host);
    await say(server, host, { outcome: 'rolled-back' });
  }
  await server.passTo(at('12:00'));
  expect((await ask(server, HOSTS.qa)).reasons.at(-1)).toBe(
    'no node of an earlier wave is known to have run it, 2 rolled back: dev1.example.org, dev2.example.org',
  );
});

test('a node that was only told a tag, or says that it runs something else, has not run it', async () => {
  const server = await train();
  const [one = '', two = ''] = DEVS;
  await ask(server, one);
  await ask(server, two, { headers: { 'Tagwave-Running': `sha256:${'e'.repeat(64)}` } });
  await server.passTo(at('11:00'));
  expect((await ask(server, HOSTS.qa)).reasons).toHaveLength(2);
});

test('reasons stay as when the answer began, and neither they nor the decision and its ETag follow what comes in later', async () => {
  const server = await soaked();
  const first = await ask(server, HOSTS.qa);
  await apply(server, 'dev8.example.org');
  await say(server, 'dev8.example.org', { outcome: 'failed' });
  server.clock.advance(120_000);
  const again = await ask(server, HOSTS.qa);
  expect(again).toEqual(first);
  expect((await ask(server, HOSTS.qa, { headers: { 'If-None-Match': first.etag } })).status).toBe(304);
  const fresh = await train();
  await fresh.passTo(at('11:00'));
  const alone = await ask(fresh, HOSTS.qa);
  expect([alone.etag, alone.digest, alone.reasons.length]).toEqual([first.etag, first.digest, 2]);
});

test('what was experienced before a restart is known after it', async () => {
  const again = await (await soaked()).restart();
  expect((await ask(again, HOSTS.qa)).reasons).toContainEqual(SOAKED);
});
