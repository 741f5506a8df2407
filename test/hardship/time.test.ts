import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fetchSource } from '../../server/operations/fetch.ts';
import { until } from '../rig/until.ts';
import { all, ask, askAll, problem, problems } from '../stories/ask.ts';
import { at, HOSTS, type Train, tagAt } from '../stories/train.ts';
import { minute, passTo, recordAt, setClock, stillTrain } from './passing.ts';

/** What every wave has at 10:30 and until something changes. */
const AT_TEN = { dev: '10', qa: '09', stg: '08', east: '07', prod: '06' };

/** The server stops, time passes, and it is started again. */
async function downUntil(server: Train, instant: string): Promise<Train> {
  await server.stop();
  server.clock.advance(Date.parse(instant) - server.clock.now());
  return server.restart();
}

const madeBy = (server: Train, hour: number) => until(`the tag of ${hour}:00`, () => recordAt(server, hour));
const idOf = async (server: Train, hour: number) => (await recordAt(server, hour))?.commit;

describe('a server that was down', () => {
  test('over three hours takes for its late tag what it had fetched before, so that no soak is cut short, and loses no tag', async () => {
    const first = await stillTrain();
    await first.commit({ 'etc/release': 'committed while the server was down\n' });
    const server = await downUntil(first, at('13:14'));
    expect(await madeBy(server, 13)).toMatchObject({ origin: 'late', stale: true, commit: await idOf(server, 10) });
    expect(await problem(server, `tag:stale:${tagAt(13)}`)).toContain('10:00');
    expect(await askAll(server)).toEqual({ dev: '13', qa: '10', stg: '10', east: '10', prod: '09' });

    await passTo(server, at('14:00'));
    expect(await recordAt(server, 14)).toMatchObject({ origin: 'cron', stale: false });
    expect(await idOf(server, 14)).not.toBe(await idOf(server, 13));
    expect(await askAll(server)).toEqual({ dev: '14', qa: '13', stg: '10', east: '10', prod: '10' });
    expect(await problems(server)).toEqual([]);
  });

  test('over the hour alone makes it late from the tip fetched just before it, which is not stale, and leaves out what came after', async () => {
    const first = await stillTrain();
    first.clock.advance(Date.parse(at('10:58')) - first.clock.now());
    await first.commit({ 'etc/release': 'fetched before 11:00\n' });
    await fetchSource(first.app.context);
    const tip = first.app.context.shelf.current().trunk?.commit;
    await first.commit({ 'etc/release': 'not fetched before 11:00\n' });
    const server = await downUntil(first, at('11:20'));
    expect(await madeBy(server, 11)).toMatchObject({ origin: 'late', stale: false, commit: tip });
    await passTo(server, at('12:00'));
    expect(await recordAt(server, 12)).toMatchObject({ origin: 'cron', commits: 1 });
  });

  test('and is started within ten minutes of the hour fetches, and makes an ordinary tag', async () => {
    const first = await stillTrain();
    await first.commit({ 'etc/release': 'new\n' });
    const server = await downUntil(first, at('13:09'));
    expect(await madeBy(server, 13)).toMatchObject({ origin: 'cron', stale: false, commits: 1 });
  });

  test('and has lost its state directory makes a late tag of the tip as it is, as on its first start', async () => {
    const first = await stillTrain();
    await first.stop();
    await rm(join(first.base, 'var'), { recursive: true });
    const server = await downUntil(first, at('14:25'));
    const record = await madeBy(server, 14);
    expect(record).toMatchObject({ origin: 'late', stale: false, commits: null });
    expect(record.fetched).toMatch(/T14:25/);
    expect(await askAll(server)).toEqual({ ...all('hold no-tag-old-enough'), dev: '14' });
  });
});

describe('a clock that jumps', () => {
  test('ahead serves nothing early and makes no tag, and all goes on a minute after it was set right', async () => {
    const server = await stillTrain();
    await setClock(server, at('15:30'));
    expect(await problem(server, 'clock:jumped')).toContain('jumped 300 minutes ahead');
    expect(await askAll(server)).toEqual(AT_TEN);
    expect(await recordAt(server, 15)).toBeUndefined();

    await setClock(server, at('10:31'));
    expect(await askAll(server)).toEqual(AT_TEN);
    await minute(server);
    expect(await problems(server)).toEqual([]);
    await passTo(server, at('11:00'));
    expect(await askAll(server)).toEqual({ dev: '11', qa: '10', stg: '09', east: '08', prod: '07' });
  });

  test('goes on by the time that passes while it is doubted: what is due is served, and no tag is made', async () => {
    const server = await stillTrain();
    await setClock(server, at('23:30'));
    server.clock.advance(45_000);
    server.clock.jumpTo(Date.parse(at('04:30')));
    server.clock.advance(30 * 60_000);
    await setClock(server, at('23:00'));
    expect(await askAll(server)).toEqual({ dev: '10', qa: '10', stg: '09', east: '08', prod: '07' });
    expect(await recordAt(server, 11)).toBeUndefined();
    expect(await problem(server, 'clock:jumped')).toContain('decisions go on with 2026-11-20T11:0');
  });

  test('ahead and stays there for a minute is believed; the tag made then is kept when the clock is set back, is not served before its hour, and is that hour’s tag', async () => {
    const server = await stillTrain();
    await server.commit({ 'etc/release': 'committed at 10:30\n' });
    await setClock(server, at('12:05'));
    await minute(server);
    expect(await idOf(server, 12)).toBeDefined();
    const early = await recordAt(server, 12);
    expect(await problems(server)).toEqual([]);

    await setClock(server, at('10:33'));
    await minute(server);
    expect(await problem(server, `tag:ahead:${tagAt(12)}`)).toContain('not served before its hour');
    expect(await askAll(server)).toEqual(AT_TEN);
    const asked = await ask(server, HOSTS.dev, { path: `?tag=${tagAt(12)}` });
    expect([asked.status, asked.gets]).toEqual([404, 'unknown-tag']);

    await passTo(server, at('11:00'));
    expect(await askAll(server)).toEqual({ dev: '11', qa: '10', stg: '09', east: '08', prod: '07' });
    await passTo(server, at('12:00'));
    expect(await recordAt(server, 12)).toEqual({ ...early, ahead: false, nodes: expect.any(Number) });
    expect(await askAll(server)).toEqual({ dev: '12', qa: '11', stg: '10', east: '09', prod: '08' });
    expect(await problems(server)).toEqual([]);
  });

  test('back serves what it did and loses nothing; believed there, hosts keep what they have until it is right again', async () => {
    const server = await stillTrain();
    await setClock(server, at('05:30'));
    expect(await problem(server, 'clock:jumped')).toContain('minutes back');
    expect(await askAll(server)).toEqual(AT_TEN);
    await minute(server);
    expect(await askAll(server)).toEqual({ ...all('hold no-tag-old-enough'), dev: '05', qa: '04' });
    expect((await problems(server)).filter(({ id }) => id.startsWith('tag:ahead:'))).toHaveLength(5);
    await setClock(server, at('10:33'));
    await minute(server);
    expect(await askAll(server)).toEqual(AT_TEN);
    expect(await problems(server)).toEqual([]);
  });
});
