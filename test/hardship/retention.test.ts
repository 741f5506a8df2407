import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dropContent, pruneTags } from '../../server/operations/prune.ts';
import { snapshotByHand } from '../../server/operations/snapshot.ts';
import { ask, problems } from '../stories/ask.ts';
import { at, HOSTS, NODES, short, type Train, tagAt } from '../stories/train.ts';
import { passTo, recordAt, stillTrain } from './passing.ts';

/** As little as can be kept: 26 hours, because a wave may look back two and a day is added, and two tags in any case. */
const TINY = { TAGWAVE_SNAPSHOT_RETENTION_HOURS: '1', TAGWAVE_SNAPSHOT_KEEP_AT_LEAST: '2' };
const SCHEDULE = `waves:
  - {environment: development, groups: [dev], hours: 0, lookback_hours: 1}
  - {environment: production, default: true, hours: 1, lookback_hours: 2}
`;
const PINS = `${HOSTS.stg} ${tagAt(7)} an old system
${HOSTS.east} ${tagAt(6)} until=2026-11-20T12:00Z
`;
const GOOD = [4, 8, 9, 10].map((hour) => `${tagAt(hour)} good\n`).join('');

const nextDay = (time: string): string => at(time).replace('-20T', '-21T');
const hoursKept = async ({ url }: Train): Promise<string[]> => {
  const { tags } = (await (await fetch(`${url}/v1/tags`)).json()) as { tags: { name: string }[] };
  return tags.map(({ name }) => short(name)).reverse();
};
const everyAnswer = (server: Train) =>
  Promise.all(Object.values(HOSTS).map(async (host) => (await ask(server, host)).tag));
const asksFor = (server: Train, hour: number) => ask(server, HOSTS.qa, { path: `?tag=${tagAt(hour)}` });
const contentOf = async ({ url }: Train, digest: string) => (await fetch(`${url}/v1/views/${digest}/archive`)).status;

test('what nothing uses is pruned and never made again; what a node runs or is pinned to, the last three good tags and what a wave resolves to stay, and content handed out stays for a day', async () => {
  const files = { 'schedule.yml': SCHEDULE, 'nodes.yml': NODES, pins: PINS, tagstate: GOOD };
  const server = await stillTrain({ env: TINY, files });
  const { context } = server.app;
  const [four, five, six] = await Promise.all([asksFor(server, 4), asksFor(server, 5), asksFor(server, 6)]);
  await ask(server, 'old.example.org', { headers: { 'Tagwave-Running': five.digest } });
  await server.commit({ 'etc/release': 'the next day\n' });

  await passTo(server, nextDay('12:00'));
  await passTo(server, nextDay('13:00'));
  expect((await asksFor(server, 6)).digest).toBe(six.digest);
  const before = await everyAnswer(server);
  expect(await pruneTags(context)).toEqual([tagAt(4), tagAt(6)]);
  await dropContent(context);
  expect(await everyAnswer(server)).toEqual(before);
  expect(await hoursKept(server)).toEqual(['05', '07', '08', '09', '10', '12', '13']);
  expect([await contentOf(server, four.digest), await contentOf(server, six.digest)]).toEqual([404, 200]);
  expect((await asksFor(server, 6)).gets).toBe('unknown-tag');

  const commit = (await recordAt(server, 5))?.commit ?? '';
  const again = await snapshotByHand(context, {
    hour: context.shelf.current().tags[0]?.hour ?? 0,
    commit,
    actor: { by: 'test', from: null },
  });
  expect(again).toMatchObject({ kind: 'made', made: { outcome: 'exists' } });
  for (const hour of [4, 6]) {
    const order = { hour: Date.parse(at('00:00')) / 3_600_000 + hour, commit, actor: { by: 'test', from: null } };
    expect(await snapshotByHand(context, order)).toMatchObject({
      kind: 'failed',
      sentence: expect.stringContaining('a pruned name is never made again'),
    });
  }

  await passTo(server, nextDay('14:00').replace('-21T', '-22T'));
  await pruneTags(context);
  await dropContent(context);
  expect(await contentOf(server, six.digest)).toBe(404);
  expect((await hoursKept(server)).slice(0, 5)).toEqual(['05', '07', '08', '09', '10']);
  expect((await asksFor(server, 5)).digest).toBe(five.digest);
  expect(await contentOf(server, five.digest)).toBe(200);
  expect(await problems(server)).toEqual([]);
});

test('where the history of what nodes run was lost, nothing is pruned until it is a day old again', async () => {
  const server = await stillTrain({ env: TINY, files: { 'schedule.yml': SCHEDULE, 'nodes.yml': NODES } });
  const { context } = server.app;
  await passTo(server, nextDay('13:00'));
  const kept = await hoursKept(server);
  for (const end of ['', '-wal', '-shm']) await rm(join(server.base, 'var', `history.sqlite${end}`));
  await ask(server, HOSTS.dev);
  expect(await pruneTags(context)).toEqual([]);
  expect(await hoursKept(server)).toEqual(kept);
  await passTo(server, nextDay('14:00').replace('-21T', '-22T'));
  await ask(server, HOSTS.dev);
  expect(await pruneTags(context)).not.toEqual([]);
});

test('of tags with layers, the one stays whose view a stuck node still runs, and its content can be made again', async () => {
  const server = await stillTrain({ env: TINY, files: { 'schedule.yml': SCHEDULE, 'nodes.yml': NODES } });
  const { context } = server.app;
  await server.commit({
    'deploy.yml': 'layers: [common, "host/{hostname}"]\n',
    'common/etc/name.liquid': '{{ hostname }} 11\n',
    [`host/${HOSTS.dev}/etc/own`]: 'own\n',
  });
  await passTo(server, at('11:00'));
  const stuck = (await ask(server, HOSTS.dev)).digest;
  await server.commit({ 'common/etc/name.liquid': '{{ hostname }} 12\n' });
  await passTo(server, at('12:00'));
  const headers = { 'Tagwave-Running': stuck };
  expect((await ask(server, HOSTS.dev, { headers })).digest).not.toBe(stuck);
  await server.commit({ 'common/etc/name.liquid': '{{ hostname }} now\n' });
  await passTo(server, nextDay('16:00'));
  await passTo(server, nextDay('17:00'));
  await ask(server, HOSTS.dev, { headers });
  expect((await pruneTags(context)).map(short)).toEqual(['04', '05', '06', '07', '08', '09', '10', '12']);
  await dropContent(context);
  expect(await hoursKept(server)).toEqual(['11', '16', '17']);
  const again = await ask(server, HOSTS.dev, { path: `?tag=${tagAt(11)}`, headers });
  const archive = await fetch(`${server.url}/v1/views/${stuck}/archive?node=${HOSTS.dev}`);
  expect([again.digest, archive.status]).toEqual([stuck, 200]);
});
