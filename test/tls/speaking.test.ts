import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { inHours, makeAuthority } from '../rig/certificates.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { runCommand, serve } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';
import { askTls, forThisMachine, sharedTlsServing, type TlsPlace, tlsPlace, tlsServing } from './tls-serving.ts';

const server = sharedTlsServing((directory) => tlsPlace({}, directory));

describe('over TLS', () => {
  test('TLS 1.2 and 1.3 are spoken, and nothing older', async () => {
    const { protocol, status } = await server().askTls('/healthz');
    expect([status, protocol]).toEqual([200, 'TLSv1.3']);
    expect((await server().askTls('/healthz', { maxVersion: 'TLSv1.2' })).protocol).toBe('TLSv1.2');
    const old = server().askTls('/healthz', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' });
    await expect(old).rejects.toThrow(/version|protocol/i);
  });

  test('only 1.3 is spoken where the settings say so', async () => {
    const strict = await tlsServing(await tlsPlace(), { 'tls.min_version': '1.3' });
    expect((await strict.askTls('/healthz')).status).toBe(200);
    await expect(strict.askTls('/healthz', { maxVersion: 'TLSv1.2' })).rejects.toThrow(/version|protocol/i);
  });

  test('who does not know the authority refuses the server', async () => {
    const stranger = await makeAuthority();
    await expect(server().askTls('/healthz', { ca: stranger })).rejects.toThrow(/certificate/);
  });

  test('HTTP/1.1 is agreed upon, and somebody who speaks nothing else than HTTP/2 is told so', async () => {
    expect(await agreedWith(['h2', 'http/1.1'])).toBe('http/1.1');
    await expect(agreedWith(['h2'])).rejects.toThrow(/application protocol/i);
  });

  test('a question in plain HTTP is told to come over HTTPS', async () => {
    const { port } = new URL(server().url);
    const answer = await server().raw(`GET /healthz HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer).toContain('this port speaks HTTPS only');
    expect(await server().raw('\0\x01nothing that anybody speaks\r\n')).not.toContain('HTTP');
    expect((await server().askTls('/healthz')).status).toBe(200);
  });

  test("browsers are told to come over TLS only, but not for names of this machine, and not by hosts' answers", async () => {
    const told = async (path: string, Host: string) =>
      (await server().askTls(path, { headers: { Host } })).headers['strict-transport-security'];
    expect(await told('/v1/status', 'tagwave.example.com')).toBe('max-age=2592000');
    expect(await told('/healthz', 'tagwave.example.com:8420')).toBe('max-age=2592000');
    expect(await told('/v1/status', 'localhost:8420')).toBeUndefined();
    expect(await told('/v1/status', '127.0.0.1')).toBeUndefined();
    expect(await told('/v1/nodes/web-1.example.com', 'tagwave.example.com')).toBeUndefined();
  });

  test('a token is looked at, from whatever machine it comes', async () => {
    const headers = { Host: 'tagwave.example.com', Authorization: `Bearer twa_${'A'.repeat(43)}` };
    expect((await server().askTls('/v1/status', { headers })).json()['code']).toBe('unauthenticated');
  });
});

test('who does not finish shaking hands is cut off, however slowly they go on, and takes up a place until then', async () => {
  const slow = await tlsServing(await tlsPlace(), {
    'http.headers_timeout_seconds': 1,
    'http.max_connections': 2,
  });
  const { port } = new URL(slow.url);
  const open = () => {
    const socket = connect(Number(port), '127.0.0.1');
    socket.on('error', () => undefined);
    onTestFinished(() => void socket.destroy());
    return socket;
  };
  const [silent, dribbling] = [open(), open()];
  await Promise.all([once(silent, 'connect'), once(dribbling, 'connect')]);
  dribble(dribbling);
  // The third is one too many.
  await expect(slow.askTls('/healthz')).rejects.toThrow();
  await Promise.all([once(silent, 'close'), once(dribbling, 'close')]);
  expect((await slow.askTls('/healthz')).status).toBe(200);
});

/** The head of a long hello, a byte now and then. */
async function dribble(socket: Socket): Promise<void> {
  socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]));
  while (!socket.destroyed) {
    socket.write(Buffer.from([0x55]));
    await delay(50);
  }
}

function agreedWith(ALPNProtocols: string[]): Promise<string | false | null> {
  const { port } = new URL(server().url);
  return new Promise((resolve, reject) => {
    const { certificate } = server().place.authority;
    const socket = connectTls({ port: Number(port), host: '127.0.0.1', ca: certificate, ALPNProtocols });
    onTestFinished(() => void socket.destroy());
    socket.on('secureConnect', () => resolve(socket.alpnProtocol));
    socket.on('error', reject);
  });
}

describe('the command', () => {
  test('prints the address with https, and answers there', async () => {
    const place = await tlsPlace();
    const { url } = await serve(await baseWith(place));
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    expect((await askTls(url, '/healthz', { ca: place.authority })).status).toBe(200);
  });

  test('has several workers speak TLS, believe certificates, and take new ones', async () => {
    const nodes = await makeAuthority('Nodes');
    const place = await tlsPlace({ client_ca: nodes.certificate });
    const base = await baseWith(place, 'auth:\n  nodes: mtls\n');
    const { url } = await serve(base, { env: { TAGWAVE_WORKERS: '2' } });
    const as = await nodes.issue({ name: 'web-1.example.com' });
    const ask = (host: string) => askTls(url, `/v1/nodes/${host}`, { ca: place.authority, as });
    // There is no tag yet.
    expect((await ask('web-1.example.com')).json()['code']).toBe('hold');
    expect((await ask('web-2.example.com')).json()['code']).toBe('not-your-own');
    const next = await forThisMachine(place.authority);
    await place.putPair(next);
    await until('both doors to show the new one', async () => {
      const shown = await Promise.all(Array.from({ length: 8 }, () => ask('web-1.example.com')));
      return shown.every(({ serial }) => serial === next.serial) || undefined;
    });
  });

  const unusable: readonly [string, string, RegExp, (place: TlsPlace) => Promise<unknown>][] = [
    [
      'a key of another certificate, with several workers',
      '2',
      /tls\.cert and tls\.key do not belong together/,
      async (place) => place.put('key', (await forThisMachine(place.authority)).key),
    ],
    ['no certificate at all', '1', /tls\.cert: .*cert\.pem cannot be used/, (place) => place.put('cert', 'nothing\n')],
    [
      'a key that is cut off',
      '1',
      /tls\.key: .*key\.pem/,
      (place) => place.put('key', '-----BEGIN PRIVATE KEY-----\nMIG'),
    ],
  ];
  test.each(unusable)('refuses to start with %s, and says which file it is', async (_what, workers, said, spoil) => {
    const place = await tlsPlace();
    await spoil(place);
    const args = ['serve', '--base', await baseWith(place), '--listen', '127.0.0.1:0'];
    const ended = await runCommand(args, { env: { TAGWAVE_WORKERS: workers } });
    expect([ended.code, ended.stdout]).toEqual([1, '']);
    expect(ended.stderr).toMatch(said);
    expect(ended.stderr).not.toContain('MIG');
  });
});

async function baseWith({ settings }: TlsPlace, more = ''): Promise<string> {
  const base = await disposableDirectory();
  const tls = Object.entries(settings).map(([key, value]) => `  ${key.slice('tls.'.length)}: ${value}\n`);
  await writeFile(join(base, 'server.yml'), `tls:\n${tls.join('')}${more}`);
  return base;
}

describe('a problem', () => {
  const problems = (of: Awaited<ReturnType<typeof tlsServing>>) =>
    of.app.context.problems.standing().map(({ sentence }) => sentence);
  const stands = (of: Awaited<ReturnType<typeof tlsServing>>, what: RegExp) =>
    until(`a problem ${what}`, () => problems(of).some((text) => what.test(text)) || undefined);

  test('stands while a pair does not fit together, and the one from before is used', async () => {
    const place = await tlsPlace();
    const one = await tlsServing(place);
    const { serial } = await one.askTls('/healthz');
    const next = await forThisMachine(place.authority);
    await place.put('cert', next.certificate);
    await stands(one, /do not belong together.*the certificate from before is still in use/);
    expect((await one.askTls('/healthz')).serial).toBe(serial);
    await place.put('key', next.key);
    await until('the new one', async () => (await one.askTls('/healthz')).serial === next.serial || undefined);
    await until('no problem', () => problems(one).every((text) => !text.includes('belong together')) || undefined);
  });

  test('stands when a certificate is about to expire, and when others may read the key', async () => {
    const place = await tlsPlace();
    const soon = { name: 'localhost', names: [{ type: 'ip', value: '127.0.0.1' }], until: inHours(24 * 13) } as const;
    await place.putPair(await place.authority.issue(soon));
    await chmod(join(place.directory, 'key.pem'), 0o644);
    const one = await tlsServing(place);
    await stands(one, /the server's certificate \(.*\) expires at/);
    await stands(one, /every user of this machine may read .*key\.pem/);
    await place.putPair(await forThisMachine(place.authority));
    await until('no problem', () => problems(one).every((text) => !/expires|may read/.test(text)) || undefined);
  });
});
