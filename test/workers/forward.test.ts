import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../server/adapters/system-clock.ts';
import { FILE_HEADER } from '../../server/http/file-notice.ts';
import { readSettings } from '../../server/settings/read.ts';
import { createDoor } from '../../server/workers/door.ts';
import { type Answer, ask } from '../http/serving.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { NOBODY_KNOWN } from '../rig/nobody-known.ts';
import { quiet } from '../rig/server.ts';

interface Between {
  readonly url: string;
  /** Puts this in the place of the head. */
  head(answer: RequestListener): Promise<Server>;
  stopDoor(): Promise<void>;
}

/** A door, and a socket on which a test answers in the place of a head. */
async function door(patienceMs?: number): Promise<Between> {
  const base = await disposableDirectory();
  const read = readSettings({ base, env: {}, flags: {}, text: null });
  if (!read.ok) throw new Error('the defaults are valid');
  const socket = join(base, 'socket');
  const opened = createDoor(
    { socket, settings: read.settings, base },
    { log: quiet, clock: systemClock, credentials: NOBODY_KNOWN, ...(patienceMs === undefined ? {} : { patienceMs }) },
  );
  const listening = await opened.listen({ host: '127.0.0.1', port: 0 });
  if (!listening.ok) throw new Error(listening.sentence);
  onTestFinished(() => opened.stop(0));
  return {
    url: listening.value,
    stopDoor: () => opened.stop(5),
    async head(answer) {
      const server = createServer(answer).listen(socket);
      await once(server, 'listening');
      onTestFinished(() => {
        server.closeAllConnections();
        server.close();
      });
      return server;
    },
  };
}

const problemOf = (answer: Answer): unknown[] => [answer.status, answer.json()['code'], answer.headers['content-type']];

test('a question waits for a head, and is answered 503 with what to do where none comes', async () => {
  const patient = await door();
  const asked = Promise.all([
    ask(patient.url, '/x'),
    ask(patient.url, '/x', { method: 'POST', body: 'here', headers: {} }),
  ]);
  await patient.head(async (request, response) => response.end(`${request.method} ${await text(request)}`));
  expect((await asked).map((answer) => answer.text)).toEqual(['GET ', 'POST here']);
  const hasty = await door(100);
  for (const method of ['GET', 'POST']) {
    const answer = await ask(hasty.url, '/x', { method });
    expect(problemOf(answer)).toEqual([503, 'starting', 'application/problem+json']);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  }
});

test('a question that a dying head may have begun to answer is put again only where that changes nothing', async () => {
  const { url, head } = await door();
  const seen: string[] = [];
  await head((request, response) => {
    seen.push(`${request.method}`);
    if (seen.length % 2 === 1) request.socket.destroy();
    else response.end('whole');
  });
  expect((await ask(url, '/x')).text).toBe('whole');
  expect(seen).toEqual(['GET', 'GET']);
  expect(problemOf(await ask(url, '/x', { method: 'DELETE' }))[0]).toBe(503);
  expect(seen).toEqual(['GET', 'GET', 'DELETE']);
});

test('what only doors may say is taken from nobody else, and what came with the question arrives as it was', async () => {
  const { url, head } = await door();
  await head((request, response) => {
    const { host, via, 'x-many': many } = request.headers;
    const ours = Object.entries(request.headers).filter(([name]) => name.startsWith('tagwave-door-'));
    response.end(JSON.stringify({ ours, host, via, many, path: request.url }));
  });
  const headers = {
    Host: 'some.where',
    Via: '1.1 a',
    'X-Many': 'a, b',
    Connection: 'via, x-many, close',
    'Tagwave-Door-Peer': '10.0.0.1',
    'tagwave-door-file': 'x',
  };
  expect((await ask(url, '/a%2Fb?c=%20&c=d', { headers })).json()).toEqual({
    ours: [['tagwave-door-peer', '127.0.0.1']],
    host: 'some.where',
    via: '1.1 a',
    many: 'a, b',
    path: '/a%2Fb?c=%20&c=d',
  });
});

test('bodies go through in both directions while they come, and half an answer is cut off', async () => {
  const { url, head } = await door();
  await head((request, response) => {
    if (request.url !== '/half') return request.pipe(response);
    response.write('half');
    setImmediate(() => request.socket.destroy());
    return undefined;
  });
  const { hostname, port } = new URL(url);
  const request = httpRequest({ hostname, port, path: '/echo', method: 'POST', agent: false });
  const pieces = Array.from({ length: 3 }, () => randomBytes(100_000).toString('hex'));
  const answered = once(request, 'response');
  request.write(pieces[0]);
  const [response] = await answered;
  const whole = text(response);
  request.write(pieces[1]);
  request.end(pieces[2]);
  expect((await whole) === pieces.join('')).toBe(true);
  await expect(ask(url, '/half')).rejects.toThrow();
});

test('a head that nobody waits for any more is told so', async () => {
  const { url, head } = await door();
  let arrived: () => void = () => undefined;
  const asked = new Promise<void>((resolve) => {
    arrived = resolve;
  });
  let gone: () => void = () => undefined;
  const left = new Promise<void>((resolve) => {
    gone = resolve;
  });
  await head((_request, response) => {
    response.once('close', gone);
    arrived();
  });
  const { hostname, port } = new URL(url);
  const client = connect(Number(port), hostname);
  client.write('GET /x HTTP/1.1\r\nHost: a\r\n\r\n');
  await asked;
  client.destroy();
  await left;
});

test('who waits is told at once when the door ends, and streams of events end whole', async () => {
  const { url, head, stopDoor } = await door();
  let waiting = 0;
  await head((request, response) => {
    if (request.url?.includes('wait=0')) response.end('now');
    else if (request.url === '/events') {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write(': one\n\n');
      waiting++;
    } else waiting++;
  });
  const { hostname, port } = new URL(url);
  const events = httpRequest({ hostname, port, path: '/events', agent: false });
  events.end();
  const [stream] = await once(events, 'response');
  const poll = ask(url, '/x?wait=50');
  while (waiting < 2) await ask(url, '/x?wait=0');
  await stopDoor();
  expect((await poll).text).toBe('now');
  expect(await text(stream)).toBe(': one\n\n');
});

test('a file that has made room since is asked for once more', async () => {
  const { url, head } = await door();
  const directory = await disposableDirectory();
  const path = join(directory, 'file');
  await writeFile(path, 'content');
  let times = 0;
  await head((request, response) => {
    const isGone = times++ === 0 || request.url === '/gone';
    const file = { path: isGone ? `${path}.gone` : path, size: 7, sha256: '0'.repeat(64) };
    const said = { file, headers: { ETag: '"x"' }, route: '/x', hostname: null };
    response.writeHead(200, { [FILE_HEADER]: encodeURIComponent(JSON.stringify(said)) }).end();
  });
  const answer = await ask(url, '/x', { headers: { Range: 'bytes=0-2' } });
  expect([answer.status, answer.text, answer.headers.etag, times]).toEqual([206, 'con', '"x"', 2]);
  expect(answer.headers[FILE_HEADER]).toBeUndefined();
  expect(problemOf(await ask(url, '/gone'))).toEqual([404, 'unknown-digest', 'application/problem+json']);
  expect(times).toBe(4);
});
