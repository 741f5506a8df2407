import { writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from '../rig/until.ts';
import { ask, serving, sharedServing } from './serving.ts';

const TAG = 'etchautotag-20261120-0900';
const READS = [
  '/v1/status',
  '/v1/tags',
  `/v1/tags/${TAG}`,
  '/v1/killswitch',
  '/v1/killswitch/production',
  '/v1/nodes',
  '/v1/nodes/web1/explain',
  '/v1/events',
];
const CHANGES = [
  ['PUT', `/v1/tags/${TAG}/mark`, { state: 'bad' }],
  ['DELETE', `/v1/tags/${TAG}/mark`, {}],
  ['PUT', '/v1/killswitch', { message: 'stop' }],
  ['DELETE', '/v1/killswitch?version=0', {}],
  ['PUT', '/v1/killswitch/production', {}],
  ['DELETE', '/v1/killswitch/production?version=0', {}],
  ['PUT', '/v1/nodes/web1/pin', { tag: 'trunk' }],
  ['DELETE', '/v1/nodes/web1/pin', {}],
  ['POST', '/v1/snapshots', {}],
  ['POST', '/v1/hooks/push', {}],
] as const;
const FOR_NODES = ['/v1/nodes/web1', '/v1/nodes/web1/manifest', '/v1/nodes/web1/archive', '/healthz', '/readyz'];

/** What a request looks like that came through, or is made to look like it came through, something else. */
const NOT_HERE: readonly Readonly<Record<string, string>>[] = [
  { Host: 'tagwave.example.com' },
  { Host: 'tagwave.example.com:8420' },
  { Host: '10.0.0.1' },
  { Host: 'localhost.example.com' },
  { Host: '127.0.0.1.example.com' },
  { Host: '127.0.0.1@example.com' },
  { Host: '127.0.0.1:80:80' },
  { Host: '[::2]:8420' },
  { Host: '[127.0.0.1]x' },
  { Host: '0.0.0.0' },
  { Forwarded: 'for=127.0.0.1' },
  { 'X-Forwarded-For': '127.0.0.1' },
  { 'X-Forwarded-Host': 'localhost' },
  { 'x-forwarded-proto': 'https' },
  { Via: '1.1 proxy' },
];

describe('beyond loopback', () => {
  const server = sharedServing();

  test('what hosts need is answered however the request came', async () => {
    for (const headers of NOT_HERE)
      for (const path of FOR_NODES) {
        const answer = await server().ask(path, { headers });
        expect([headers, path, answer.status]).toEqual([headers, path, 200]);
      }
  });

  test('nothing else is but to those who show who they are', async () => {
    for (const headers of NOT_HERE) {
      for (const path of READS) {
        const answer = await server().ask(path, { headers });
        expect([headers, path, answer.status, answer.json()['code']]).toEqual([headers, path, 401, 'unauthenticated']);
        expect(answer.headers['www-authenticate']).toBe('Bearer realm="tagwave"');
      }
      const preview = await server().ask('/v1/preview', { method: 'POST', json: {}, headers });
      expect([preview.status, preview.json()['code']]).toEqual([401, 'unauthenticated']);
      for (const [method, path, json] of CHANGES) {
        const answer = await server().ask(path, { method, json, headers });
        expect([headers, path, answer.status, answer.json()['code']]).toEqual([headers, path, 401, 'unauthenticated']);
      }
    }
    expect((await server().ask('/v1/killswitch')).json()).toEqual({ global: null, environments: [] });
  });

  test('what comes behind many other headers is seen, too', async () => {
    const many = 'a:\r\n'.repeat(3_000);
    const head = `GET /v1/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${many}`;
    expect(await server().raw(`${head}\r\n`)).toMatch(/^HTTP\/1\.1 200 /);
    expect(await server().raw(`${head}X-Forwarded-For: 192.0.2.1\r\n\r\n`)).toMatch(/^HTTP\/1\.1 401 /);
  });

  test('a loopback name or address in Host is here, with and without a port', async () => {
    for (const host of [
      'localhost',
      'LOCALHOST:8420',
      '127.0.0.1',
      '127.1.2.3:8420',
      '[::1]',
      '[::1]:8420',
      '[::ffff:127.0.0.1]',
    ])
      expect([host, (await server().ask('/v1/status', { headers: { Host: host } })).status]).toEqual([host, 200]);
  });
});

test('a peer that is not on loopback is refused although it names localhost', async (context) => {
  const address = Object.values(networkInterfaces())
    .flat()
    .find((one) => one !== undefined && !one.internal && one.family === 'IPv4')?.address;
  if (address === undefined) return context.skip('this machine has no address beyond loopback');
  const server = await serving({ settings: { listen: `${address}:0`, 'auth.nodes': 'none' } });
  const headers = { Host: 'localhost' };
  expect((await ask(server.url, '/v1/nodes/web1', { headers })).status).toBe(200);
  const refused = await ask(server.url, '/v1/status', { headers });
  expect([refused.status, refused.json()['code']]).toEqual([401, 'unauthenticated']);
});

describe('on the machine itself', () => {
  test('changes are off unless the setting is written out', async () => {
    const server = await serving({ settings: { 'http.local_changes': false } });
    for (const [method, path, json] of CHANGES) {
      const answer = await server.ask(path, { method, json });
      expect([path, answer.status, answer.json()['code']]).toEqual([path, 403, 'changes-off']);
      expect(answer.json()['title']).toContain('http.local_changes');
    }
    expect((await server.ask('/v1/status')).status).toBe(200);
  });

  test('both settings count from the moment the file is settled, without a restart', async () => {
    const server = await serving({
      files: { 'server.yml': 'http: {local_changes: false}\n' },
      settings: { 'http.local_changes': undefined },
    });
    const change = () => server.ask('/v1/hooks/push', { method: 'POST', json: {} });
    expect((await change()).status).toBe(403);
    await writeFile(join(server.base, 'server.yml'), 'http: {local_changes: true, local_reads: false}\n');
    await until('changes to be on', async () => ((await change()).status === 202 ? true : undefined));
    const read = await server.ask('/v1/status');
    expect([read.status, read.json()['code']]).toEqual([403, 'reads-off']);
    expect((await server.ask('/v1/nodes/web1')).status).toBe(200);
  });

  test('a change needs JSON and must not come from a page of another origin', async () => {
    const server = await serving();
    const { host } = new URL(server.url);
    for (const [method, path] of CHANGES) {
      for (const type of [
        'text/plain',
        'application/x-www-form-urlencoded',
        'multipart/form-data; boundary=x',
        'application/jsonp',
        undefined,
      ]) {
        const headers = type === undefined ? {} : { 'Content-Type': type };
        const answer = await server.ask(path, { method, headers, body: '{}' });
        expect([path, type, answer.status, answer.json()['code']]).toEqual([path, type, 415, 'unsupported-media-type']);
      }
      for (const origin of [
        'https://evil.example.com',
        'null',
        'http://localhost',
        `http://${host}.example.com`,
        'http://127.0.0.1:1',
      ]) {
        const answer = await server.ask(path, { method, json: {}, headers: { Origin: origin } });
        expect([path, origin, answer.status, answer.json()['code']]).toEqual([path, origin, 403, 'foreign-origin']);
      }
    }
    const own = await server.ask('/v1/hooks/push', { method: 'POST', json: {}, headers: { Origin: server.url } });
    expect(own.status).toBe(202);
    const charset = await server.ask('/v1/hooks/push', {
      method: 'POST',
      body: '{}',
      headers: { 'Content-Type': 'Application/JSON; charset=utf-8' },
    });
    expect(charset.status).toBe(202);
  });
});
