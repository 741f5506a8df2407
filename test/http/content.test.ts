import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { execa } from 'execa';
import express from 'express';
import { expect, test } from 'vitest';
import type { Digest } from '../../protocol/names.ts';
import type { Exchange } from '../../server/http/exchange.ts';
import type { FileReply } from '../../server/http/reply.ts';
import { send } from '../../server/http/send.ts';
import type { StoredFile } from '../../server/ports/content.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { ask, type Serving, serving, sharedServing } from './serving.ts';

const WEB = '/v1/nodes/web1.example.com';

const shared = sharedServing();

async function digestFor(server: Serving, path = WEB): Promise<string> {
  return String((await server.ask(path)).headers['tagwave-digest']);
}

const EXCHANGE: Exchange = {
  id: 'test-1',
  method: 'GET',
  began: 0,
  route: null,
  hostname: null,
  quiet: true,
  isBehindDoor: false,
  isLoggedElsewhere: false,
};

function contentOf(file: StoredFile | undefined): FileReply {
  if (file === undefined) throw new Error('there is no such content');
  return { kind: 'file', file, headers: {} };
}

function sha256(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

test('the archive of a node is the one of its view, with the digest of what is sent', async () => {
  const server = shared();
  const digest = await digestFor(server);
  const mine = await server.ask(`${WEB}/archive`);
  const byDigest = await server.ask(`/v1/views/${digest}/archive`);
  for (const archive of [mine, byDigest]) {
    expect(archive.status).toBe(200);
    expect(archive.headers).toMatchObject({
      etag: `"${digest}"`,
      'content-type': 'application/gzip',
      'content-length': String(archive.bytes.length),
      'repr-digest': `sha-256=:${sha256(archive.bytes).toString('base64')}:`,
      'accept-ranges': 'bytes',
    });
  }
  expect(mine.bytes.equals(byDigest.bytes)).toBe(true);
  expect(gunzipSync(mine.bytes).includes('hello at 7')).toBe(true);
  expect(mine.headers).toMatchObject({
    'tagwave-tag': 'etchautotag-20261120-0700',
    'cache-control': 'private, no-cache',
  });
  expect(byDigest.headers['cache-control']).toBe('private, max-age=86400, immutable');
});

test('the manifest hashes to the digest', async () => {
  const server = shared();
  const digest = await digestFor(server);
  for (const path of [`${WEB}/manifest`, `/v1/views/${digest}/manifest`]) {
    const manifest = await server.ask(path);
    expect(manifest.status).toBe(200);
    expect(`sha256:${sha256(manifest.bytes).toString('hex')}`).toBe(digest);
    expect(manifest.headers).toMatchObject({ etag: `"${digest}"`, 'content-type': 'application/x-ndjson' });
  }
});

test('a manifest comes as gzip where that is accepted, under a name of its own, and whole or in part', async () => {
  const server = shared();
  const digest = await digestFor(server);
  for (const path of [`${WEB}/manifest`, `/v1/views/${digest}/manifest`]) {
    const plain = await server.ask(path, { headers: { 'Accept-Encoding': 'br, gzip;q=0' } });
    const packed = await server.ask(path, { headers: { 'Accept-Encoding': 'br, GZIP;q=0.5' } });
    expect(packed.headers).toMatchObject({
      etag: `"${digest};gzip"`,
      'content-encoding': 'gzip',
      'content-type': 'application/x-ndjson',
      'content-length': String(packed.bytes.length),
      vary: 'Accept, Accept-Encoding',
    });
    expect(gunzipSync(packed.bytes).equals(plain.bytes)).toBe(true);
    expect(plain.headers).toMatchObject({ etag: `"${digest}"`, vary: 'Accept, Accept-Encoding' });
    expect(plain.headers['content-encoding']).toBeUndefined();
    const etag = `"${digest};gzip"`;
    const part = await server.ask(path, {
      headers: { 'Accept-Encoding': 'gzip', Range: 'bytes=5-', 'If-Range': etag },
    });
    expect([part.status, part.bytes.equals(packed.bytes.subarray(5))]).toEqual([206, true]);
    const known = await server.ask(path, { headers: { 'Accept-Encoding': 'gzip', 'If-None-Match': etag } });
    expect([known.status, known.headers.etag]).toEqual([304, etag]);
  }
  const archive = await server.ask(`${WEB}/archive`, { headers: { 'Accept-Encoding': 'gzip' } });
  expect([archive.headers['content-encoding'], archive.headers.etag]).toEqual([undefined, `"${digest}"`]);
});

test('content that is removed between being found and being sent is made again', async () => {
  const server = shared();
  const digest = await digestFor(server);
  const views = join(server.app.settings.stateDir, 'views', digest.slice('sha256:'.length));
  const whole = await server.ask(`/v1/views/${digest}/archive`);
  for (const [path, name] of [
    ['archive', 'archive.tar.gz'],
    ['manifest', 'manifest'],
  ] as const) {
    const found = await server.app.context.views[path](digest as Digest);
    const app = express().get('/', async (_request, response) => {
      const again = async () => contentOf(await server.app.context.views[path](digest as Digest));
      await rm(join(views, name));
      await send(response, { ...contentOf(found), again }, EXCHANGE);
    });
    const listening = app.listen(0, '127.0.0.1');
    await once(listening, 'listening');
    const url = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
    const answer = await ask(url, '/');
    listening.close();
    expect([answer.status, answer.headers['content-length']]).toEqual([200, String(answer.bytes.length)]);
    expect(
      path === 'archive' ? answer.bytes.equals(whole.bytes) : digest.endsWith(sha256(answer.bytes).toString('hex')),
    ).toBe(true);
  }
});

test('content that is known is answered 304, also before it was ever packed', async () => {
  const server = shared();
  const digest = await digestFor(server);
  const headers = { 'If-None-Match': `"${digest}"` };
  for (const path of [
    `${WEB}/archive`,
    `${WEB}/manifest`,
    `/v1/views/${digest}/archive`,
    `/v1/views/${digest}/manifest`,
  ]) {
    const known = await server.ask(path, { headers });
    expect([path, known.status, known.text, known.headers.etag]).toEqual([path, 304, '', `"${digest}"`]);
  }
});

test('a part of an archive is sent where it is asked for, and the whole where the condition does not hold', async () => {
  const server = shared();
  const path = `/v1/views/${await digestFor(server)}/archive`;
  const whole = await server.ask(path);
  const etag = String(whole.headers.etag);
  const part = await server.ask(path, { headers: { Range: 'bytes=10-', 'If-Range': etag } });
  expect(part.status).toBe(206);
  expect(part.bytes.equals(whole.bytes.subarray(10))).toBe(true);
  expect(part.headers['content-range']).toBe(`bytes 10-${whole.bytes.length - 1}/${whole.bytes.length}`);
  expect(part.headers['repr-digest']).toBe(whole.headers['repr-digest']);
  const other = await server.ask(path, { headers: { Range: 'bytes=10-', 'If-Range': '"other"' } });
  expect([other.status, other.bytes.equals(whole.bytes)]).toEqual([200, true]);
  const beyond = await server.ask(path, { headers: { Range: 'bytes=99999999-' } });
  expect([beyond.status, beyond.json()['code']]).toEqual([416, 'range-not-satisfiable']);
  expect(beyond.headers['content-range']).toBe(`bytes */${whole.bytes.length}`);
  expect(beyond.headers['cache-control']).toBe('no-store');
  const unmet = await server.ask(path, { headers: { 'If-Match': '"other"' } });
  expect([unmet.status, unmet.json()['code']]).toEqual([412, 'precondition-failed']);
});

test('HEAD tells the length of an archive without sending it', async () => {
  const server = shared();
  const path = `/v1/views/${await digestFor(server)}/archive`;
  const whole = await server.ask(path);
  const head = await server.ask(path, { method: 'HEAD' });
  expect([head.status, head.bytes.length, head.headers['content-length']]).toEqual([
    200,
    0,
    String(whole.bytes.length),
  ]);
});

test('sha256sum checks what a view holds, whatever the names are, and links have no line', async () => {
  const server = await serving();
  const files = {
    'etc/plain': 'plain\n',
    'etc/two\nlines': 'two lines\n',
    'etc/back\\slash': 'backslash\n',
    'etc/carriage\rreturn': 'carriage return\n',
    'etc/line\u2028separator': 'separator\n',
    'etc/ümlaut': '',
  };
  const commit = await server.source.commit({ ...files, 'etc/link': { linkTo: 'plain' } });
  await tagOf(server, commit);
  const digest = await digestFor(server, `${WEB}?tag=etchautotag-20261120-0500`);
  const sums = await server.ask(`/v1/views/${digest}/manifest?format=sha256sum`);
  expect(sums.status).toBe(200);
  expect(sums.headers['content-type']).toBe('text/plain; charset=utf-8');
  expect(sums.text).not.toContain('etc/link');
  const root = await disposableDirectory();
  const archive = await server.ask(`/v1/views/${digest}/archive`);
  await execa('tar', ['-xz'], { cwd: root, input: archive.bytes });
  const checked = await execa('sha256sum', ['--check', '--strict'], { cwd: root, input: sums.bytes });
  expect(checked.stdout.match(/: OK$/gm)).toHaveLength(sums.text.trimEnd().split('\n').length);
  expect(sums.text.trimEnd().split('\n').length).toBeGreaterThanOrEqual(Object.keys(files).length);
  const etag = String(sums.headers.etag);
  const known = await server.ask(`/v1/views/${digest}/manifest?format=sha256sum`, {
    headers: { 'If-None-Match': etag },
  });
  expect(known.status).toBe(304);
  const strange = await server.ask(`/v1/views/${digest}/manifest?format=md5sum`);
  expect([strange.status, strange.json()['code']]).toEqual([400, 'bad-request']);
});

test('an unknown digest is 404, and what is no digest is 400', async () => {
  const server = shared();
  for (const what of ['archive', 'manifest', 'manifest?format=sha256sum']) {
    const unknown = await server.ask(`/v1/views/sha256:${'0'.repeat(64)}/${what}`);
    expect([unknown.status, unknown.json()['code']]).toEqual([404, 'unknown-digest']);
    for (const wrong of ['sha256:abc', `sha256:${'A'.repeat(64)}`, '..%2f..%2fetc', 'sha256:%00']) {
      const bad = await server.ask(`/v1/views/${wrong}/${what}`);
      expect([wrong, bad.status, bad.json()['code']]).toEqual([wrong, 400, 'bad-digest']);
    }
  }
});

test('the global killswitch stops content by digest, that of an environment does not', async () => {
  const server = await serving();
  const digest = await digestFor(server);
  await mkdir(join(server.base, 'killswitch.d'));
  writeFileSync(join(server.base, 'killswitch.d', 'production'), 'production only\n');
  expect((await server.ask(`/v1/views/${digest}/archive`)).status).toBe(200);
  await writeFile(join(server.base, 'killswitch'), 'everything\n');
  for (const what of ['archive', 'manifest', 'manifest?format=sha256sum']) {
    const stopped = await server.ask(`/v1/views/${digest}/${what}`, { headers: { 'If-None-Match': `"${digest}"` } });
    expect(stopped.status).toBe(423);
    expect(stopped.json()).toMatchObject({ code: 'killswitch', message: 'everything' });
    expect(stopped.headers['retry-after']).toBe('300');
  }
});

async function tagOf(server: Serving, commit: string): Promise<void> {
  const json = { hour: '2026112005', commit };
  expect((await server.ask('/v1/snapshots', { method: 'POST', json })).status).toBe(201);
}

async function bigArchive(server: Serving): Promise<string> {
  const commit = await server.source.commit({ 'big.bin': randomBytes(12 * 1024 * 1024) });
  await tagOf(server, commit);
  return `/v1/views/${await digestFor(server, `${WEB}?tag=etchautotag-20261120-0500`)}/archive`;
}

test('a client that goes away, or sends nonsense, in the middle of an archive harms nobody, and gets nothing else into it', async () => {
  const server = await serving();
  const path = await bigArchive(server);
  for (let round = 0; round < 5; round++) {
    await new Promise<void>((resolve, reject) => {
      const request = httpRequest(server.url + path, (response) => {
        response.once('data', () => response.destroy());
        response.once('close', resolve);
        response.on('error', () => undefined);
      });
      request.on('error', reject);
      request.end();
    });
  }
  const whole = await server.ask(path);
  expect(whole.headers['repr-digest']).toBe(`sha-256=:${sha256(whole.bytes).toString('base64')}:`);
  const answer = await interrupted(server, path);
  const body = answer.subarray(answer.indexOf('\r\n\r\n') + 4);
  expect(body.length).toBeGreaterThan(0);
  expect(whole.bytes.subarray(0, body.length).equals(body)).toBe(true);
  expect(server.logged().filter(({ level }) => level === 'error')).toEqual([]);
});

/** All bytes of an answer to a client that sends no HTTP as soon as the first of them has come. */
function interrupted(server: Serving, path: string): Promise<Buffer> {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    const socket = connect(Number(port), hostname, () => socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`));
    socket.once('data', () => socket.write('NONSENSE\r\n\r\n'));
    socket.on('data', (piece) => pieces.push(piece));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(Buffer.concat(pieces)));
  });
}
