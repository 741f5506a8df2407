import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type Cell,
  type Forecast,
  forecastSchema,
  type MapWave,
  mapSchema,
  type TrainMap,
} from '../../protocol/api/train.ts';
import { fetchSource } from '../../server/operations/fetch.ts';
import { writeSettled } from '../rig/server.ts';
import { type Serving, serving, sharedServing } from './serving.ts';

const FILES = { 'nodes.yml': 'dev*.example.com: [dev]\nqa*.example.com: [qa]\n' };
const tag = (hour: string) => `etchautotag-20261120-${hour}00`;
const HOUR_MS = 3_600_000;

async function mapOf(server: Serving, query = ''): Promise<TrainMap> {
  const answer = await server.ask(`/v1/map${query}`);
  expect(answer.status).toBe(200);
  return mapSchema.strict().parse(answer.json());
}

async function forecastOf(server: Serving, query = ''): Promise<Forecast> {
  return forecastSchema.strict().parse((await server.ask(`/v1/forecast${query}`)).json());
}

function waveOf(map: TrainMap, environment: string): MapWave {
  const wave = map.waves.find((one) => one.environment === environment);
  if (wave === undefined) throw new Error(`there is no ${environment} on the map`);
  return wave;
}

function cells(wave: { readonly cells: readonly Cell[] }): Record<string, Omit<Cell, 'at'>> {
  return Object.fromEntries(wave.cells.map(({ at, ...rest }) => [at, rest]));
}

/** A node asks, and says what it runs: what it was told before, or nothing. */
async function poll(server: Serving, host: string, running?: string): Promise<string> {
  const headers = running === undefined ? {} : { 'Tagwave-Running': running };
  const answer = await server.ask(`/v1/nodes/${host}`, { headers });
  return String(answer.headers['tagwave-digest'] ?? '');
}

let reports = 0;

async function report(server: Serving, host: string, said: object): Promise<void> {
  reports += 1;
  const json = {
    runId: `run-${String(reports).padStart(8, '0')}`,
    tag: null,
    digest: null,
    startedAt: '2026-11-20T11:00:00Z',
    durationMs: 1,
    changed: 1,
    ...said,
  };
  expect((await server.ask(`/v1/nodes/${host}/reports`, { method: 'POST', json })).status).toBeLessThan(300);
}

async function later(server: Serving, hours: number): Promise<void> {
  server.clock.advance(hours * HOUR_MS);
  server.app.context.time.check();
  server.app.context.desk.lookAgain();
}

describe('the map as it is now', () => {
  const server = sharedServing({ files: FILES });

  test('names the tags of the hours shown, oldest first, with who changed what', async () => {
    const { tags, tense, hours, at } = await mapOf(server());
    expect({ tense, hours, at }).toEqual({ tense: 'now', hours: 72, at: expect.stringMatching(/^2026-11-20T11:2/) });
    expect(tags.map(({ name }) => name)).toEqual(['06', '07', '08', '09', '10', '11'].map(tag));
    expect(tags.at(-1)).toMatchObject({ hour: '2026-11-20T11:00:00.000Z', ahead: false, marks: {}, broken: null });
  });

  test('shows fewer hours where asked, and still the older tags that a wave gets', async () => {
    const { tags } = await mapOf(server(), '?hours=2&ahead=0');
    expect(tags.map(({ name }) => name)).toEqual(['07', '09', '10', '11'].map(tag));
  });

  test('says where each wave is and which way it will go', async () => {
    const { waves } = await mapOf(server(), '?ahead=2');
    expect(waves.map(({ environment, hours, answer }) => [environment, hours, answer])).toEqual([
      ['development', 0, tag('11')],
      ['qa', 1, tag('10')],
      ['staging', 2, tag('09')],
      ['production', 4, tag('07')],
    ]);
    expect(waves[3]?.path.map(({ at, answer }) => [at, answer])).toEqual([
      ['2026-11-20T12:00:00.000Z', tag('08')],
      ['2026-11-20T13:00:00.000Z', tag('09')],
    ]);
  });

  test('what cannot be is refused in words', async () => {
    for (const query of ['?hours=0', '?hours=721', '?hours=x', '?ahead=73', '?at=yesterday', '?hours=1&hours=2'])
      expect((await server().ask(`/v1/map${query}`)).status, query).toBe(400);
  });

  test('an instant that is not past is now', async () => {
    expect((await mapOf(server(), '?at=2027-01-01T00:00Z')).tense).toBe('now');
  });
});

test('nodes stand with what they were told, what they run, and what went wrong', async () => {
  const server = await serving({ files: FILES });
  const digest = await poll(server, 'web1.example.com');
  await poll(server, 'web1.example.com', digest);
  await poll(server, 'web2.example.com');
  await poll(server, 'web3.example.com');
  await report(server, 'web3.example.com', { tag: tag('07'), digest, outcome: 'failed', error: 'disk full' });
  await report(server, 'web2.example.com', {
    tag: tag('07'),
    digest,
    outcome: 'applied',
    drifted: { count: 1, paths: ['etc/motd'] },
  });
  const production = waveOf(await mapOf(server), 'production');
  expect(production).toMatchObject({ nodes: 3, failing: 1, held: 0, silent: 0, drifted: 1 });
  expect(cells(production)).toEqual({
    [tag('07')]: { told: 3, running: 2, failing: 1 },
    unknown: { told: 0, running: 1, failing: 0 },
  });
  await later(server, 0.9 * 24);
  expect(waveOf(await mapOf(server), 'production').silent).toBe(3);
});

test('marks change what is shown at once, and show on their tags', async () => {
  const server = await serving({ files: FILES });
  await poll(server, 'web1.example.com');
  const json = { state: 'bad', reason: 'broke ntp' };
  expect((await server.ask(`/v1/tags/${tag('07')}/mark`, { method: 'PUT', json })).status).toBe(200);
  const map = await mapOf(server);
  expect(waveOf(map, 'production').answer).toBe(tag('06'));
  const marked = map.tags.find(({ name }) => name === tag('07'));
  expect(Object.keys(marked?.marks ?? {})).toEqual(['development', 'qa', 'staging', 'production']);
  expect(marked?.marks['production']).toEqual({ state: 'bad', reason: 'broke ntp', source: 'tagstate', line: 1 });
});

test('how much changed is counted from tag to tag, and nothing where nothing was committed', async () => {
  const server = await serving();
  await server.source.commit({ 'etc/motd': 'one\ntwo\nthree\n', 'etc/new': 'line\n' }, '2026-11-20T11:40:00Z');
  await fetchSource(server.app.context);
  await later(server, 1);
  expect((await server.ask('/v1/snapshots', { method: 'POST', json: {} })).status).toBeLessThan(300);
  await later(server, 1);
  await server.ask('/v1/snapshots', { method: 'POST', json: {} });
  const { tags } = await mapOf(server);
  const [changed, same] = ['12', '13'].map((hour) => tags.find(({ name }) => name === tag(hour)));
  expect(changed).toMatchObject({ isNew: true, commits: 1, size: { files: 2 } });
  expect(same).toMatchObject({ isNew: false, size: null });
});

test('the killswitch is shown with who has been told of it, and for how long it has stood', async () => {
  const server = await serving({ files: FILES });
  await poll(server, 'web1.example.com');
  await poll(server, 'dev1.example.com');
  await server.ask('/v1/killswitch', { method: 'PUT', json: { message: 'stop' } });
  server.clock.advance(38_000);
  await poll(server, 'web1.example.com');
  const map = await mapOf(server);
  expect(map.killswitch).toMatchObject([
    { environment: null, stopsAll: true, message: 'stop', nodes: 2, told: 1, silent: ['dev1.example.com'] },
  ]);
  const [stop] = map.killswitch;
  expect(stop?.by).not.toBeNull();
  expect(stop?.slowestSeconds).toBeCloseTo(38, 0);
  expect(waveOf(map, 'production')).toMatchObject({ answer: 'killswitch' });
  expect(cells(waveOf(map, 'production'))['killswitch']).toMatchObject({ told: 1 });
  const { since = null } = stop ?? {};
  await server.ask(`/v1/killswitch?version=${stop?.version}`, { method: 'DELETE', json: {} });
  server.clock.advance(60_000);
  expect((await mapOf(server)).killswitch).toEqual([]);
  const then = await mapOf(server, `?at=${since}`);
  expect(then.killswitch).toMatchObject([{ environment: null, message: 'stop', nodes: 2, told: 0, since }]);
});

test('in the past, all is as it was then, though marks, schedule, nodes and tags have changed since', async () => {
  const server = await serving({ files: FILES });
  await poll(server, 'web1.example.com');
  await poll(server, 'qa1.example.com');
  const before = await mapOf(server);
  const then = new Date(server.clock.now() + 1_000).toISOString();
  await later(server, 0.01);
  const json = { state: 'bad', reason: 'broke ntp' };
  await server.ask(`/v1/tags/${tag('07')}/mark`, { method: 'PUT', json });
  await writeSettled(
    join(server.base, 'schedule.yml'),
    'waves:\n  - {environment: production, default: true, hours: 1}\n',
  );
  await later(server, 2);
  await poll(server, 'web1.example.com');
  await poll(server, 'web9.example.com');
  const now = await mapOf(server);
  expect(now.waves).toHaveLength(1);
  expect(now.elsewhere.map(({ wave, nodes }) => [wave, nodes])).toEqual([['qa+1h', 1]]);
  const past = await mapOf(server, `?at=${encodeURIComponent(then)}&ahead=6`);
  expect(past).toMatchObject({ tense: 'past', at: then, since: expect.any(String) });
  expect(past.waves.map(({ path: _, ...wave }) => ({ ...wave }))).toEqual(
    before.waves.map(({ path: _, ...wave }) => ({ ...wave })),
  );
  expect(past.waves.every(({ path }) => path.length === 0)).toBe(true);
  expect(past.tags.every(({ marks }) => Object.keys(marks).length === 0)).toBe(true);
  expect(past.notes.join()).toContain('as they were');
});

test('before anything was recorded nothing is known, which is said', async () => {
  const server = await serving();
  const answer = await server.ask('/v1/map?at=2020-01-01T00:00Z');
  expect(answer.status).toBe(404);
  expect(answer.json()).toMatchObject({ code: 'not-found', title: expect.stringContaining('nothing is known') });
});

test('where the history cannot be read, the present is shown all the same', async () => {
  const server = await serving({ files: FILES });
  await poll(server, 'web1.example.com');
  await server.app.context.store.close();
  expect(waveOf(await mapOf(server), 'production')).toMatchObject({ nodes: 1, answer: tag('07') });
  expect((await server.ask('/v1/map?at=2026-11-20T11:20:00Z')).status).toBe(503);
  await rm(join(server.base, 'nodes.yml'));
});

describe('the forecast', () => {
  const server = sharedServing({ files: { ...FILES, tagstate: `${tag('09')} bad broke ntp\n${tag('10')} badfwd\n` } });

  test('tells each wave now and at each of the next full hours, and what it takes for granted', async () => {
    const { waves, notes, hours } = await forecastOf(server(), '?hours=4');
    expect(hours).toBe(4);
    const production = waves.at(-1);
    expect(production?.steps.map((step) => [step.at.slice(11, 16), step.answer])).toEqual([
      [expect.stringMatching(/^11:2/), tag('07')],
      ['12:00', tag('08')],
      ['13:00', tag('08')],
      ['14:00', tag('11')],
      ['15:00', tag('11')],
    ]);
    expect(production?.steps[2]?.reasons.join()).toContain('broke ntp');
    expect(notes.join()).toContain('one unmarked tag an hour');
  });

  test('is the same as what a node is explained for that time', async () => {
    const { waves } = await forecastOf(server());
    const production = waves.at(-1);
    for (const step of production?.steps.slice(1) ?? []) {
      const explained = (await server().ask(`/v1/nodes/web1.example.com/explain?at=${step.at}`)).json();
      expect(explained['decision']).toMatchObject({ tag: step.answer, reasons: step.reasons });
    }
  });

  test('reaches as far as is asked for, within reason', async () => {
    expect((await forecastOf(server(), '?hours=0')).waves[0]?.steps).toHaveLength(1);
    expect((await server().ask('/v1/forecast?hours=337')).status).toBe(400);
  });
});
