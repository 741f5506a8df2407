import { writeFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from '../rig/until.ts';
import { type Answer, type Serving, serving, sharedServing } from './serving.ts';

const WEB = '/v1/nodes/web1.example.com';
const TAG = 'etchautotag-20261120-0700';
const BY = { by: 'HTTP', from: '127.0.0.1' };
const FILES = {
  'nodes.yml': 'dev*.example.com: [dev]\n',
  tagstate: '# kept\netchautotag-20261120-0600 good checked by hand\n',
};

function put(server: Serving, path: string, json: unknown = {}): Promise<Answer> {
  return server.ask(path, { method: 'PUT', json });
}

function remove(server: Serving, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return server.ask(path, { method: 'DELETE', json: {}, headers });
}

function post(server: Serving, path: string, json: unknown = {}): Promise<Answer> {
  return server.ask(path, { method: 'POST', json });
}

async function tagOf(server: Serving, path = WEB): Promise<string> {
  const answer = await server.ask(path);
  return String(answer.headers['tagwave-tag'] ?? answer.json()['hold'] ?? answer.json()['code']);
}

describe('what is shown', () => {
  const server = sharedServing({ files: FILES });

  test('status tells what every wave gets, the nodes, the tags and the problems', async () => {
    await server().ask(WEB);
    const status = await server().ask('/v1/status');
    expect(status.headers['cache-control']).toBe('no-store');
    expect(status.json()).toMatchObject({
      killswitch: [],
      waves: [
        { environment: 'development', hours: 0, answer: 'etchautotag-20261120-1100' },
        { environment: 'qa' },
        { environment: 'staging' },
        { environment: 'production', hours: 4, answer: TAG, nodes: 1, told: { [TAG]: 1 } },
      ],
      tags: { newest: 'etchautotag-20261120-1100', oldest: 'etchautotag-20261120-0600' },
      nodes: { known: 1, silent: [] },
      problems: [],
    });
  });

  test('nodes are listed whole, or a page at a time with the name to go on after', async () => {
    await server().ask(WEB);
    const all = (await server().ask('/v1/nodes')).json();
    expect(all).toMatchObject({ nodes: [{ polls: expect.any(Number) }], next: null });
    const [{ hostname }] = all['nodes'] as [{ hostname: string }];
    expect((await server().ask('/v1/nodes?limit=1')).json()).toEqual({ nodes: all['nodes'], next: hostname });
    expect((await server().ask(`/v1/nodes?limit=1&after=${hostname}`)).json()).toEqual({ nodes: [], next: null });
    for (const query of ['limit=0', 'limit=x', 'after=no%20host', 'page=2'])
      expect((await server().ask(`/v1/nodes?${query}`)).status).toBe(400);
  });

  test('tags are listed newest first with their marks and how many nodes have them', async () => {
    await server().ask(WEB);
    const tags = (await server().ask('/v1/tags')).json()['tags'];
    expect(tags).toHaveLength(6);
    expect(tags).toMatchObject([{ name: 'etchautotag-20261120-1100' }, {}, {}, {}, { name: TAG, nodes: 1 }, {}]);
    const one = (await server().ask('/v1/tags/etchautotag-20261120-0600')).json();
    expect(one).toMatchObject({
      origin: 'backfill',
      marks: { production: { state: 'good', reason: 'checked by hand', line: 2 } },
    });
  });

  test('a node is explained now, in the past and in the future', async () => {
    const explain = async (at?: string) =>
      (await server().ask(`${WEB}/explain${at === undefined ? '' : `?at=${at}`}`)).json();
    expect(await explain()).toMatchObject({
      tense: 'now',
      environment: 'production',
      decision: { outcome: 'serve', tag: TAG },
    });
    const future = await explain('2026-11-20T15:30Z');
    expect(future).toMatchObject({ tense: 'future', decision: { tag: 'etchautotag-20261120-1100' } });
    const before = await server().ask(`${WEB}/explain?at=2026-11-19T00:00Z`);
    expect([before.status, before.json()['code']]).toEqual([404, 'not-found']);
    expect(before.json()['title']).toContain('history');
  });

  test('a preview tells what proposed changes would move, and makes none of them', async () => {
    await server().ask(WEB);
    const effect = await post(server(), '/v1/preview', {
      marks: [{ tag: TAG, state: 'bad' }],
      pins: [{ host: 'dev1.example.com', pin: { tag: 'trunk', until: '2026-11-21T00:00Z' } }],
    });
    expect(effect.status).toBe(200);
    expect(effect.json()).toMatchObject({
      moves: [
        {
          wave: 'production+4h',
          from: TAG,
          to: 'etchautotag-20261120-0600',
          direction: 'back',
          nodes: ['web1.example.com'],
        },
      ],
    });
    const stop = await post(server(), '/v1/preview', { killswitch: [{ environment: null, on: true }] });
    expect(stop.json()).toMatchObject({ moves: [{ to: 'killswitch', direction: 'stops' }] });
    expect(await tagOf(server())).toBe(TAG);
    for (const wrong of [
      { marks: [{ tag: 'x', state: 'bad' }] },
      { marks: [{ tag: TAG, state: 'ugly' }] },
      { pins: [{ host: 'a b', pin: null }] },
      { what: true },
    ]) {
      const refused = await post(server(), '/v1/preview', wrong);
      expect([wrong, refused.status, refused.json()['code']]).toEqual([wrong, 400, 'bad-request']);
    }
    for (const stranger of [
      { killswitch: [{ environment: 'prod', on: true }] },
      { marks: [{ tag: TAG, state: 'bad', environments: ['prod'] }] },
    ]) {
      const refused = await post(server(), '/v1/preview', stranger);
      expect([refused.status, refused.json()['code']]).toEqual([400, 'bad-environment']);
    }
  });

  test('events are filtered and paged: newest first, or onwards from one', async () => {
    const newest = (await server().ask('/v1/events?kinds=tag-created&limit=2')).json()['events'];
    expect(newest).toMatchObject([{ subject: 'etchautotag-20261120-1100' }, { subject: 'etchautotag-20261120-1000' }]);
    const ids = (newest as { id: number }[]).map(({ id }) => id);
    const after = (await server().ask(`/v1/events?kinds=tag-created&after=${ids[1]}`)).json()['events'];
    expect(after).toMatchObject([
      { subject: 'etchautotag-20261120-1100', at: expect.stringMatching(/^2026-11-20T11:15/) },
    ]);
    const subject = (await server().ask(`/v1/events?subject=${TAG}`)).json()['events'];
    expect(subject).toMatchObject([{ kind: 'tag-created', subject: TAG }]);
    expect((await server().ask('/v1/events?since=2027-01-01T00:00Z')).json()).toEqual({ events: [] });
    const [{ at }] = newest as [{ at: string }];
    const back = (await server().ask(`/v1/events?kinds=tag-created&limit=1&until=${at}`)).json()['events'];
    expect(back).toMatchObject([{ subject: 'etchautotag-20261120-1100' }]);
    expect((await server().ask('/v1/events?until=2026-01-01T00:00Z')).json()).toEqual({ events: [] });
  });
});

describe('a mark', () => {
  test('that stops a tag counts for the next poll; it edits the file and names who made it', async () => {
    const server = await serving({ files: FILES });
    expect(await tagOf(server)).toBe(TAG);
    const marked = await put(server, `/v1/tags/${TAG}/mark`, { state: 'bad', reason: 'broke ntp' });
    expect([marked.status, marked.json()]).toEqual([200, { tag: TAG, state: 'bad', changed: true }]);
    await until('the mark to count', async () =>
      (await tagOf(server)) === 'etchautotag-20261120-0600' ? true : undefined,
    );
    expect(await readFile(join(server.base, 'tagstate'), 'utf8')).toBe(`${FILES.tagstate}${TAG} bad broke ntp\n`);
    expect((await put(server, `/v1/tags/${TAG}/mark`, { state: 'bad', reason: 'broke ntp' })).json()['changed']).toBe(
      false,
    );
    const events = (await server.ask('/v1/events?subject=tagstate&limit=1')).json()['events'];
    expect(events).toMatchObject([{ kind: 'mark', ...BY, after: expect.stringContaining('broke ntp') }]);
    expect((await remove(server, `/v1/tags/${TAG}/mark`)).json()).toMatchObject({ state: 'none', changed: true });
    await until('the tag to be back', async () => ((await tagOf(server)) === TAG ? true : undefined));
    expect(await readFile(join(server.base, 'tagstate'), 'utf8')).toBe(FILES.tagstate);
  });

  test('for one environment leaves the others alone; an unknown one, or an unknown tag, is refused', async () => {
    const server = await serving({ files: FILES });
    const dev = '/v1/nodes/dev1.example.com';
    const path = '/v1/tags/etchautotag-20261120-1100/mark';
    expect((await put(server, path, { state: 'badfwd', environments: ['production'] })).status).toBe(200);
    expect(await tagOf(server, dev)).toBe('etchautotag-20261120-1100');
    const stranger = await put(server, path, { state: 'bad', environments: ['prod'] });
    expect([stranger.status, stranger.json()['code']]).toEqual([400, 'bad-environment']);
    expect(stranger.json()['hint']).toContain('production');
    const unknown = await put(server, '/v1/tags/etchautotag-20251120-0800/mark', { state: 'bad' });
    expect([unknown.status, unknown.json()['code']]).toEqual([404, 'unknown-tag']);
    for (const wrong of [
      {},
      { state: 'none' },
      { state: 'bad', environments: [] },
      { state: 'bad', reason: 7 },
      { state: 'bad', why: '' },
    ])
      expect([wrong, (await put(server, path, wrong)).status]).toEqual([wrong, 400]);
    expect((await remove(server, `${path}?environments=production`)).json()['changed']).toBe(true);
    expect(await readFile(join(server.base, 'tagstate'), 'utf8')).not.toContain('1100');
  });

  test('cannot smuggle another line into the file', async () => {
    const server = await serving({ files: FILES });
    await put(server, `/v1/tags/${TAG}/mark`, {
      state: 'good',
      reason: `fine\netchautotag-20261120-1100 bad\r\u2028x`,
    });
    const text = await readFile(join(server.base, 'tagstate'), 'utf8');
    expect(text.split('\n').filter((line) => line.startsWith('etchautotag'))).toHaveLength(2);
  });
});

describe('the killswitch', () => {
  test('is created, shown, and removed only by who saw it as it is', async () => {
    const server = await serving();
    expect((await server.ask('/v1/killswitch')).json()).toEqual({ global: null, environments: [] });
    const none = await remove(server, '/v1/killswitch?version=x');
    expect([none.status, none.json()['code']]).toEqual([404, 'not-found']);
    const raised = await put(server, '/v1/killswitch', { message: 'ntp is down' });
    expect(raised.json()).toMatchObject({ environment: null, message: 'ntp is down', version: expect.any(String) });
    expect(await tagOf(server)).toBe('killswitch');
    const shown = await server.ask('/v1/killswitch');
    expect(shown.json()).toMatchObject({ global: { message: 'ntp is down', version: raised.json()['version'] } });
    expect(shown.headers.etag).toBe(`"${raised.json()['version']}"`);
    for (const missing of ['/v1/killswitch', '/v1/killswitch?version=']) {
      const refused = await remove(server, missing);
      expect([refused.status, refused.json()['code']]).toEqual([400, 'bad-request']);
    }
    expect((await remove(server, '/v1/killswitch', { 'If-Match': '*' })).status).toBe(400);
    await writeFile(join(server.base, 'killswitch'), 'and the network too\n');
    const stale = await remove(server, '/v1/killswitch', { 'If-Match': String(shown.headers.etag) });
    expect([stale.status, stale.json()['code']]).toEqual([409, 'conflict']);
    expect(stale.json()['title']).toContain('and the network too');
    expect(await tagOf(server)).toBe('killswitch');
    const version = (await server.ask('/v1/killswitch')).headers.etag;
    expect((await remove(server, '/v1/killswitch?reason=over', { 'If-Match': String(version) })).status).toBe(200);
    expect(await tagOf(server)).toBe(TAG);
    const events = (await server.ask('/v1/events?subject=killswitch')).json()['events'] as { by: string }[];
    expect(events.filter(({ by }) => by === BY.by)).toHaveLength(2);
    expect(events[0]).toMatchObject({ kind: 'resume', why: 'over' });
  });

  test('of one environment stops that one, and a file whose name is no environment can be shown and removed', async () => {
    const server = await serving({ files: { ...FILES, 'killswitch.d/.keep': '' } });
    const raised = await put(server, '/v1/killswitch/production', { message: 'p' });
    expect(raised.json()).toMatchObject({ environment: 'production', message: 'p' });
    expect(await tagOf(server)).toBe('killswitch');
    expect(await tagOf(server, '/v1/nodes/dev1.example.com')).toBe('etchautotag-20261120-1100');
    const one = await server.ask('/v1/killswitch/production');
    expect(one.json()['version']).toBe(raised.json()['version']);
    expect((await remove(server, `/v1/killswitch/production?version=${one.json()['version']}`)).status).toBe(200);
    expect((await server.ask('/v1/killswitch/production')).status).toBe(404);
    writeFileSync(join(server.base, 'killswitch.d', 'prod'), 'a typo at night\n');
    expect(await tagOf(server, '/v1/nodes/dev1.example.com')).toBe('killswitch');
    const odd = await server.ask('/v1/killswitch/prod');
    expect(odd.json()).toMatchObject({ environment: 'prod', message: 'a typo at night' });
    expect((await remove(server, `/v1/killswitch/prod?version=${odd.json()['version']}`)).status).toBe(200);
    expect(await tagOf(server)).toBe(TAG);
  });

  test('can be created without a message, and before the control files are settled', async () => {
    const server = await serving({ files: { 'nodes.yml': '{}' }, unsettled: true, settings: { settle_seconds: 3600 } });
    expect((await put(server, '/v1/killswitch/production')).json()['code']).toBe('starting');
    expect((await put(server, '/v1/killswitch')).status).toBe(200);
    expect(await tagOf(server)).toBe('killswitch');
    const long = await put(server, '/v1/killswitch', { message: 'ü'.repeat(40_000) });
    expect([long.status, long.json()['code']]).toEqual([400, 'bad-request']);
  });
});

test('a node is pinned and unpinned, and a tag that cannot be served is no pin', async () => {
  const server = await serving();
  const pinned = await put(server, `${WEB}/pin`, {
    tag: 'etchautotag-20261120-1000',
    until: '2026-11-21T08:00Z',
    reason: 'tries ntp',
  });
  expect(pinned.json()).toEqual({ hostname: 'web1.example.com', pin: 'etchautotag-20261120-1000', changed: true });
  expect(await readFile(join(server.base, 'pins'), 'utf8')).toBe(
    'web1.example.com etchautotag-20261120-1000 until=2026-11-21T08:00Z tries ntp\n',
  );
  await until('the pin to count', async () =>
    (await tagOf(server)) === 'etchautotag-20261120-1000' ? true : undefined,
  );
  expect((await server.ask('/v1/events?subject=pins')).json()['events']).toMatchObject([BY]);
  const unknown = await put(server, `${WEB}/pin`, { tag: 'etchautotag-20251120-1000' });
  expect([unknown.status, unknown.json()['code']]).toEqual([404, 'unknown-tag']);
  for (const wrong of [{}, { tag: 'x' }, { tag: 'trunk', until: 'tomorrow' }, { tag: 'trunk', for: 'ever' }])
    expect([wrong, (await put(server, `${WEB}/pin`, wrong)).status]).toEqual([wrong, 400]);
  expect((await remove(server, `${WEB}/pin`)).json()).toMatchObject({ pin: null, changed: true });
  await until('the pin to be gone', async () => ((await tagOf(server)) === TAG ? true : undefined));
  expect((await remove(server, `${WEB}/pin`)).json()).toMatchObject({ changed: false });
});

test('a control file that cannot be edited is a failure that says so', async () => {
  const server = await serving();
  await mkdir(join(server.base, 'tagstate'));
  await mkdir(join(server.base, 'pins'));
  await writeFile(join(server.base, 'killswitch.d'), '');
  for (const [path, json] of [
    [`/v1/tags/${TAG}/mark`, { state: 'bad' }],
    [`${WEB}/pin`, { tag: 'trunk' }],
    ['/v1/killswitch/production', {}],
  ] as const) {
    const failed = await put(server, path, json);
    expect([path, failed.status, failed.json()['code']]).toEqual([path, 503, 'state-unavailable']);
    expect(failed.json()['hint']).toContain('nothing was changed');
  }
});

describe('a snapshot by hand', () => {
  test('fetches and makes the tag of an hour; again it is there, and another commit conflicts', async () => {
    const server = await serving();
    const commit = await server.source.commit({ 'etc/motd': 'by hand\n' });
    const made = await post(server, '/v1/snapshots', { hour: '2026112005', commit: commit.slice(0, 12) });
    expect(made.status).toBe(201);
    expect(made.json()).toMatchObject({
      outcome: 'created',
      record: { name: 'etchautotag-20261120-0500', commit, origin: 'manual' },
    });
    const again = await post(server, '/v1/snapshots', { hour: '2026112005', commit });
    expect([again.status, again.json()['outcome']]).toEqual([200, 'exists']);
    const current = await post(server, '/v1/snapshots');
    expect([current.status, current.json()['outcome']]).toEqual([200, 'exists']);
    const other = await post(server, '/v1/snapshots', { hour: '2026112006', commit });
    expect([other.status, other.json()['code']]).toEqual([409, 'conflict']);
    const unknown = await post(server, '/v1/snapshots', { hour: '2026112004', commit: 'deadbeef' });
    expect([unknown.status, unknown.json()['code']]).toEqual([404, 'not-found']);
    for (const wrong of [
      { hour: '2026112012' },
      { hour: '20261120' },
      { hour: 5 },
      { commit: '--upload-pack=x' },
      { commit: 'main' },
    ]) {
      const refused = await post(server, '/v1/snapshots', wrong);
      expect([wrong, refused.status, refused.json()['code']]).toEqual([wrong, 400, 'bad-request']);
    }
    expect((await server.ask('/v1/events?subject=etchautotag-20261120-0500')).json()['events']).toMatchObject([BY]);
  });

  test('that cannot fetch says why', async () => {
    const server = await serving({ settings: { 'repo.url': '/nonexistent/config.git' } });
    const failed = await post(server, '/v1/snapshots', { hour: '2026112005', commit: 'deadbeef' });
    expect(failed.status).toBe(404);
    expect((await server.ask('/v1/status')).json()['problems']).toMatchObject([{ id: 'repository:fetch-failed' }]);
  });
});

test('a push is answered at once, and what was pushed is fetched, however many say so', async () => {
  const server = await serving();
  const commit = await server.source.commit({ 'etc/motd': 'pushed\n' });
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => post(server, '/v1/hooks/push', { ref: 'refs/heads/main' })),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
  await until('trunk to follow', async () => {
    const trunk = (await server.ask(`${WEB}?tag=trunk`)).json();
    return trunk['commit'] === commit ? true : undefined;
  });
  const fetched = (await server.ask('/v1/events?kinds=fetch&limit=1')).json()['events'];
  expect(fetched).toMatchObject([{ after: commit }]);
});
