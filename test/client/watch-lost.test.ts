import { writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { kill9, startCommand } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';
import { at, train } from '../stories/train.ts';
import { DEV, hour, watching } from './watching.ts';

describe('a host that watches', () => {
  test('survives that the server is killed and started again, and applies what changed meanwhile', async () => {
    const seed = await train();
    await seed.stop();
    const base = seed.base;
    const env = {
      TAGWAVE_REPO_URL: join(base, '../config'),
      TAGWAVE_REPO_BRANCH: 'main',
      TAGWAVE_REPO_POLL_SECONDS: '1',
    };
    await writeFile(join(base, 'nodes.yml'), `"${DEV}": {groups: [dev], tag: trunk}\n`);
    const port = await freePort();
    const start = () => startCommand(['serve', '--base', base, '--listen', `127.0.0.1:${port}`], { env });
    const first = await start();
    const host = await watching(`http://127.0.0.1:${port}`, { flags: ['--splay', '0', '--verbose'] });
    await host.has('etc/release', hour(10));
    await kill9(first);
    await host.says('stderr', /no server answered/);
    await seed.commit({ 'etc/release': 'after the restart\n' });
    await start();
    await host.has('etc/release', 'after the restart\n');
    host.kill('SIGTERM');
    expect((await host.ended).code).toBe(0);
  });

  test('survives that the server is stopped in good order and started again', async () => {
    const server = await train({ env: await fixedPort() });
    const host = await watching(server.url);
    await host.has('etc/release', hour(10));
    const again = await server.restart();
    await again.commit({ 'etc/release': hour(11) });
    await again.passTo(at('11:00'));
    await host.has('etc/release', hour(11));
    expect(host.said.stderr).toBe('');
  });

  test('tells once that no server answers when it starts without one, and applies when there is one', async () => {
    const port = await freePort();
    const host = await watching(`http://127.0.0.1:${port}`);
    await host.says('stderr', /no server answered: .*connection refused/);
    await train({ env: { TAGWAVE_LISTEN: `127.0.0.1:${port}` } });
    await host.has('etc/release', hour(10));
    expect(host.said.stderr.match(/no server answered/g)).toHaveLength(1);
  });

  test('asks again as often as the server wants where a proxy does not hold its questions', async () => {
    const server = await train({ env: { TAGWAVE_POLL_AFTER_SECONDS: '1' } });
    const proxy = await impatientProxy(server.url);
    const host = await watching(proxy.url);
    await host.has('etc/release', hour(10));
    await until('it to poll', () => proxy.asked() > 5 || undefined);
    await server.commit({ 'etc/release': hour(11) });
    await server.passTo(at('11:00'));
    await host.has('etc/release', hour(11));
  });
});

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A server that can come back to where it was. */
async function fixedPort(): Promise<Record<string, string>> {
  return { TAGWAVE_LISTEN: `127.0.0.1:${await freePort()}` };
}

/** Hands on every request but for the wish to wait. */
async function impatientProxy(target: string): Promise<{ readonly url: string; asked(): number }> {
  let asked = 0;
  const http = createServer((incoming, outgoing) => {
    asked++;
    const url = target + incoming.url?.replace(/\?wait=\d+$/, '');
    const request = httpRequest(url, { method: incoming.method, headers: incoming.headers, agent: false }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    request.on('error', () => outgoing.destroy());
    incoming.pipe(request);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  return { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, asked: () => asked };
}
