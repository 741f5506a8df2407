import { createHash } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { DELTA_PATH } from '../../protocol/delta.ts';
import { until } from '../rig/until.ts';
import { type Answer, type Serving, serving, sharedServing } from './serving.ts';

const WEB = '/v1/nodes/web1.example.com';
const TAG = 'etchautotag-20261120-0600';
const OTHER = `sha256:${'0'.repeat(64)}`;

const shared = sharedServing();

/** The digests of the view that the host has now, and of the one that it had an hour before. */
async function digestsFor(server: Serving): Promise<{ from: string; to: string }> {
  const before = await server.ask(`${WEB}?tag=${TAG}`);
  const now = await server.ask(WEB);
  return { from: String(before.headers['tagwave-digest']), to: String(now.headers['tagwave-digest']) };
}

function reprDigestOf({ bytes }: Answer): string {
  return `sha-256=:${createHash('sha256').update(bytes).digest('base64')}:`;
}

function isDelta({ bytes }: Answer): boolean {
  return gunzipSync(bytes).toString('latin1', 0, DELTA_PATH.length) === DELTA_PATH;
}

test('a host that says what it has gets what differs, by both routes the same', async () => {
  const server = shared();
  const { from, to } = await digestsFor(server);
  expect(from).not.toBe(to);
  const mine = await server.ask(`${WEB}/archive?from=${from}`);
  const byDigest = await server.ask(`/v1/views/${to}/archive?from=${from}&node=web1.example.com`);
  for (const delta of [mine, byDigest]) {
    expect(delta.status).toBe(200);
    expect(delta.headers).toMatchObject({
      etag: `"${to};from=${from}"`,
      'content-type': 'application/gzip',
      'content-length': String(delta.bytes.length),
      'repr-digest': reprDigestOf(delta),
      'accept-ranges': 'bytes',
    });
  }
  expect(mine.bytes.equals(byDigest.bytes)).toBe(true);
  expect([mine.headers['cache-control'], byDigest.headers['cache-control']]).toEqual([
    'private, no-cache',
    'private, max-age=86400, immutable',
  ]);
  const { stdout } = await execa('tar', ['-xzO', DELTA_PATH], { input: mine.bytes });
  expect(JSON.parse(stdout)).toEqual({ from, to, delete: expect.any(Array) });
});

test.each([
  ['that is unknown', () => OTHER],
  ['that is the view itself', ({ to }: { to: string }) => to],
])('from a view %s, a host gets the whole', async (_what, fromOf) => {
  const server = shared();
  const digests = await digestsFor(server);
  const whole = await server.ask(`${WEB}/archive`);
  for (const path of [`${WEB}/archive`, `/v1/views/${digests.to}/archive`]) {
    const answer = await server.ask(`${path}?from=${fromOf(digests)}`);
    expect([answer.status, answer.headers.etag, answer.bytes.equals(whole.bytes)]).toEqual([
      200,
      `"${digests.to}"`,
      true,
    ]);
  }
});

test('what is no digest is none to lead from', async () => {
  const server = shared();
  const { to } = await digestsFor(server);
  for (const path of [`${WEB}/archive`, `/v1/views/${to}/archive`]) {
    for (const wrong of ['', 'abc', `sha256:${'A'.repeat(64)}`, '..%2f..%2fetc']) {
      const answer = await server.ask(`${path}?from=${wrong}`);
      expect([wrong, answer.status, answer.json()['code']]).toEqual([wrong, 400, 'bad-digest']);
    }
    const twice = await server.ask(`${path}?from=${OTHER}&from=${OTHER}`);
    expect([twice.status, twice.json()['code']]).toEqual([400, 'bad-request']);
  }
});

test('a delta that is known is answered 304, and so is the whole', async () => {
  const server = shared();
  const { from, to } = await digestsFor(server);
  for (const etag of [`"${to};from=${from}"`, `"${to}"`]) {
    const known = await server.ask(`${WEB}/archive?from=${from}`, { headers: { 'If-None-Match': etag } });
    expect([known.status, known.text, known.headers.etag]).toEqual([304, '', etag]);
  }
  const other = await server.ask(`${WEB}/archive?from=${from}`, { headers: { 'If-None-Match': `"${from}"` } });
  expect(other.status).toBe(200);
});

test('a part of a delta is sent where it is asked for, and never as the rest of the whole', async () => {
  const server = shared();
  const { from, to } = await digestsFor(server);
  const path = `/v1/views/${to}/archive?from=${from}`;
  const delta = await server.ask(path);
  const part = await server.ask(path, { headers: { Range: 'bytes=10-', 'If-Range': String(delta.headers.etag) } });
  expect([part.status, part.bytes.equals(delta.bytes.subarray(10))]).toEqual([206, true]);
  expect(part.headers).toMatchObject({
    etag: delta.headers.etag,
    'repr-digest': delta.headers['repr-digest'],
    'content-range': `bytes 10-${delta.bytes.length - 1}/${delta.bytes.length}`,
  });
  const mixed = await server.ask(path, { headers: { Range: 'bytes=10-', 'If-Range': `"${to}"` } });
  expect([mixed.status, mixed.bytes.equals(delta.bytes)]).toEqual([200, true]);
  const whole = await server.ask(`${WEB}/archive`, {
    headers: { Range: 'bytes=10-', 'If-Range': String(delta.headers.etag) },
  });
  expect([whole.status, isDelta(whole)]).toEqual([200, false]);
});

test('the killswitch and a hold stop deltas like everything else', async () => {
  const server = await serving();
  const { from, to } = await digestsFor(server);
  await writeFile(join(server.base, 'pins'), 'web1.example.com etchautotag-20200101-0000\n');
  // Control files are looked at some forty times a second.
  const held = await until('the hold', async () => {
    const answer = await server.ask(`${WEB}/archive?from=${from}`);
    return answer.status === 200 ? undefined : answer;
  });
  expect([held.status, held.json()['hold']]).toEqual([409, 'unknown-tag']);
  await writeFile(join(server.base, 'killswitch'), 'everything\n');
  for (const path of [`${WEB}/archive?from=${from}`, `/v1/views/${to}/archive?from=${from}`]) {
    const stopped = await server.ask(path, { headers: { 'If-None-Match': `"${to};from=${from}"` } });
    expect([stopped.status, stopped.json()['code']]).toEqual([423, 'killswitch']);
  }
});

test('hosts that ask together get one delta, made once', async () => {
  const server = await serving();
  const { from, to } = await digestsFor(server);
  const path = `/v1/views/${to}/archive?from=${from}`;
  const answers = await Promise.all(Array.from({ length: 20 }, () => server.ask(path)));
  expect(new Set(answers.map(({ status, bytes }) => `${status} ${bytes.toString('base64')}`)).size).toBe(1);
  const kept = await readdir(join(server.base, 'var', 'views', 'deltas'));
  const leading = kept.filter((name) => [from, to].every((digest) => name.includes(digest.slice('sha256:'.length))));
  expect(leading.filter((name) => name.endsWith('.tar.gz'))).toHaveLength(1);
});

test('where deltas may take no room, or cannot be stored, hosts get the whole', async () => {
  const none = await serving({ settings: { 'views.delta_cache_mebibytes': 0 } });
  const digests = await digestsFor(none);
  const whole = await none.ask(`/v1/views/${digests.to}/archive?from=${digests.from}`);
  expect([whole.status, whole.headers.etag, isDelta(whole)]).toEqual([200, `"${digests.to}"`, false]);
  const server = await serving();
  const { from, to } = await digestsFor(server);
  await rm(join(server.base, 'var', 'views', 'deltas'), { recursive: true, force: true });
  await writeFile(join(server.base, 'var', 'views', 'deltas'), 'in the way');
  const instead = await server.ask(`/v1/views/${to}/archive?from=${from}`);
  expect([instead.status, instead.headers.etag, isDelta(instead)]).toEqual([200, `"${to}"`, false]);
  expect(server.logged()).toContainEqual(
    expect.objectContaining({ level: 'warn', message: 'a delta cannot be made: the whole archive is given out' }),
  );
});
