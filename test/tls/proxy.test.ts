import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ask, serving } from '../http/serving.ts';
import { until } from '../rig/until.ts';
import { askTls, type TlsPlace, tlsPlace } from './tls-serving.ts';

const hasNginx = spawnSync('nginx', ['-v']).status === 0;
const TOKEN = { Authorization: `Bearer twa_${'A'.repeat(43)}` };

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

interface Proxy {
  readonly https: string;
  readonly http: string;
}

/** A real nginx, set up as its own documentation does it, over TLS and without. */
async function nginx({ directory }: TlsPlace, to: string): Promise<Proxy> {
  const [tls, plain] = [await freePort(), await freePort()];
  const passing = `
      location / {
        proxy_pass ${to};
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
      }`;
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${name};`);
  await writeFile(
    join(directory, 'nginx.conf'),
    `daemon off; pid nginx.pid; error_log stderr; worker_processes 1; events {}
    http {
      access_log off; ${temporary.join(' ')}
      server { listen 127.0.0.1:${tls} ssl; ssl_certificate cert.pem; ssl_certificate_key key.pem; ${passing} }
      server { listen 127.0.0.1:${plain}; ${passing} }
    }`,
  );
  await chmod(directory, 0o755);
  const child = spawn('nginx', ['-p', directory, '-c', join(directory, 'nginx.conf')], { stdio: 'ignore' });
  onTestFinished(async () => {
    if (child.exitCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'exit');
  });
  const urls = { https: `https://127.0.0.1:${tls}`, http: `http://127.0.0.1:${plain}` };
  await until('nginx to answer', () =>
    ask(urls.http, '/healthz').then(
      () => true,
      () => undefined,
    ),
  );
  return urls;
}

test.skipIf(!hasNginx)(
  'behind nginx that speaks TLS nobody is local, and a token is taken only when it came over TLS',
  async () => {
    const place = await tlsPlace();
    const server = await serving({ settings: { 'http.trust_proxy': ['127.0.0.1'] } });
    const proxy = await nginx(place, server.url);
    const ca = place.authority;
    const codeOver = {
      https: async (headers = {}) => (await askTls(proxy.https, '/v1/status', { ca, headers })).json()['code'],
      http: async (headers = {}) => (await ask(proxy.http, '/v1/status', { headers })).json()['code'],
    };
    expect((await askTls(proxy.https, '/v1/nodes/web-1.example.com', { ca })).status).toBe(200);
    for (const headers of [
      {},
      { Host: 'localhost' },
      { 'X-Forwarded-For': '127.0.0.1' },
      { Forwarded: 'for=127.0.0.1' },
    ]) {
      expect(await codeOver.https(headers)).toBe('unauthenticated');
      expect(await codeOver.http(headers)).toBe('unauthenticated');
    }
    expect(await codeOver.https(TOKEN)).toBe('unauthenticated');
    expect(await codeOver.http(TOKEN)).toBe('insecure-transport');
    expect(await codeOver.http({ ...TOKEN, 'X-Forwarded-Proto': 'https' })).toBe('insecure-transport');
  },
);

test.skipIf(!hasNginx)('behind nginx that nobody named, what it says of others counts for nothing', async () => {
  const place = await tlsPlace();
  const server = await serving();
  const proxy = await nginx(place, server.url);
  const answer = await askTls(proxy.https, '/v1/status', { ca: place.authority, headers: TOKEN });
  expect(answer.json()['code']).toBe('insecure-transport');
  expect((await askTls(proxy.https, '/v1/status', { ca: place.authority })).status).toBe(401);
});
