import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { takePolls } from '../../bench/poll-job.ts';
import { headerOf, openWire } from '../../bench/wire.ts';
import { disposableDirectory } from '../rig/disposable.ts';

const ETAG = '"of-this-answer"';
const servers: Server[] = [];
let connections = 0;

afterEach(() => {
  for (const server of servers.splice(0)) server.closeAllConnections();
});

/** Says 304 to who knows the entity tag, and else a body that comes in two pieces. */
async function listening(): Promise<string> {
  connections = 0;
  const server = createServer((request, response) => {
    if (request.headers['if-none-match'] === ETAG) return response.writeHead(304, { ETag: ETAG }).end();
    if (request.url === '/cut') return response.destroy();
    response.writeHead(200, { ETag: ETAG, 'Content-Length': 100_000 });
    response.write(Buffer.alloc(70_000));
    setImmediate(() => response.end(Buffer.alloc(30_000)));
    return response;
  });
  server.on('connection', () => connections++);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const request = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

describe('the connection that the load generator asks over', () => {
  test('takes a whole answer, however it is cut, before the next question', async () => {
    const wire = openWire(await listening());
    for (let time = 0; time < 3; time++) {
      const { status, head, bytes } = await wire.ask(request('/'));
      expect(status).toBe(200);
      expect(bytes).toBe(head.length + 100_000);
      expect(headerOf(head, 'etag')).toBe(ETAG);
    }
    expect(connections).toBe(1);
    wire.close();
  });

  test('says so when it breaks, and can be used again', async () => {
    const wire = openWire(await listening());
    await expect(wire.ask(request('/cut'))).rejects.toThrow('the connection was closed');
    expect((await wire.ask(request('/'))).status).toBe(200);
    wire.close();
  });
});

describe('polls of the load generator', () => {
  const how = { connections: 2, close: false, start: 0, seconds: null, learn: false, keep: true };

  async function asksOf(lines: string): Promise<string> {
    const file = join(await disposableDirectory(), 'asks');
    await writeFile(file, lines);
    return file;
  }

  test('ask once for each line, and learn what to ask with next', async () => {
    const url = await listening();
    const asks = await asksOf('/a\n/b\n/c\n');
    const first = await takePolls({ ...how, url, asks, learn: true });
    expect(first.byStatus).toEqual({ 200: 3 });
    expect(await readFile(asks, 'utf8')).toBe(`/a ${ETAG}\n/b ${ETAG}\n/c ${ETAG}\n`);
    const second = await takePolls({ ...how, url, asks });
    expect(second.byStatus).toEqual({ 304: 3 });
    expect(second.polls.map(([, , , line]) => line).sort()).toEqual([0, 1, 2]);
  });

  test('open a connection for each where they are to close it', async () => {
    const url = await listening();
    const asks = await asksOf(`/a ${ETAG}\n`.repeat(10));
    const taken = await takePolls({ ...how, url, asks, close: true });
    expect(taken.byStatus).toEqual({ 304: 10 });
    expect(connections).toBe(10);
  });

  test('that got no answer are counted as broken', async () => {
    const url = await listening();
    const taken = await takePolls({ ...how, url, asks: await asksOf('/a\n/cut\n/b\n') });
    expect(taken).toMatchObject({ broken: 1, byStatus: { 0: 1, 200: 2 } });
  });
});
