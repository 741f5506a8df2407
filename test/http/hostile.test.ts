import { readdir } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { until } from '../rig/until.ts';
import { type Serving, serving, sharedServing } from './serving.ts';

const server = sharedServing();

async function stillServes(of: Serving = server()): Promise<void> {
  expect((await of.ask('/v1/nodes/web1')).status).toBe(200);
}

describe('what is no host name', () => {
  const NAMES = [
    '%2e%2e',
    '..%2f..%2fetc%2fpasswd',
    'a%2fb',
    'web1;id',
    'web1%3Bid',
    'web%201',
    'web1%00',
    '%00',
    '%0d%0aSet-Cookie:%20x',
    '-web1',
    'web1-',
    'web1..example.com',
    '.web1',
    'a'.repeat(64),
    `${'a.'.repeat(150)}b`,
    'w%C3%A9b1',
    '%E2%84%AA1',
    '$(id)',
    '%60id%60',
    '%1b%5b31m',
    '%c2%9b31m',
    '%e2%80%ae',
    '*',
    'web_1',
    '127.0.0.1:80',
    '__proto__',
  ];

  test('is 400 bad-hostname on every route that takes one', async () => {
    for (const name of NAMES) {
      for (const rest of ['', '?tag=trunk', '/archive', '/manifest', '/explain']) {
        const answer = await server().ask(`/v1/nodes/${name}${rest}`);
        expect([name, rest, answer.status, answer.json()['code']]).toEqual([name, rest, 400, 'bad-hostname']);
        expect(answer.text.trimEnd()).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
      }
      const report = await server().ask(`/v1/nodes/${name}/reports`, { method: 'POST', json: {} });
      expect([name, report.json()['code']]).toEqual([name, 'bad-hostname']);
      const pin = await server().ask(`/v1/nodes/${name}/pin`, { method: 'PUT', json: { tag: 'trunk' } });
      expect([name, pin.json()['code']]).toEqual([name, 'bad-hostname']);
    }
    await stillServes();
  });

  test('is 400 before anything else is looked at', async () => {
    const starting = await serving({
      files: { 'nodes.yml': '{}' },
      unsettled: true,
      settings: { settle_seconds: 3600 },
    });
    expect((await starting.ask('/v1/nodes/web1')).status).toBe(503);
    expect((await starting.ask('/v1/nodes/-web1')).json()['code']).toBe('bad-hostname');
    expect((await starting.ask('/v1/nodes/-web1/archive')).json()['code']).toBe('bad-hostname');
  });

  test('puts no control character into the log, and no file anywhere', async () => {
    for (const name of NAMES) await server().ask(`/v1/nodes/${name}`);
    await server().ask('/v1/nodes/web1', { headers: { 'Tagwave-Running': 'x\u009b31m' } });
    expect(server().logText().replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u);
    expect((await readdir(server().base)).filter((name) => name !== 'var')).toEqual([]);
  });
});

test('tags, environments, digests and events that are none are refused', async () => {
  const refused: readonly (readonly [string, string, number, string])[] = [
    ['GET', '/v1/tags/..%2f..%2fHEAD', 400, 'bad-tag'],
    ['GET', '/v1/tags/etchautotag-20261320-0800', 400, 'bad-tag'],
    ['GET', '/v1/tags/etchautotag-20251120-0800', 404, 'unknown-tag'],
    ['PUT', '/v1/tags/etchautotag-20261120-0860/mark', 400, 'bad-tag'],
    ['PUT', '/v1/tags/etchautotag-20251120-0800/mark', 404, 'unknown-tag'],
    ['DELETE', '/v1/killswitch/..%2f..%2fbase?version=0', 404, 'not-found'],
    ['GET', '/v1/killswitch/..%2f', 404, 'not-found'],
    ['GET', '/v1/nodes/web1?wait=soon', 400, 'bad-request'],
    ['GET', '/v1/nodes/web1?wait=-1', 400, 'bad-request'],
    ['GET', '/v1/nodes/web1?wait=1e9', 400, 'bad-request'],
    ['GET', '/v1/nodes/web1/explain?at=yesterday', 400, 'bad-request'],
    ['GET', '/v1/nodes/web1/explain?at=9999-01-01T00:00Z', 400, 'bad-request'],
    ['GET', '/v1/events?limit=100000', 400, 'bad-request'],
    ['GET', '/v1/events?kinds=toString', 400, 'bad-request'],
    ['GET', '/v1/events?after=-1', 400, 'bad-request'],
    ['GET', '/v1/events?since=2026-02-30T00:00Z', 400, 'bad-request'],
    ['GET', '/v1/nodes/%zz', 400, 'bad-request'],
    ['GET', '/v1/%', 404, 'not-found'],
    ['GET', '/v1/nodes/', 404, 'not-found'],
    ['GET', '/v1/Nodes/web1', 404, 'not-found'],
    ['GET', '/', 404, 'not-found'],
  ];
  for (const [method, path, status, code] of refused) {
    const answer = await server().ask(path, { method, ...(method === 'GET' ? {} : { json: { state: 'bad' } }) });
    expect([path, answer.status, answer.json()['code']]).toEqual([path, status, code]);
    expect(answer.headers['content-type']).toBe('application/problem+json');
    expect(answer.json()).toMatchObject({ type: 'about:blank', status, instance: answer.headers['x-request-id'] });
  }
  for (const path of ['/v1/killswitch/prod', '/v1/killswitch/..%2f..%2fx']) {
    const answer = await server().ask(path, { method: 'PUT', json: {} });
    expect([answer.status, answer.json()['code']]).toEqual([400, 'bad-environment']);
    expect(answer.json()['hint']).toContain('development, qa, staging, production');
  }
  await stillServes();
});

test('another method is 405 with those that the path answers', async () => {
  for (const [method, path, allow] of [
    ['POST', '/v1/nodes/web1', 'GET, HEAD'],
    ['OPTIONS', '/v1/nodes/web1', 'GET, HEAD'],
    ['PATCH', '/v1/killswitch', 'GET, HEAD, PUT, DELETE'],
    ['GET', '/v1/snapshots', 'POST'],
    ['DELETE', '/healthz', 'GET, HEAD'],
  ] as const) {
    const answer = await server().ask(path, { method });
    expect([path, answer.status, answer.json()['code'], answer.headers.allow]).toEqual([
      path,
      405,
      'method-not-allowed',
      allow,
    ]);
  }
});

test('a body that is too large, no JSON, compressed or not what it should be is refused', async () => {
  const path = '/v1/nodes/web1/reports';
  const type = { 'Content-Type': 'application/json' };
  const huge = JSON.stringify({ error: 'x'.repeat(300 * 1024) });
  const large = await server().ask(path, { method: 'POST', headers: type, body: huge });
  expect([large.status, large.json()['code']]).toEqual([413, 'body-too-large']);
  const chunked = await server().ask(path, {
    method: 'POST',
    headers: { ...type, 'Transfer-Encoding': 'chunked' },
    body: huge,
  });
  expect([chunked.status, chunked.json()['code']]).toEqual([413, 'body-too-large']);
  for (const body of ['{', '"text"', '\u0000', '{"a":1}}', '']) {
    const broken = await server().ask(path, { method: 'POST', headers: type, body });
    expect([body, broken.status, broken.json()['code']]).toEqual([body, 400, 'bad-request']);
  }
  const zipped = await server().ask(path, {
    method: 'POST',
    headers: { ...type, 'Content-Encoding': 'gzip' },
    body: '{}',
  });
  expect([zipped.status, zipped.json()['code']]).toEqual([415, 'unsupported-media-type']);
  const polluting = await server().ask(path, { method: 'POST', headers: type, body: '{"__proto__": {"runId": "x"}}' });
  expect(polluting.status).toBe(400);
  await stillServes();
});

describe('bytes that are no request', () => {
  test('are answered with a problem and the connection is closed', async () => {
    for (const [bytes, status, code] of [
      ['GARBAGE\r\n\r\n', 400, 'bad-request'],
      ['GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n', 400, 'bad-request'],
      [
        'POST /v1/preview HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
        400,
        'bad-request',
      ],
      [`GET /healthz HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431, 'headers-too-large'],
      [`GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431, 'headers-too-large'],
    ] as const) {
      const answer = await server().raw(bytes);
      expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*"code":"${code}"`));
    }
    await stillServes();
  });

  test('a path that climbs, as no client would send it, leads nowhere', async () => {
    for (const path of [
      '/../../etc/passwd',
      '/v1/nodes/../status',
      '/v1/views/../../../etc/passwd/archive',
      '//healthz',
      '/healthz/..',
    ]) {
      const answer = await server().raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      expect([path, answer.slice(0, 12)]).toEqual([path, 'HTTP/1.1 404']);
    }
  });

  test('a target with its own host is answered, and its Host header still counts', async () => {
    const status = (host: string) =>
      server().raw(`GET http://localhost/v1/status HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
    expect((await status('evil.example.com')).slice(0, 12)).toBe('HTTP/1.1 401');
  });

  test('without Host is not taken for a request from here', async () => {
    expect((await server().raw('GET /v1/status HTTP/1.0\r\n\r\n')).slice(0, 12)).toBe('HTTP/1.1 401');
    const empty = 'GET /v1/status HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n';
    expect((await server().raw(empty)).slice(0, 12)).toBe('HTTP/1.1 401');
    expect((await server().raw('GET /v1/status HTTP/1.1\r\nConnection: close\r\n\r\n')).slice(0, 12)).toBe(
      'HTTP/1.1 400',
    );
  });
});

test('500 connections that send nothing keep nobody out, and are cut off', async () => {
  const limits = { 'http.headers_timeout_seconds': 1, 'http.request_timeout_seconds': 1 };
  const crowded = await serving({ settings: limits });
  const { hostname, port } = new URL(crowded.url);
  let closed = 0;
  const sockets = await Promise.all(
    Array.from({ length: 500 }, () => {
      return new Promise<Socket>((resolve, reject) => {
        const socket = connect(Number(port), hostname, () => resolve(socket));
        socket.on('error', reject);
        socket.on('close', () => closed++);
        socket.resume();
      });
    }),
  );
  // Half of them begin a request and never finish it.
  for (const socket of sockets.slice(0, 250)) socket.write('GET /v1/nodes/web1 HTTP/1.1\r\nHost: a\r\nX: ');
  await stillServes(crowded);
  await until('all 500 to be cut off', () => (closed === 500 ? true : undefined));
  await stillServes(crowded);
});
