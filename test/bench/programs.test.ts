import { writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, describe, expect, test } from 'vitest';
import { askAll, lineOf, type Request } from '../../bench/ask-job.ts';
import { openCpuTime } from '../../bench/cpu-time.ts';
import { runHerd } from '../../bench/herd-job.ts';
import { residentBytes } from '../../bench/memory.ts';
import { processTree } from '../../bench/processes.ts';
import { disposableDirectory } from '../rig/disposable.ts';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.closeAllConnections();
});

async function listening(
  answer: (path: string, body: string) => readonly [number, Record<string, string>],
): Promise<string> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const [status, headers] = answer(`${request.method} ${request.url}`, body);
    response
      .writeHead(status, { 'Content-Length': status === 304 ? 0 : 3, ...headers })
      .end(status === 304 ? '' : 'yes');
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function fileOf(lines: readonly string[]): Promise<string> {
  const file = join(await disposableDirectory(), 'lines');
  await writeFile(file, lines.join(''));
  return file;
}

describe('requests of the load generator', () => {
  test('are each made once, and what is to be kept of the answers is in their order', async () => {
    const bodies: string[] = [];
    const url = await listening((path, body) => {
      bodies.push(body);
      return [path === 'POST /2' ? 201 : 200, { 'X-Path': path }];
    });
    const requests: Request[] = [
      { method: 'GET', path: '/1' },
      { method: 'POST', path: '/2', body: '{"a":1}' },
      { method: 'GET', path: '/3' },
    ];
    const how = { connections: 2, close: false, keep: ['x-path'] };
    const asked = await askAll({ url, requests: await fileOf(requests.map(lineOf)), ...how });
    expect(asked.byStatus).toEqual({ 200: 2, 201: 1 });
    expect(asked.kept).toEqual([['GET /1'], ['POST /2'], ['GET /3']]);
    expect(bodies.sort()).toEqual(['', '', '{"a":1}']);
  });
});

describe('a herd', () => {
  test('downloads only where it is told something else than it runs, by what it runs', async () => {
    const paths: string[] = [];
    const url = await listening((path) => {
      paths.push(path);
      if (path.endsWith('/same.example.com')) return [304, {}];
      return [200, { 'Tagwave-Digest': 'sha256:new' }];
    });
    const hosts = [
      ['same.example.com', '"x"', 'sha256:old'],
      ['other.example.com', '"x"', 'sha256:old'],
      ['there.example.com', '"x"', 'sha256:new'],
    ];
    const herd = await runHerd({
      url,
      hosts: await fileOf(hosts.map((host) => `${JSON.stringify(host)}\n`)),
      seconds: 0.05,
    });
    expect(herd.polls.byStatus).toEqual({ 200: 2, 304: 1 });
    expect(herd.downloads.byStatus).toEqual({ 200: 1 });
    expect(paths).toContain('GET /v1/views/sha256:new/archive?from=sha256:old');
    expect(paths).toHaveLength(4);
  });
});

describe('the processes of a server', () => {
  test('are counted with what they start and still run, in time and in memory', async () => {
    const busy = 'let n = 0; while (n < 3e8) n++; console.log("done"); setInterval(() => undefined, 1000)';
    const child = execa('sh', ['-c', `"${process.execPath}" -e '${busy}'; :`], {
      buffer: false,
      reject: false,
      detached: true,
    });
    if (child.pid === undefined) throw new Error('no process');
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    expect(await processTree(child.pid)).toHaveLength(2);
    expect(await (await openCpuTime())(child.pid)).toBeGreaterThan(0);
    expect(await residentBytes(child.pid)).toBeGreaterThan(20_000_000);
    process.kill(-child.pid, 'SIGKILL');
    await child;
  });
});
