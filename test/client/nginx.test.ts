import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { until } from '../rig/until.ts';
import { type HookHost, type Hooks, hookHost } from './hook-host.ts';
import { NEXT_TAG, TAG } from './serve-view.ts';

const NGINX = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx'].find((path) => existsSync(path));

interface Answered {
  readonly status: number;
  readonly body: string;
}

/** Each request on a connection of its own: none may be refused, reset or answered wrongly. */
function get(port: number, path: string): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, agent: false }, (incoming) => {
      let body = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      incoming.once('error', reject).once('end', () => resolve({ status: incoming.statusCode ?? 0, body }));
    });
    outgoing.once('error', reject).end();
  });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

interface Load {
  /** Until the load ended: what was answered, how often. */
  stop(): Promise<{ readonly answers: ReadonlyMap<string, number>; readonly dropped: readonly string[] }>;
}

/** Keeps asking, some requests at a time. */
function load(port: number): Load {
  const answers = new Map<string, number>();
  const dropped: string[] = [];
  let isOver = false;
  const ask = async (): Promise<void> => {
    while (!isOver) {
      try {
        const { status, body } = await get(port, '/');
        const answer = `${status} ${body}`;
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
      } catch (error) {
        dropped.push(String(error));
      }
    }
  };
  const askers = Array.from({ length: 4 }, ask);
  return {
    async stop() {
      isOver = true;
      await Promise.all(askers);
      return { answers, dropped };
    },
  };
}

interface Site {
  readonly at: HookHost;
  readonly port: number;
  /** From now on this content is assigned. `ready` is the page that tells that it is in use. */
  serve(
    content: { readonly text: string; readonly ready?: string; readonly more?: string },
    tag?: string,
  ): Promise<unknown>;
}

/** A host with an nginx of its own, which its first release starts. */
async function site(): Promise<Site> {
  const at = await hookHost();
  const port = await freePort();
  const { beside, target } = at;
  const nginx = `${NGINX} -e ${beside}/error.log -p ${beside}`;
  const running = `${nginx} -c ${target}/current/nginx.conf`;
  const hooksOf = (text: string): Hooks => ({
    hooks: [
      {
        when: ['nginx.conf', 'sites/**'],
        test: `${nginx} -t -q -c "$TAGWAVE_RELEASE/nginx.conf"`,
        run: `if test -s ${beside}/nginx.pid; then ${running} -s reload; else ${running}; fi`,
        // The signal to reload is answered before it is obeyed: what is asked for is there only afterwards.
        verify: { http: `http://127.0.0.1:${port}/ready/${text}`, retries: 20, interval_seconds: 0.1 },
      },
    ],
  });
  onTestFinished(async () => {
    const pid = Number(await readFile(join(beside, 'nginx.pid'), 'utf8').catch(() => '0'));
    if (pid > 0) process.kill(pid, 'SIGTERM');
  });
  return {
    at,
    port,
    serve: ({ text, ready = text, more = '' }, tag) =>
      at.serve(
        { 'nginx.conf': mainOf(beside), 'sites/one.conf': siteOf({ port, text, ready, more }) },
        hooksOf(text),
        tag,
      ),
  };
}

function mainOf(beside: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${beside}/${kind};`,
  );
  return `pid ${beside}/nginx.pid;
error_log ${beside}/error.log;
worker_processes 2;
events {}
http {
  access_log off;
  ${temporary.join('\n  ')}
  include sites/*.conf;
}
`;
}

function siteOf({ port, text, ready, more }: { port: number; text: string; ready: string; more: string }): string {
  return `server {
  listen 127.0.0.1:${port};
  ${more}
  location = /ready/${ready} { return 200 "yes"; }
  location = / { return 200 "${text}"; }
  location / { return 404; }
}
`;
}

describe.skipIf(NGINX === undefined)('a real nginx (skipped where none is installed: apt-get install nginx)', () => {
  test('is started by its first release, and reloaded by the next, without a dropped request', async () => {
    const { at, port, serve } = await site();
    await serve({ text: 'one' }, TAG);
    expect(await at.poll()).toMatchObject({ code: 0, stderr: '' });
    expect(await get(port, '/')).toEqual({ status: 200, body: 'one' });
    const visitors = load(port);
    await serve({ text: 'two' }, NEXT_TAG);
    expect(await at.poll()).toMatchObject({ code: 0, stdout: expect.stringContaining(NEXT_TAG), stderr: '' });
    await until('the new page', async () => (await get(port, '/')).body === 'two' || undefined);
    const { answers, dropped } = await visitors.stop();
    expect(dropped).toEqual([]);
    expect([...answers.keys()].sort()).toEqual(['200 one', '200 two']);
  });

  test('never meets a bad configuration: it is refused, in nginx’s own words, without a dropped request', async () => {
    const { at, port, serve } = await site();
    await serve({ text: 'one' }, TAG);
    await at.poll();
    const visitors = load(port);
    await serve({ text: 'two', more: 'no_such_directive on;' }, NEXT_TAG);
    const run = await at.poll();
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toContain(`${NEXT_TAG} is not put into use: test hook 1`);
    expect(run.stderr).toContain('unknown directive "no_such_directive"');
    expect(at.server.reports.at(-1)).toMatchObject({
      outcome: 'refused',
      error: expect.stringContaining('unknown directive'),
    });
    const { answers, dropped } = await visitors.stop();
    expect(dropped).toEqual([]);
    expect([...answers.keys()]).toEqual(['200 one']);
  });

  test('that takes a configuration but does not serve with it goes back to the one before, without a dropped request', async () => {
    const { at, port, serve } = await site();
    await serve({ text: 'one' }, TAG);
    await at.poll();
    const visitors = load(port);
    await serve({ text: 'two', ready: 'never' }, NEXT_TAG);
    const run = await at.poll();
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toContain(`went back from ${NEXT_TAG}`);
    expect(run.stderr).toContain(
      `verify (http://127.0.0.1:${port}/ready/two) answered 404 instead of 2xx, asked 21 times`,
    );
    await until('the old page', async () => (await get(port, '/ready/one')).status === 200 || undefined);
    await until('nothing but the old page', async () => (await get(port, '/')).body === 'one' || undefined);
    const { answers, dropped } = await visitors.stop();
    expect(dropped).toEqual([]);
    expect([...answers.keys()].sort()).toEqual(['200 one', '200 two']);
    expect(at.server.reports.at(-1)).toMatchObject({ outcome: 'rolled-back', tag: NEXT_TAG });
    expect(await at.poll()).toMatchObject({ code: 1, stderr: '' });
  });
});
