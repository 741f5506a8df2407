import { statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addressOf } from '../../server/http/socket-address.ts';
import { type Serving, serving } from './serving.ts';

interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly json?: unknown;
}

/** Asks on the admin socket of a server. */
function askAdmin(server: Serving, { method = 'GET', path, headers = {}, json }: Asked) {
  const socketPath = addressOf(socketOf(server));
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const type = json === undefined ? {} : { 'Content-Type': 'application/json' };
    const asking = request({ socketPath, method, path, headers: { ...type, ...headers } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asking.on('error', reject);
    asking.end(json === undefined ? undefined : JSON.stringify(json));
  });
}

function socketOf(server: Serving): string {
  return join(server.base, 'var', 'admin.sock');
}

const CLOSED = { 'http.local_reads': false, 'http.local_changes': false };

test('only the owner and the group of the state directory can open the admin socket', async () => {
  const server = await serving();
  const stats = statSync(socketOf(server));
  expect([stats.isSocket(), stats.mode & 0o777]).toEqual([true, 0o660]);
});

test('who can open the admin socket may do everything, where others on the machine may do nothing', async () => {
  const server = await serving({ settings: CLOSED });
  expect((await server.ask('/v1/status')).status).toBe(403);
  expect((await askAdmin(server, { path: '/v1/status' })).status).toBe(200);
  const put = { method: 'PUT', path: '/v1/killswitch', json: { message: 'stop' } };
  expect((await server.ask(put.path, put)).status).toBe(403);
  expect((await askAdmin(server, put)).status).toBe(200);
  expect((await server.ask('/v1/nodes/web1.example.com')).status).toBe(423);
});

test('what is changed on the admin socket is recorded with the name that was given, and that it came from there', async () => {
  const server = await serving({ settings: CLOSED });
  const put = { method: 'PUT', path: '/v1/killswitch', json: { message: 'stop' } };
  expect((await askAdmin(server, { ...put, headers: { 'Tagwave-Actor': 'alice' } })).status).toBe(200);
  await server.app.context.journal.flush();
  const events = await server.app.context.store.events({ limit: 20 });
  expect(events.map(({ by, from }) => `${by} ${from}`)).toContain('alice admin socket');
});

test('the name that counts on the admin socket counts nowhere else, nor do the headers of doors', async () => {
  const server = await serving({ settings: CLOSED });
  for (const headers of [
    { 'Tagwave-Actor': 'admin' },
    { 'tagwave-door-peer': '127.0.0.1', 'tagwave-door-encrypted': '1', 'tagwave-door-names': 'web1.example.com' },
  ])
    expect((await server.ask('/v1/status', { headers })).status).toBe(403);
});
