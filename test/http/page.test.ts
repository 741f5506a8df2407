import { mkdtempSync } from 'node:fs';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundlePage } from '../../server/web/bundle.mjs';
import { type Answer, ask, sharedServing } from './serving.ts';

const BUDGET_BYTES = 150_000;

const page = mkdtempSync(join(tmpdir(), 'tagwave-page-'));
beforeAll(() => bundlePage(page));
afterAll(() => rm(page, { recursive: true, force: true }));

const server = sharedServing({ pageDirectory: page });
const bare = sharedServing({ pageDirectory: join(page, 'not-there') });

function get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
  return ask(server().url, path, { headers });
}

async function assetPaths(): Promise<string[]> {
  const { text } = await get('/');
  return [...text.matchAll(/(?:src|href)="(assets\/[^"]+)"/g)].map(([, path]) => `/${path}`);
}

test('the first load is small', async () => {
  const answers = await Promise.all(
    ['/', ...(await assetPaths())].map((path) => get(path, { 'accept-encoding': 'gzip' })),
  );
  expect(answers).toHaveLength(3);
  const bytes = answers.reduce((sum, { bytes }) => sum + bytes.length, 0);
  expect(bytes).toBeGreaterThan(5_000);
  expect(bytes).toBeLessThan(BUDGET_BYTES);
});

test('nothing in the page is from anywhere else', async () => {
  const names = ['index.html', ...(await readdir(join(page, 'assets'))).map((name) => join('assets', name))];
  const texts = await Promise.all(names.map((name) => readFile(join(page, name), 'utf8')));
  const urls = texts.flatMap((text) => text.match(/\b(?:https?:)?\/\/[a-z0-9.-]+\.[a-z]{2,}[^\s"'`)]*/gi) ?? []);
  // What names the language of drawings is no place that anything is fetched from.
  expect(urls.filter((url) => !/^http:\/\/www\.w3\.org\/(?:2000\/svg|1998\/Math|1999\/xhtml)/.test(url))).toEqual([]);
});

test('the document may load nothing but what is here, and stands in no frame', async () => {
  const { status, headers, text } = await get('/');
  expect(status).toBe(200);
  expect(headers).toMatchObject({
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy':
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  });
  // The policy would refuse them.
  expect(text).not.toMatch(/<style|<script>|\sstyle=|\son[a-z]+=/);
});

test('every URL in the document is relative, so that the page works below any prefix', async () => {
  const { text } = await get('/');
  const urls = [...text.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, url]) => url ?? '');
  expect(urls.length).toBeGreaterThan(2);
  expect(urls.filter((url) => !url.startsWith('data:') && !url.startsWith('assets/'))).toEqual([]);
});

describe('an asset', () => {
  test('is kept for good by browsers, as its name has a hash of what is in it', async () => {
    for (const path of await assetPaths()) {
      const { status, headers } = await get(path);
      expect(path).toMatch(/-[A-Z0-9]{8}\.(?:js|css)$/);
      expect(status).toBe(200);
      expect(headers['cache-control']).toBe('public, max-age=31536000, immutable');
      expect(headers['content-type']).toMatch(/^text\/(?:javascript|css); charset=utf-8$/);
    }
  });

  test('that there is not is told as such, and not kept', async () => {
    for (const path of ['/assets/page-AAAAAAAA.js', '/assets/..%2Findex.html', '/assets/index.html']) {
      const { status, headers, json } = await get(path);
      expect([status, json()['code'], headers['cache-control']]).toEqual([404, 'not-found', 'no-store']);
    }
  });
});

test.each([
  ['gzip, deflate, br', 'br', brotliDecompressSync],
  ['gzip', 'gzip', gunzipSync],
  ['br;q=0, gzip;q=1.0', 'gzip', gunzipSync],
] as const)('what takes "%s" gets %s', async (accepted, coding, unpack) => {
  for (const path of ['/', ...(await assetPaths())]) {
    const plain = await get(path);
    const packed = await get(path, { 'accept-encoding': accepted });
    expect([plain.headers['content-encoding'], packed.headers['content-encoding']]).toEqual([undefined, coding]);
    expect(packed.headers.vary).toBe('Accept-Encoding');
    expect(unpack(packed.bytes).equals(plain.bytes)).toBe(true);
    expect(packed.headers.etag).not.toBe(plain.headers.etag);
  }
});

test('what a browser has already is not sent again', async () => {
  for (const encoding of ['identity', 'br']) {
    const { headers } = await get('/', { 'accept-encoding': encoding });
    const again = await get('/', { 'accept-encoding': encoding, 'if-none-match': headers.etag ?? '' });
    expect([again.status, again.bytes.length, again.headers.etag]).toEqual([304, 0, headers.etag]);
  }
});

test('HEAD says how long it is', async () => {
  const { headers } = await get('/');
  const head = await ask(server().url, '/', { method: 'HEAD' });
  expect([head.status, head.headers['content-length'], head.bytes.length]).toEqual([200, headers['content-length'], 0]);
});

test('the page that was read first stays while another is put in its place', async () => {
  const before = await get('/');
  const original = await readFile(join(page, 'index.html'), 'utf8');
  await writeFile(join(page, 'index.html'), '<title>another</title>');
  const after = await get('/');
  await writeFile(join(page, 'index.html'), original);
  expect(after.text).toBe(before.text);
});

test('a server without a page says what to do, and answers everything else', async () => {
  const answer = await ask(bare().url, '/');
  expect([answer.status, answer.json()['code']]).toEqual([404, 'not-found']);
  expect((await ask(bare().url, '/v1/status')).status).toBe(200);
});
