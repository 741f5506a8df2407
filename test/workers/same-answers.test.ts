import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BEFORE, HOSTS, NEWEST, testBase, useBases } from '../cli/base.ts';
import { type Answer, type Asking, ask } from '../http/serving.ts';
import { serve } from '../rig/server-process.ts';
import { openDoorTo } from './doors.ts';
import { serveWorkers } from './serving-workers.ts';

useBases();

type Question = readonly [path: string, asking?: Asking];

/** What hosts and operators ask, well and badly. Nothing in it changes anything that another question is about. */
function questions(etag: string, digest: string): Question[] {
  const view = `/v1/views/${digest}`;
  const web = `/v1/nodes/${HOSTS.web}`;
  const hosts = Object.values(HOSTS).map((host): Question => [`/v1/nodes/${host}`]);
  return [
    ...hosts,
    ...hosts,
    [web, { headers: { 'If-None-Match': etag } }],
    [web, { headers: { 'If-None-Match': `W/${etag}, "x"` } }],
    [web, { headers: { Accept: 'text/plain' } }],
    [web, { method: 'HEAD' }],
    [`${web}?tag=${BEFORE}`, { headers: { Accept: 'text/plain' } }],
    [`${web}?tag=nonsense`],
    [`${web}?wait=x`],
    [web, { headers: { 'Tagwave-Running': 'nonsense' } }],
    ['/v1/nodes/-'],
    ['/v1/nodes/new.example.com'],
    [`${web}/archive`],
    [`${web}/manifest`],
    [`${view}/archive`, { headers: { Range: 'bytes=0-9' } }],
    [`${view}/archive`, { headers: { Range: 'bytes=999999999-' } }],
    [`${view}/archive`, { headers: { 'If-None-Match': `"${digest}"` } }],
    [`${view}/archive`, { headers: { 'If-Match': '"other"' } }],
    [`${view}/archive`, { method: 'HEAD' }],
    [`${view}/manifest?format=sha256sum`],
    [`/v1/views/sha256:${'0'.repeat(64)}/archive`],
    [`${web}/reports`, { method: 'POST' }],
    [`${web}/reports`, { method: 'POST', json: { outcome: 'happy' } }],
    [`${web}/reports`, { method: 'POST', json: { error: 'x'.repeat(300_000) } }],
    ['/v1/killswitch'],
    ['/v1/killswitch', { headers: { Host: 'tagwave.example.com' } }],
    ['/v1/killswitch', { headers: { 'X-Forwarded-For': '127.0.0.1' } }],
    ['/v1/killswitch', { method: 'PUT', json: {} }],
    [`/v1/tags/${NEWEST}`],
    ['/nothing'],
    ['/healthz', { method: 'DELETE' }],
    ['/healthz'],
  ];
}

/** Byte for byte, but for the time, and the number of the request. */
function said(answer: Answer): unknown {
  const number = String(answer.headers['x-request-id']);
  const text = answer.bytes.toString('latin1');
  const names = ['Date', 'X-Request-Id', ...(text.includes(number) ? ['Content-Length'] : [])];
  const headers = answer.rawHeaders.map((value, index) =>
    names.includes(answer.rawHeaders[index - 1] ?? '') ? '' : value,
  );
  return [answer.status, headers, text.replaceAll(number, '')];
}

async function answersOf(url: string, asked: readonly Question[]): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (const [path, asking] of asked) answers.push([path, asking, said(await ask(url, path, asking))]);
  return answers;
}

test('every door, and a server without doors, answer the same to the last byte', async () => {
  const { base } = await testBase();
  await mkdir(join(base, 'killswitch.d'));
  const workers = await serveWorkers(base);
  const doors = [await openDoorTo(base), await openDoorTo(base)];
  const { headers } = await ask(workers.url, `/v1/nodes/${HOSTS.web}`);
  const asked = questions(String(headers.etag), String(headers['tagwave-digest']));
  // Asked once before, so that nobody is new to it, and that it is known by whom it can be answered.
  const [first, ...others] = [workers, ...doors].map(({ url }) => url);
  await answersOf(first ?? '', asked);
  const expected = await answersOf(first ?? '', asked);
  for (const url of others) expect(await answersOf(url, asked)).toEqual(expected);
  workers.child.kill('SIGTERM');
  await workers.ended;
  const alone = await serve(base);
  expect(await answersOf(alone.url, asked)).toEqual(expected);
});
