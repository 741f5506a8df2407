import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { assignmentSchema } from '../../protocol/assignment.ts';
import { until } from '../rig/until.ts';
import { serving, sharedServing } from './serving.ts';

const WEB = '/v1/nodes/web1.example.com';
const OTHER_DIGEST = `sha256:${'0'.repeat(64)}`;

const shared = sharedServing();

const BASE = {
  'nodes.yml': 'dev*.example.com: [dev]\nqa*.example.com: [qa]\n',
};

describe('a poll', () => {
  test('is answered with an assignment that the protocol knows, and with headers that say the same', async () => {
    const server = await serving({ files: BASE });
    const answer = await server.ask('/v1/nodes/DEV1.example.com.');
    expect(answer.status).toBe(200);
    const assignment = assignmentSchema.parse(answer.json());
    expect(assignment).toMatchObject({
      hostname: 'dev1.example.com',
      environment: 'development',
      wave: 'development+0h',
      hours: 0,
      groups: ['dev'],
      tag: 'etchautotag-20261120-1100',
      pollAfterSeconds: 300,
    });
    expect(answer.headers).toMatchObject({
      'tagwave-outcome': 'serve',
      'tagwave-poll-after': '300',
      'tagwave-tag': assignment.tag,
      'tagwave-digest': assignment.digest,
      'tagwave-report': '/v1/nodes/dev1.example.com/reports',
      'cache-control': 'private, no-cache',
      vary: 'Accept',
      'content-type': 'application/json; charset=utf-8',
      'x-content-type-options': 'nosniff',
    });
    expect(answer.headers['x-powered-by']).toBeUndefined();
    const manifest = await server.ask(assignment.links.manifest);
    expect(`sha256:${createHash('sha256').update(manifest.bytes).digest('hex')}`).toBe(assignment.digest);
  });

  test('that names the entity tag is answered 304 without a body, and the same answer keeps its bytes', async () => {
    const server = shared();
    const first = await server.ask(WEB);
    const etag = String(first.headers.etag);
    for (const header of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await server.ask(WEB, { headers: { 'If-None-Match': header } });
      expect([header, again.status, again.text]).toEqual([header, 304, '']);
      expect(again.headers).toMatchObject({
        etag,
        'tagwave-tag': 'etchautotag-20261120-0700',
        'tagwave-poll-after': '300',
      });
    }
    const other = await server.ask(WEB, { headers: { 'If-None-Match': '"other"' } });
    expect([other.status, other.text]).toEqual([200, first.text]);
  });

  test('for text is answered as a nodetagger would print it, with an entity tag of its own', async () => {
    const server = shared();
    const text = await server.ask(WEB, { headers: { Accept: 'text/plain' } });
    expect([text.status, text.text]).toEqual([200, 'tags/etchautotag-20261120-0700\n']);
    expect(text.headers['content-type']).toBe('text/plain; charset=utf-8');
    for (const Accept of ['TEXT/plain', 'application/json;q=0.5, */*', 'text/*'])
      expect((await server.ask(WEB, { headers: { Accept } })).bytes).toEqual(text.bytes);
    const trunk = await server.ask(`${WEB}?tag=trunk`, { headers: { Accept: 'text/plain' } });
    expect(trunk.text).toBe('trunk\n');
    const json = await server.ask(WEB, { headers: { Accept: 'text/html, application/json' } });
    expect(json.json()).toMatchObject({ outcome: 'serve' });
    expect(json.headers.etag).not.toBe(text.headers.etag);
    const etag = String(text.headers.etag);
    const known = await server.ask(WEB, { headers: { Accept: 'text/plain', 'If-None-Match': etag } });
    expect([known.status, known.headers.etag]).toEqual([304, etag]);
  });

  test('for another tag gets that tag, or is told why not', async () => {
    const server = await serving({ files: { tagstate: 'etchautotag-20261120-0800 bad broke ntp\n' } });
    const asked = await server.ask(`${WEB}?tag=etchautotag-20261120-1000`);
    expect(asked.json()).toMatchObject({ outcome: 'serve', tag: 'etchautotag-20261120-1000' });
    const refusals = [
      ['etchautotag-20261120-0800', 403, 'tag-not-allowed'],
      ['etchautotag-20261120-1200', 404, 'unknown-tag'],
      ['etchautotag-20251120-1200', 404, 'unknown-tag'],
      ['..%2F..%2Fetc', 400, 'bad-tag'],
      ['', 400, 'bad-tag'],
    ] as const;
    for (const [tag, status, code] of refusals) {
      for (const path of [WEB, `${WEB}/archive`, `${WEB}/manifest`]) {
        const refused = await server.ask(`${path}?tag=${tag}`);
        expect([tag, refused.status, refused.json()['code']]).toEqual([tag, status, code]);
        expect(refused.headers['tagwave-outcome']).toBe('refused');
      }
    }
    const twice = await server.ask(`${WEB}?tag=trunk&tag=trunk`);
    expect([twice.status, twice.json()['code']]).toEqual([400, 'bad-request']);
  });

  test('for another tag changes nothing about what the node is known to have been told', async () => {
    const server = await serving();
    await server.ask(WEB);
    await server.ask(`${WEB}?tag=etchautotag-20261120-1000`, { headers: { 'Tagwave-Running': OTHER_DIGEST } });
    const nodes = (await server.ask('/v1/nodes')).json()['nodes'];
    expect(nodes).toMatchObject([{ answer: 'etchautotag-20261120-0700', running: OTHER_DIGEST }]);
  });

  test('says what the host runs, which is recorded; what is no digest is refused', async () => {
    const server = await serving();
    const running = String((await server.ask(WEB)).headers['tagwave-digest']);
    await server.ask(WEB, { headers: { 'Tagwave-Running': running } });
    expect((await server.ask('/v1/nodes')).json()['nodes']).toMatchObject([{ hostname: 'web1.example.com', running }]);
    for (const wrong of ['sha256:ABC', '../../etc', running.slice(0, -1)]) {
      const refused = await server.ask(WEB, { headers: { 'Tagwave-Running': wrong } });
      expect([refused.status, refused.json()['code']]).toEqual([400, 'bad-digest']);
    }
  });

  test('is answered 409 with the reasons where nothing is acceptable', async () => {
    const marks = ['06', '07'].map((hour) => `etchautotag-20261120-${hour}00 bad\n`).join('');
    const server = await serving({ files: { tagstate: marks } });
    for (const path of [WEB, `${WEB}/archive`, `${WEB}/manifest`]) {
      const held = await server.ask(path);
      expect(held.status).toBe(409);
      expect(held.json()).toMatchObject({
        code: 'hold',
        hold: 'no-acceptable-tag',
        instance: held.headers['x-request-id'],
      });
      expect(held.json()['reasons']).toContain('etchautotag-20261120-0700 is bad (tagstate line 2)');
      expect(held.headers).toMatchObject({
        'content-type': 'application/problem+json',
        'tagwave-outcome': 'hold',
        'tagwave-poll-after': '300',
        'retry-after': '300',
        'tagwave-report': `${WEB}/reports`,
        'cache-control': 'private, no-cache',
      });
      const again = await server.ask(path, { headers: { 'If-None-Match': String(held.headers.etag) } });
      expect(again.status).toBe(409);
    }
  });

  test('is answered 423 by the next request after the killswitch is created, and served by the next after it is removed', async () => {
    const server = await serving({ files: BASE });
    const file = join(server.base, 'killswitch');
    for (let round = 0; round < 5; round++) {
      expect((await server.ask(WEB)).status).toBe(200);
      await writeFile(file, `stop \u001b[31mnow\u009b ${round}\n`);
      const stopped = await server.ask(WEB);
      expect(stopped.status).toBe(423);
      expect(stopped.json()).toMatchObject({ code: 'killswitch', message: `stop \u001b[31mnow\u009b ${round}` });
      expect(stopped.text.trimEnd()).not.toMatch(/\p{Cc}/u);
      expect(stopped.headers).toMatchObject({ 'tagwave-outcome': 'killswitch', 'retry-after': '300' });
      expect(stopped.headers.etag).toBeDefined();
      await rm(file);
    }
  });

  test('of one environment is stopped by the killswitch of that environment only', async () => {
    const server = await serving({ files: BASE });
    await mkdir(join(server.base, 'killswitch.d'));
    writeFileSync(join(server.base, 'killswitch.d', 'production'), 'only here\n');
    expect((await server.ask(WEB)).json()).toMatchObject({ code: 'killswitch', message: 'only here' });
    expect((await server.ask('/v1/nodes/dev1.example.com')).status).toBe(200);
  });

  test('is answered 503 until the control files are settled, but a killswitch counts before', async () => {
    const files = { 'nodes.yml': 'dev1: [dev]\n' };
    const server = await serving({ files, unsettled: true, settings: { settle_seconds: 3600 } });
    const starting = await server.ask(WEB);
    expect([starting.status, starting.json()['code']]).toEqual([503, 'starting']);
    expect(starting.json()['title']).toContain('nodes.yml');
    expect(Number(starting.headers['retry-after'])).toBeGreaterThan(0);
    expect((await server.ask('/readyz')).json()).toMatchObject({
      code: 'starting',
      title: expect.stringContaining('nodes.yml'),
    });
    expect((await server.ask('/healthz')).status).toBe(200);
    expect((await server.ask(`/v1/views/${OTHER_DIGEST}/manifest`)).json()['code']).toBe('starting');
    await writeFile(join(server.base, 'killswitch'), '');
    expect((await server.ask(WEB)).status).toBe(423);
  });

  test('is answered the same while the history cannot be written, and readiness says so', async () => {
    const server = await serving();
    const before = await server.ask(WEB);
    expect((await server.ask('/readyz')).status).toBe(200);
    await server.app.context.store.close();
    const after = await server.ask(WEB);
    expect([after.status, after.text]).toEqual([200, before.text]);
    const ready = await server.ask('/readyz');
    expect([ready.status, ready.json()['code']]).toEqual([503, 'state-unavailable']);
    const report = await server.ask(`${WEB}/reports`, { method: 'POST', json: REPORT });
    expect([report.status, report.json()['code']]).toEqual([503, 'state-unavailable']);
  });

  test('is answered where there is no history to open at all, and what needs it says so', async () => {
    const server = await serving({ files: { 'var/history.sqlite': null, 'var/history.sqlite/x': '' } });
    expect((await server.ask(WEB)).status).toBe(200);
    expect((await server.ask('/v1/nodes')).json()['nodes']).toMatchObject([{ hostname: 'web1.example.com' }]);
    for (const path of ['/readyz', '/v1/events', `${WEB}/explain?at=2026-11-20T08:00Z`]) {
      const failed = await server.ask(path);
      expect([path, failed.status, failed.json()['code']]).toEqual([path, 503, 'state-unavailable']);
    }
  });

  test('by HEAD has the headers of GET and no body', async () => {
    const server = shared();
    const get = await server.ask(WEB);
    const head = await server.ask(WEB, { method: 'HEAD' });
    expect([head.status, head.text, head.headers.etag]).toEqual([200, '', get.headers.etag]);
  });
});

const REPORT = {
  runId: '20261120-a1b2c3d4',
  tag: 'etchautotag-20261120-0700',
  digest: OTHER_DIGEST,
  outcome: 'applied',
  startedAt: '2026-11-20T11:00:00Z',
  durationMs: 1200,
  changed: 3,
};

describe('a report', () => {
  test('is taken once: 201, and 200 when it comes again', async () => {
    const server = await serving();
    await server.ask(WEB);
    const send = () => server.ask(`${WEB}/reports`, { method: 'POST', json: REPORT });
    expect([(await send()).status, (await send()).status]).toEqual([201, 200]);
    const events = (await server.ask('/v1/events?kinds=report')).json()['events'];
    expect(events).toMatchObject([{ subject: 'web1.example.com', by: 'web1.example.com', after: 'applied' }]);
    expect((await server.ask('/v1/nodes')).json()['nodes']).toMatchObject([{ lastReport: { runId: REPORT.runId } }]);
  });

  test('that is not as it should be is refused with what is wrong, and nothing is kept', async () => {
    const server = await serving();
    const send = (json: unknown) => server.ask(`${WEB}/reports`, { method: 'POST', json });
    const wrong = await send({ ...REPORT, outcome: 'happy', changed: -1, extra: true });
    expect(wrong.status).toBe(400);
    expect(wrong.json()).toMatchObject({
      code: 'bad-request',
      title: expect.stringMatching(/outcome.*changed|changed.*outcome/s),
    });
    expect((await send([REPORT])).status).toBe(400);
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, number) => [`fact${number}`, '']));
    const long = Object.fromEntries(Array.from({ length: 5 }, (_, number) => [`fact${number}`, 'x'.repeat(1000)]));
    for (const facts of [many, long])
      expect((await send({ ...REPORT, facts })).json()).toMatchObject({ title: expect.stringContaining('64 facts') });
    expect((await server.ask(`${WEB}/reports`, { method: 'POST' })).status).toBe(415);
    expect((await server.ask('/v1/nodes')).json()['nodes']).toEqual([]);
  });
});

test('a directory of state that cannot be read leaves reasons in the log and none of them on the wire', async () => {
  const server = await serving();
  const digest = String((await server.ask(WEB)).headers['tagwave-digest']);
  const views = join(server.base, 'var', 'views');
  await rm(views, { recursive: true });
  await writeFile(views, 'no directory\n');
  await chmod(views, 0o444);
  const failed = await until('a failure', async () => {
    const answer = await server.ask(`/v1/views/${digest}/archive`);
    return answer.status === 200 ? undefined : answer;
  });
  expect([failed.status, failed.json()['code']]).toEqual([503, 'state-unavailable']);
  expect(failed.text).not.toContain(server.base);
  expect(server.logged()).toContainEqual(expect.objectContaining({ level: 'error', digest }));
  expect((await server.ask(WEB)).status).toBe(200);
});
