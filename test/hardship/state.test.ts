import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { noDisks, type SmallDisk, smallDisk } from '../rig/small-disk.ts';
import { until } from '../rig/until.ts';
import { all, askAll, change, problem, problems } from '../stories/ask.ts';
import { at, HOSTS, type Train, tagAt } from '../stories/train.ts';
import { minute, passTo, recordAt, stillTrain } from './passing.ts';

/** What every wave has at 10:30 and until something changes. */
const AT_TEN = { dev: '10', qa: '09', stg: '08', east: '07', prod: '06' };

const stateDir = ({ base }: Train): string => join(base, 'var');
const ready = async ({ url }: Train): Promise<number> => (await fetch(`${url}/readyz`)).status;
const noProblems = (server: Train) =>
  until('an end of all problems', async () => ((await problems(server)).length === 0 ? true : undefined));

const PATIENT = { timeout: 10_000, interval: 20 };

/** What stops takes effect at once: a mark on the 10:00 tag, and the killswitch, which is then released. */
async function expectBrakesToWork(server: Train): Promise<void> {
  const marked = await change(server, `/v1/tags/${tagAt(10)}/mark`, { method: 'PUT', body: { state: 'bad' } });
  expect(marked).toBe(200);
  await expect.poll(() => askAll(server), PATIENT).toEqual({ ...AT_TEN, dev: '09' });
  expect(await change(server, '/v1/killswitch', { method: 'PUT', body: { message: 'stop' } })).toBe(200);
  expect(await askAll(server)).toEqual(all('killswitch'));
  await rm(join(server.base, 'killswitch'));
  expect(await askAll(server)).toEqual({ ...AT_TEN, dev: '09' });
}

describe('with history.sqlite', () => {
  test.each([
    ['deleted', ['']],
    ['and its log deleted', ['', '-wal', '-shm']],
  ])(
    '%s while the server runs, answers stay, brakes work, the hour is tagged, and history is written anew, which is told until somebody has seen it',
    async (_, ends) => {
      const server = await stillTrain();
      expect(await askAll(server)).toEqual(AT_TEN);
      for (const end of ends) await rm(join(stateDir(server), `history.sqlite${end}`));
      expect(await askAll(server)).toEqual(AT_TEN);
      await expectBrakesToWork(server);
      await passTo(server, at('11:00'));
      expect(await askAll(server)).toEqual({ dev: '11', qa: '09', stg: '09', east: '08', prod: '07' });
      expect(await ready(server)).toBe(200);
      expect(await problem(server, 'history:trouble')).toContain('events are missing');
      await rm(join(stateDir(server), 'audit-head'));
      await noProblems(server);
      const nodes = (await (await fetch(`${server.url}/v1/nodes`)).json()) as { nodes: { hostname: string }[] };
      expect(nodes.nodes.map(({ hostname }) => hostname)).toEqual(Object.values(HOSTS).sort());
    },
  );
});

/** Of which tags archives were made ahead depends on how quickly one tag was made after the other. */
async function forgetArchives(server: Train): Promise<void> {
  const views = join(stateDir(server), 'views');
  const made = (await readdir(views, { recursive: true })).filter((path) => /\/archive\.[a-z.]+$/.test(path));
  for (const path of made) await rm(join(views, path));
}

async function onSmallDisk(): Promise<{ server: Train; disk: SmallDisk }> {
  const first = await stillTrain();
  await first.stop();
  await forgetArchives(first);
  const disk = await smallDisk(4, stateDir(first));
  return { server: await first.restart(), disk };
}

describe.skipIf(noDisks !== '')(`with a state directory${noDisks}`, () => {
  test('on a full disk answers stay, brakes work, what cannot be done is told, and all is made good once there is room', async () => {
    const { server, disk } = await onSmallDisk();
    const archive = `${server.url}/v1/nodes/${HOSTS.prod}/archive`;
    expect((await fetch(archive)).status).toBe(200);
    await disk.fill();
    expect(await askAll(server)).toEqual(AT_TEN);
    await expectBrakesToWork(server);
    expect(await problem(server, 'state:unwritable')).toContain('no space left');
    expect(await problem(server, 'history:unwritable')).toContain('full');
    expect(await ready(server)).toBe(503);

    await server.commit({ 'etc/release': 'does not fit\n' });
    await passTo(server, at('11:00'));
    expect(await recordAt(server, 11)).toBeUndefined();
    expect(await problem(server, 'repository:fetch-failed')).toMatch(/no space left/i);
    expect(await problem(server, 'snapshot:no-tag')).toContain(tagAt(11));
    expect(await askAll(server)).toEqual({ dev: '09', qa: '09', stg: '09', east: '08', prod: '07' });
    const refused = await fetch(`${server.url}/v1/nodes/${HOSTS.prod}/archive`);
    expect([refused.status, await refused.json()]).toEqual([
      503,
      expect.objectContaining({ code: 'state-unavailable' }),
    ]);

    await disk.free();
    await minute(server);
    expect(await recordAt(server, 11)).toMatchObject({ origin: 'cron', stale: false });
    await noProblems(server);
    expect(await ready(server)).toBe(200);
    expect(await readFile(join(stateDir(server), 'marks-in-effect.json'), 'utf8')).toContain(tagAt(10));
    expect((await fetch(`${server.url}/v1/nodes/${HOSTS.prod}/archive`)).status).toBe(200);
    expect(await askAll(server)).toEqual({ dev: '11', qa: '09', stg: '09', east: '08', prod: '07' });
  });

  test('that became read-only answers stay and brakes work, also for a server that is started on it, and all is made good later', async () => {
    const { server: first, disk } = await onSmallDisk();
    await disk.setReadOnly();
    expect(await askAll(first)).toEqual(AT_TEN);
    await expectBrakesToWork(first);
    expect(await problem(first, 'state:unwritable')).toContain('read-only');

    const server = await first.restart();
    expect(await askAll(server)).toEqual({ ...AT_TEN, dev: '09' });
    await expectBrakesToWork(server);
    await passTo(server, at('11:00'));
    expect(await recordAt(server, 11)).toBeUndefined();
    expect(await problem(server, 'snapshot:no-tag')).toContain('read-only');
    expect(await problem(server, 'history:unwritable')).toContain('read-only');
    expect(await ready(server)).toBe(503);

    await disk.setWritable();
    await minute(server);
    expect(await recordAt(server, 11)).toMatchObject({ origin: 'cron', stale: false });
    await noProblems(server);
    expect(await ready(server)).toBe(200);
    expect(await askAll(server)).toEqual({ dev: '11', qa: '09', stg: '09', east: '08', prod: '07' });
  });

  test('and the base itself on a full disk, the killswitch stops all, and a mark that cannot be written is refused with the reason', async () => {
    const first = await stillTrain();
    await first.stop();
    const disk = await smallDisk(6, first.base);
    const server = await first.restart();
    await disk.fill();
    const put = { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: '{"state":"bad"}' };
    const refused = await fetch(`${server.url}/v1/tags/${tagAt(10)}/mark`, put);
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({
      title: expect.stringMatching(/tagstate could not be changed: .*no space/),
    });
    expect(await readdir(server.base)).not.toContain('tagstate');
    expect(await askAll(server)).toEqual(AT_TEN);
    expect(await change(server, '/v1/killswitch', { method: 'PUT', body: { message: 'stop' } })).toBe(200);
    expect(await askAll(server)).toEqual(all('killswitch'));
    await disk.free();
    await rm(join(server.base, 'killswitch'));
    await expectBrakesToWork(server);
  });
});
