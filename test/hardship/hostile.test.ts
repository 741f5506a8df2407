import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { floorHour, tagNameOf } from '../../protocol/names.ts';
import { type Answer, ask } from '../http/serving.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { sourceRepository } from '../rig/git.ts';
import { age } from '../rig/server.ts';
import { type Serving, serve } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';

const NO_HOSTS = [
  '..',
  '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
  'a%2fb',
  'web1;touch%20x',
  '$(touch%20x)',
  '%60touch%20x%60',
  'web%201',
  'web1%00',
  '%0atagstate',
  '-rf',
  '--help',
  'x'.repeat(300),
  `${'x.'.repeat(149)}xx`,
  'web1%1b%5b2J',
  '%c2%9b31m',
  '%e2%80%ae',
  '*',
  '__proto__',
];
const NO_TAGS = [
  '..',
  '..%2f..%2fHEAD',
  'etchautotag-20261120-0800%2f..',
  'etchautotag-20261120-0800%0agood',
  '%1b%5b2J',
  '-d',
];
const CONTROL = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;
const NASTY = 'quiet\nweb1 trunk\r\n\u001b]0;owned\u0007\u009b2J\u202e\u2028';

interface Moat {
  /** Holds the base and a directory beside it. */
  readonly root: string;
  readonly base: string;
  readonly server: Serving;
}

/** A server whose nodetagger writes down whom it was called for. */
async function moat(): Promise<Moat> {
  const root = await disposableDirectory();
  const base = join(root, 'base');
  const source = await sourceRepository();
  await source.commit({ 'etc/motd': 'hello\n' });
  await mkdir(join(root, 'beside'));
  await mkdir(base);
  await writeFile(join(base, 'nodetagger'), '#!/bin/sh\nprintf "%s\\n" "$*" >> asked\necho trunk\n');
  await chmod(join(base, 'nodetagger'), 0o755);
  const http = { local_changes: true, headers_timeout_seconds: 2, request_timeout_seconds: 2, body_limit_kib: 64 };
  await writeFile(join(base, 'server.yml'), JSON.stringify({ repo: { url: source.directory }, http }));
  await age(join(base, 'server.yml'));
  const server = await serve(base);
  await until('trunk to be fetched', async () =>
    (await ask(server.url, '/v1/nodes/web0')).status === 200 ? true : undefined,
  );
  return { root, base, server };
}

/** Everything but what the server keeps for itself. */
async function filesOf({ root }: Moat): Promise<string[]> {
  const names = await readdir(root, { recursive: true });
  return names.filter((name) => !name.startsWith('base/var/')).sort();
}

/** Twenty hosts that poll one after the other until they are told to stop; answers everything that was not served. */
function fleet({ server }: Moat): () => Promise<{ polls: number; refused: Answer[] }> {
  let over = false;
  let polls = 0;
  const refused: Answer[] = [];
  const hosts = Array.from({ length: 20 }, async (_, index) => {
    while (!over) {
      const answer = await ask(server.url, `/v1/nodes/web${index}.example.org`);
      if (answer.status !== 200) refused.push(answer);
      polls++;
      await turn();
    }
  });
  return async () => {
    over = true;
    await Promise.all(hosts);
    return { polls, refused };
  };
}

async function silent(url: string, count: number): Promise<{ closed: () => number }> {
  const { hostname, port } = new URL(url);
  let closed = 0;
  const opened = Array.from({ length: count }, async (_, index) => {
    const socket = await new Promise<Socket>((resolve, reject) => {
      const made = connect(Number(port), hostname, () => resolve(made));
      made.once('error', reject);
    });
    socket.on('error', () => undefined).on('close', () => closed++);
    socket.resume();
    if (index % 2 === 0) socket.write('POST /v1/snapshots HTTP/1.1\r\nHost: x\r\nX-Slow: ');
  });
  await Promise.all(opened);
  return { closed: () => closed };
}

/** What is no host name or no tag, on every route that takes one; answers what was not refused as it should be. */
async function strangeNames(url: string): Promise<unknown[]> {
  const wrong: unknown[] = [];
  const expectCode = async (method: string, path: string, codes: readonly string[]) => {
    const answer = await ask(url, path, method === 'GET' ? {} : { method, json: { tag: 'trunk', state: 'bad' } });
    const { code, title } = answer.json();
    if (!codes.includes(String(code)) || answer.status >= 500 || CONTROL.test(answer.text.trimEnd()) || title === '')
      wrong.push([method, path, answer.status, answer.text]);
  };
  for (const name of NO_HOSTS) {
    for (const rest of ['', '/archive', '/manifest', '/explain'])
      await expectCode('GET', `/v1/nodes/${name}${rest}`, ['bad-hostname']);
    await expectCode('PUT', `/v1/nodes/${name}/pin`, ['bad-hostname']);
    await expectCode('POST', `/v1/nodes/${name}/reports`, ['bad-hostname']);
  }
  for (const name of NO_TAGS) {
    await expectCode('GET', `/v1/nodes/web1?tag=${name}`, ['bad-tag']);
    await expectCode('GET', `/v1/tags/${name}`, ['bad-tag', 'not-found']);
    await expectCode('PUT', `/v1/tags/${name}/mark`, ['bad-tag', 'not-found']);
    await expectCode('PUT', `/v1/killswitch/${name}`, ['bad-environment', 'bad-request']);
    await expectCode('GET', `/v1/views/${name}/archive`, ['bad-digest', 'not-found']);
  }
  return wrong;
}

describe('while twenty hosts poll', () => {
  let at: Moat;
  let stopPolling: ReturnType<typeof fleet>;
  beforeEach(async () => {
    at = await moat();
    stopPolling = fleet(at);
  });
  afterEach(async () => {
    const { polls, refused } = await stopPolling();
    expect(polls).toBeGreaterThan(20);
    expect(refused.map(({ text }) => text)).toEqual([]);
    const lines = at.server.said.stderr.trimEnd().split('\n');
    expect(lines.filter((line) => CONTROL.test(line))).toEqual([]);
    expect(lines.map((line) => JSON.parse(line)).filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('500 connections that send nothing, names that climb or inject, and bodies that are too large keep none of them waiting, and leave nothing anywhere', async () => {
    const before = await filesOf(at);
    const { url } = at.server;
    const crowd = await silent(url, 500);
    expect(await strangeNames(url)).toEqual([]);
    const large = JSON.stringify({ error: 'x'.repeat(100_000) });
    for (const [method, path] of [
      ['POST', '/v1/nodes/web1/reports'],
      ['PUT', '/v1/killswitch'],
      ['POST', '/v1/preview'],
    ] as const) {
      const type = { 'Content-Type': 'application/json' };
      const answer = await ask(url, path, { method, body: large, headers: type });
      expect([path, answer.status, answer.json()['code']]).toEqual([path, 413, 'body-too-large']);
    }
    await until('all silent connections to be cut off', () => crowd.closed() === 500);
    expect(await filesOf(at)).toEqual(
      [...before, 'base/asked'].filter((name, index, all) => all.indexOf(name) === index).sort(),
    );
    const asked = (await readFile(join(at.base, 'asked'), 'utf8')).trimEnd().split('\n');
    expect(asked.filter((name) => !/^web\d+(\.example\.org)?$/.test(name))).toEqual([]);
    expect((await ask(url, '/v1/nodes/WEB1.Example.ORG.')).json()['hostname']).toBe('web1.example.org');
  });

  test('reasons, messages and reports with line ends and escapes cannot add a line to a control file or reach a terminal', async () => {
    const { url } = at.server;
    const tag = tagNameOf(floorHour(Date.now()));
    const { tags } = (await ask(url, '/v1/tags')).json() as { tags: { name: string }[] };
    const name = tags[0]?.name ?? tag;
    expect(
      (await ask(url, `/v1/tags/${name}/mark`, { method: 'PUT', json: { state: 'bad', reason: NASTY } })).status,
    ).toBe(200);
    expect(
      (await ask(url, '/v1/nodes/web1/pin', { method: 'PUT', json: { tag: 'trunk', reason: NASTY } })).status,
    ).toBe(200);
    const report = {
      runId: 'run-00001',
      tag: 'trunk',
      digest: null,
      outcome: 'failed',
      startedAt: '2026-11-20T08:00:00Z',
      durationMs: 1,
      changed: 0,
      error: NASTY,
      facts: { os: NASTY },
      clientVersion: NASTY,
    };
    expect((await ask(url, '/v1/nodes/web1/reports', { method: 'POST', json: report })).status).toBe(201);
    for (const file of ['tagstate', 'pins']) {
      const text = await readFile(join(at.base, file), 'utf8');
      expect([file, text.trimEnd().split('\n').length]).toEqual([file, 1]);
      expect(text.trimEnd()).not.toMatch(CONTROL);
    }
    for (const path of ['/v1/status', '/v1/events', '/v1/nodes', '/v1/nodes/web1/explain']) {
      const answer = await ask(url, path);
      expect(answer.status).toBe(200);
      expect(answer.text.trimEnd()).not.toMatch(CONTROL);
    }
  });
});
