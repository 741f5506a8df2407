import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { StoredEvent } from '../../server/core/event.ts';
import { testServer } from '../rig/server.ts';
import { until } from '../rig/until.ts';
import { ask, problem, problems } from './ask.ts';
import { say } from './reports.ts';
import { BASE, SCHEDULE, short, type Train, tagAt, train } from './train.ts';

/** Of 09:00, which QA has at 10:30. */
const NINE = tagAt(9);
const QA = ['qa1', 'qa2', 'qa3', 'qa4', 'qa5'].map((name) => `${name}.example.org`);
const LINE = `${NINE} bad  # auto: 3 of 5 in qa rolled back`;

/** QA has five hosts that have asked; nothing is marked. */
async function qa(haltAfter: string, files: Readonly<Record<string, string>> = {}): Promise<Train> {
  const schedule = SCHEDULE.replace('[qa], hours: 1', `[qa], hours: 1, halt_after: ${haltAfter}`);
  const server = await train({ files: { ...BASE, 'schedule.yml': schedule, ...files } });
  for (const host of QA) expect((await ask(server, host)).gets).toBe('09');
  return server;
}

function tagstate({ base }: { readonly base: string }): string {
  const file = join(base, 'tagstate');
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

async function fail(server: { readonly url: string }, hosts: readonly string[], outcome: 'failed' | 'rolled-back') {
  for (const host of hosts) expect(await say(server, host, { outcome, tag: NINE })).toBe(201);
}

async function events({ url }: { readonly url: string }, kind: string): Promise<readonly StoredEvent[]> {
  const answer = await fetch(`${url}/v1/events?kinds=${kind}`);
  return ((await answer.json()) as { readonly events: readonly StoredEvent[] }).events;
}

describe('halt_after', () => {
  test('marks a tag bad when so many nodes of the wave have rolled it back: with the last report the wave has the tag before', async () => {
    const server = await qa('{failed: 3}');
    await fail(server, QA.slice(0, 2), 'rolled-back');
    expect(tagstate(server)).toBe('');
    await fail(server, QA.slice(2, 3), 'rolled-back');
    expect(tagstate(server)).toBe(`${LINE}\n`);
    expect((await ask(server, QA[4] ?? '')).gets).toBe('08');
    await fail(server, QA.slice(3, 4), 'failed');
    expect(tagstate(server)).toBe(`${LINE}\n`);
  });

  test('says so in one event by the server that names the hosts, and in a problem with what to do', async () => {
    const server = await qa('{failed: 3}');
    await fail(server, QA.slice(0, 3), 'rolled-back');
    expect(await problem(server, `halt:${NINE}`)).toBe(
      `${NINE} was marked bad by the server itself (tagstate line 1), because 3 of 5 in qa rolled back; no host gets it any more`,
    );
    const hint = (await problems(server)).find(({ id }) => id === `halt:${NINE}`)?.hint;
    expect(hint).toContain(`"tagwave-server mark ${NINE} none"`);
    const [said, ...others] = await until('the event', async () => {
      const found = await events(server, 'mark');
      return found.length > 0 ? found : undefined;
    });
    expect(others).toEqual([]);
    expect(said).toMatchObject({
      by: 'server',
      from: null,
      subject: 'tagstate',
      after: expect.stringContaining(`${NINE} bad`),
      why: '3 of 5 in qa rolled back (qa1.example.org, qa2.example.org, qa3.example.org)',
      summary: 'tagstate was created (1 line)',
    });
  });

  test.each([
    ['failed', 'failed', '3 of 5 in qa failed'],
    ['failed', 'rolled-back', '3 of 5 in qa failed or rolled back'],
  ] as const)('words the mark by what happened: %s and %s', async (one, other, what) => {
    const server = await qa('{failed: 3}');
    await fail(server, QA.slice(0, 2), one);
    await fail(server, QA.slice(2, 3), other);
    expect(tagstate(server)).toBe(`${NINE} bad  # auto: ${what}\n`);
  });

  test('with a share alone counts it of the wave’s known nodes; with both, both must hold', async () => {
    const share = await qa('{percent: 40}');
    await fail(share, QA.slice(0, 1), 'failed');
    expect(tagstate(share)).toBe('');
    await fail(share, QA.slice(1, 2), 'failed');
    expect(tagstate(share)).toBe(`${NINE} bad  # auto: 2 of 5 in qa failed\n`);

    const both = await qa('{failed: 2, percent: 60}');
    await fail(both, QA.slice(0, 2), 'failed');
    expect(tagstate(both)).toBe('');
    await fail(both, QA.slice(2, 3), 'failed');
    expect(tagstate(both)).toBe(`${NINE} bad  # auto: 3 of 5 in qa failed\n`);
  });

  test('is opt-in: without it nothing is marked, whatever is reported', async () => {
    const server = await train();
    for (const host of QA) await say(server, host, { outcome: 'rolled-back' });
    expect(tagstate(server)).toBe('');
  });

  test('names the wave where several share an environment', async () => {
    const schedule = SCHEDULE.replace('hours: 3', 'hours: 3, halt_after: {failed: 1}');
    const server = await train({ files: { ...BASE, 'schedule.yml': schedule } });
    await say(server, 'east1.example.org', { outcome: 'failed' });
    expect(tagstate(server)).toBe(`${tagAt(7)} bad  # auto: 1 of 1 in production+3h failed\n`);
  });
});

describe('what counts', () => {
  test('is each node once, however often it fails and by whatever run', async () => {
    const server = await qa('{failed: 2}');
    for (let round = 0; round < 3; round++) await fail(server, QA.slice(0, 1), 'failed');
    await fail(server, QA.slice(0, 1), 'rolled-back');
    expect(tagstate(server)).toBe('');
  });

  test('is no node that has applied the tag after all', async () => {
    const server = await qa('{failed: 2}');
    await fail(server, QA.slice(0, 1), 'failed');
    await say(server, QA[0] ?? '', { outcome: 'applied', tag: NINE });
    await fail(server, QA.slice(1, 2), 'failed');
    expect(tagstate(server)).toBe('');
    await fail(server, QA.slice(0, 1), 'failed');
    expect(tagstate(server)).toContain(`${NINE} bad`);
  });

  test('is no other outcome', async () => {
    const server = await qa('{failed: 1}');
    for (const outcome of ['refused', 'disabled', 'unchanged', 'applied'] as const)
      await say(server, QA[0] ?? '', { outcome, tag: NINE });
    expect(tagstate(server)).toBe('');
  });

  test('is no tag but the one that the host was told: none of its own choice, of another wave, or that does not exist', async () => {
    const server = await qa('{failed: 1}');
    const [host = ''] = QA;
    await ask(server, host, { path: `?tag=${tagAt(6)}` });
    for (const tag of [tagAt(6), tagAt(10), tagAt(8), tagAt(23), 'trunk', null])
      expect(await say(server, host, { outcome: 'failed', tag })).toBe(201);
    expect(await say(server, 'qa-never-asked.example.org', { outcome: 'failed', tag: NINE })).toBe(201);
    expect(tagstate(server)).toBe('');
  });

  test('is no host that is pinned, and none that has trunk', async () => {
    const pins = `qa1.example.org ${NINE}\nqa2.example.org trunk\n`;
    const schedule = SCHEDULE.replace('[qa], hours: 1', '[qa], hours: 1, halt_after: {failed: 1}');
    const server = await train({ files: { ...BASE, 'schedule.yml': schedule, pins } });
    await say(server, QA[0] ?? '', { outcome: 'failed' });
    await say(server, QA[1] ?? '', { outcome: 'failed' });
    expect(tagstate(server)).toBe('');
    await say(server, QA[2] ?? '', { outcome: 'failed' });
    expect(tagstate(server)).toBe(`${NINE} bad  # auto: 1 of 3 in qa failed\n`);
  });

  test('is no host that runs the tag already: what fails there later, a server that was down for one, is not the tag’s doing', async () => {
    const server = await qa('{failed: 1}');
    const [host = ''] = QA;
    const { digest } = await ask(server, host);
    await ask(server, host, { headers: { 'Tagwave-Running': digest } });
    await fail(server, [host], 'failed');
    expect(tagstate(server)).toBe('');
    await fail(server, QA.slice(1, 2), 'failed');
    expect(tagstate(server)).toContain('1 of 5 in qa failed');
  });

  test('was counted before halt_after was written, and before a restart', async () => {
    const server = await train();
    for (const host of QA) await ask(server, host);
    await fail(server, QA.slice(0, 2), 'rolled-back');
    writeFileSync(
      join(server.base, 'schedule.yml'),
      SCHEDULE.replace('[qa], hours: 1', '[qa], hours: 1, halt_after: {failed: 3, percent: 20}'),
    );
    server.settle();
    const again = await server.restart();
    await fail(again, QA.slice(2, 3), 'rolled-back');
    expect(tagstate(again)).toBe(`${LINE}\n`);
  });
});

describe('whoever has written about the tag', () => {
  test.each([`${NINE} good tested by hand\n`, `${NINE} bad:development\n`, `tags/${NINE} badd:production # later\n`])(
    'is not overruled: %j stays as it is',
    async (text) => {
      const server = await qa('{failed: 1}');
      writeFileSync(join(server.base, 'tagstate'), text);
      server.settle();
      await fail(server, QA.slice(0, 3), 'failed');
      expect(tagstate(server)).toBe(text);
      expect((await problems(server)).filter(({ id }) => id.startsWith('halt'))).toEqual([]);
    },
  );

  test('keeps every other line, byte for byte', async () => {
    const before = `# marks\r\n${tagAt(4)} good\r\n`;
    const server = await qa('{failed: 3}', { tagstate: before });
    await fail(server, QA.slice(0, 3), 'rolled-back');
    expect(tagstate(server)).toBe(`${before}${LINE}\r\n`);
  });

  test.each<[string, string]>([
    ['takes the server’s line away', '# none\n'],
    ['changes it', `${NINE} good fine after all\n`],
  ])('%s and is not overruled, be it after a restart; the problem is gone', async (_, text) => {
    const server = await qa('{failed: 3}');
    await fail(server, QA.slice(0, 3), 'rolled-back');
    await problem(server, `halt:${NINE}`);
    writeFileSync(join(server.base, 'tagstate'), text);
    server.settle();
    expect((await ask(server, QA[4] ?? '')).gets).toBe('09');
    await until('the problem to go', async () => (await problems(server)).every(({ id }) => id !== `halt:${NINE}`));
    await fail(server, QA.slice(3), 'rolled-back');
    const again = await server.restart();
    expect(short((await ask(again, QA[0] ?? '')).tag)).toBe('09');
    await fail(again, QA.slice(0, 1), 'failed');
    expect(tagstate(again)).toBe(text);
  });

  test('is believed also where the server was stopped before it could remember its line', async () => {
    const server = await qa('{failed: 1}');
    writeFileSync(join(server.base, 'tagstate'), `${LINE}\n`);
    server.settle();
    await problem(server, `halt:${NINE}`);
    writeFileSync(join(server.base, 'tagstate'), '# none\n');
    server.settle();
    await fail(server, QA.slice(0, 3), 'failed');
    expect(tagstate(server)).toBe('# none\n');
  });
});

test('reports that come all at once, to two servers of one base, make one line', async () => {
  const server = await qa('{failed: 1}');
  const other = await testServer({ base: server.base, now: '2026-11-20T10:30:00Z' });
  const hosts = Array.from({ length: 12 }, (_, index) => `qa${index}.example.org`);
  for (const host of hosts) for (const one of [server, other]) await ask(one, host);
  const said = hosts.flatMap((host) => [server, other].map((one) => say(one, host, { outcome: 'failed', tag: NINE })));
  expect(new Set(await Promise.all(said))).toEqual(new Set([201]));
  expect(tagstate(server).trim().split('\n')).toEqual([
    expect.stringMatching(new RegExp(`^${NINE} bad {2}# auto: \\d+ of 1[23] in qa failed$`)),
  ]);
  const remembered = readFileSync(join(server.base, 'var/halted-tags'), 'utf8');
  expect(remembered.split('\n').filter((line) => line.startsWith(NINE)).length).toBeGreaterThan(0);
});

test('a tagstate that cannot be written is a problem, and the next failure tries again', async () => {
  const server = await qa('{failed: 2}');
  mkdirSync(join(server.base, 'tagstate'));
  await fail(server, QA.slice(0, 2), 'failed');
  expect(await problem(server, `halt-failed:${NINE}`)).toMatch(
    /should be marked bad and is not: 2 of 5 in qa failed, and .+tagstate could not be changed/,
  );
  rmdirSync(join(server.base, 'tagstate'));
  await fail(server, QA.slice(2, 3), 'failed');
  expect(tagstate(server)).toBe(`${NINE} bad  # auto: 3 of 5 in qa failed\n`);
  await problem(server, `halt:${NINE}`);
  expect((await problems(server)).filter(({ id }) => id.startsWith('halt-failed'))).toEqual([]);
});

test('where it cannot be known what was marked before, nothing is marked over a person’s head, and that is a problem', async () => {
  const server = await qa('{failed: 2}');
  const remembered = join(server.base, 'var/halted-tags');
  mkdirSync(remembered);
  await fail(server, QA.slice(0, 2), 'failed');
  expect(await problem(server, `halt-failed:${NINE}`)).toContain('may have to be marked bad by what hosts report');
  expect(tagstate(server)).toBe('');
  rmdirSync(remembered);
  await fail(server, QA.slice(2, 3), 'failed');
  expect(tagstate(server)).toBe(`${NINE} bad  # auto: 3 of 5 in qa failed\n`);
  expect((await problems(server)).filter(({ id }) => id.startsWith('halt-failed'))).toEqual([]);
});
