import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { SECRET_BYTES, tokenFrom } from '../../server/core/token.ts';
import { namesIn, PARAMETERS } from '../../server/http/parameters.ts';
import { ROUTES } from '../../server/http/routes.ts';
import { makeTokens, type Tokens } from '../attackers/people.ts';
import { house } from '../oidc/house.ts';
import { releaseDirectory } from '../rig/client-bundle.ts';
import { type Described, described, type Exchanged, holdAgainst } from '../rig/described.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { testServer } from '../rig/server.ts';
import { type Answer, type Asking, ask, sharedServing } from './serving.ts';

const HERE = 'http://tagwave.test';
const TAG = 'etchautotag-20261120-0700';
const NEWER = 'etchautotag-20261120-1000';
const document = described();
const judge = holdAgainst(document);
/** What was answered as it is described: `GET /v1/nodes/{hostname} 200`. */
const shown = new Set<string>();

/** Asks, and expects the answer to be as it is described. */
async function asked(url: string, path: string, asking: Asking & { readonly status: number }): Promise<Answer> {
  const answer = await ask(url, path, asking);
  expect([path, answer.status, answer.text.slice(0, 500)]).toEqual([path, asking.status, expect.anything()]);
  hold({ method: asking.method ?? 'GET', path, sent: asking.json, ...answer });
  return answer;
}

function hold(exchanged: Exchanged): void {
  const { what, wrongs } = judge(exchanged);
  expect([exchanged.method, exchanged.path, wrongs]).toEqual([exchanged.method, exchanged.path, []]);
  if (what !== null) shown.add(what);
}

test('the description is an OpenAPI 3.1 document of this version', async () => {
  const validator = new Validator();
  expect(await validator.validate(JSON.parse(JSON.stringify(document)))).toEqual({ valid: true });
  expect(validator.version).toBe('3.1');
  const server = await testServer({ now: '2026-11-20T11:20:00Z' });
  const served = (await (await fetch(`${server.url}/openapi.json`)).json()) as Described;
  expect(served['info']).toMatchObject({ version: packageJson.version, license: { identifier: packageJson.license } });
  expect({ ...served, info: null }).toEqual({ ...document, info: null });
});

test('it has every route and nothing else, each under a name of its own', () => {
  const there = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => ({
      name: `${method.toUpperCase()} ${path}`,
      operationId,
    })),
  );
  const routes = ROUTES.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
  expect(there.map(({ name }) => name).sort()).toEqual(routes.sort());
  expect(new Set(there.map(({ operationId }) => operationId)).size).toBe(routes.length);
  for (const { description, path } of ROUTES) {
    expect([path, description.summary]).toEqual([path, expect.stringMatching(/^[A-Z].*[^.]$/)]);
    expect([path, Object.keys(description.answers).filter((status) => Number(status) >= 400)]).toEqual([path, []]);
  }
});

test('every example is one: it fits its schema, and the server takes it', () => {
  const ajv = new Ajv2020({ strictTypes: false });
  addFormats.default(ajv);
  ajv.addVocabulary(['components', 'example']);
  let examples = 0;
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('examples' in value && Array.isArray(value.examples))
      for (const example of value.examples) {
        const { examples: _examples, ...schema } = value;
        expect([example, ajv.validate({ ...schema, components: document.components }, example)]).toEqual([
          example,
          true,
        ]);
        examples++;
      }
    Object.values(value).forEach(visit);
  };
  visit(document.paths);
  expect(examples).toBeGreaterThan(20);
  for (const name of ROUTES.flatMap(({ path }) => namesIn(path))) {
    const { example, parse, ...rest } = PARAMETERS[name];
    expect([name, parse(example)]).toEqual([name, example]);
    if ('pattern' in rest) expect(example).toMatch(new RegExp(rest.pattern));
  }
});

describe('what the server answers is as it is described:', () => {
  const release = mkdtempSync(join(tmpdir(), 'tagwave-release-'));
  afterAll(() => rm(release, { recursive: true, force: true }));
  const server = sharedServing({
    files: { 'nodes.yml': 'dev*: [dev]\n', tagstate: '# kept\n' },
    settings: { 'auth.nodes': 'tokens', 'http.public_url': HERE, 'http.local_reads': true },
    onceOnly: true,
    clientDirectory: release,
  });
  let tokens: Tokens;
  beforeAll(async () => {
    await releaseDirectory(release);
    tokens = await makeTokens(server().app.context.credentials, server().clock.now());
  });

  const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
  const get = (path: string, status = 200, headers: Readonly<Record<string, string>> = {}) =>
    asked(server().url, path, { status, headers });
  const own = (path: string, status = 200, headers: Readonly<Record<string, string>> = {}) =>
    get(path, status, { ...bearer(tokens.own), ...headers });
  const change = (method: string, path: string, { json = {}, status = 200, headers = {} }: Change = {}) =>
    asked(server().url, path, { method, json, status, headers });

  test('to hosts that ask', async () => {
    const first = await own('/v1/nodes/web1');
    const known = { 'If-None-Match': String(first.headers.etag) };
    await own('/v1/nodes/web1', 304, known);
    await own('/v1/nodes/web1?wait=0&tag=trunk', 200, { 'Tagwave-Running': String(first.json()['digest']) });
    await own('/v1/nodes/web1', 200, { Accept: 'text/plain' });
    await own('/v1/nodes/web1?tag=etchautotag-20190101-0000', 404);
    await own('/v1/nodes/web1?tag=what', 400);
    await own('/v1/nodes/web1?wait=soon', 400);
    await own('/v1/nodes/web1', 400, { 'Tagwave-Running': 'what' });
    await own('/v1/nodes/no_name', 400);
    await own('/v1/nodes/web2', 403);
    await get('/v1/nodes/web1', 401);
    await get('/v1/nodes/web1', 403, bearer(tokens.pending));
    await get('/v1/nodes/web1', 403, bearer(tokens.viewer));
    await get('/v1/nodes/web1', 403, { ...bearer(tokens.own), 'X-Forwarded-For': '10.0.0.1' });
  });

  test('to hosts that fetch', async () => {
    const digest = String((await own('/v1/nodes/web1')).json()['digest']);
    const before = String((await own(`/v1/nodes/web1?tag=etchautotag-20261120-0600`)).json()['digest']);
    for (const at of ['/v1/nodes/web1', `/v1/views/${digest}`]) {
      const archive = await own(`${at}/archive`);
      await own(`${at}/archive?from=${before}`);
      await own(`${at}/archive`, 206, { Range: 'bytes=10-' });
      await own(`${at}/archive`, 416, { Range: 'bytes=99999999-' });
      await own(`${at}/archive`, 412, { 'If-Match': '"another"' });
      await own(`${at}/archive`, 304, { 'If-None-Match': String(archive.headers.etag) });
      await own(`${at}/manifest`);
      await own(`${at}/manifest`, 200, { 'Accept-Encoding': 'gzip' });
      await own(`${at}/archive?from=what`, 400);
    }
    await own(`/v1/views/${digest}/manifest?format=sha256sum&node=web1`);
    await own(`/v1/views/${digest}/manifest?format=md5`, 400);
    await own(`/v1/views/${digest}/manifest?node=web2`, 403);
    await own(`/v1/views/sha256:${'0'.repeat(64)}/archive`, 404);
    await own('/v1/views/what/archive', 400);
  });

  test('to hosts that report', async () => {
    const json = {
      runId: 'a-run-of-web1',
      tag: TAG,
      digest: `sha256:${'a'.repeat(64)}`,
      outcome: 'failed',
      startedAt: '2026-11-20T11:19:00+00:00',
      durationMs: 12,
      changed: 1,
      error: 'nginx -t failed',
      drifted: { count: 1, paths: ['etc/motd'] },
      facts: { os: 'debian' },
      clientVersion: '0.1.0',
    };
    const headers = bearer(tokens.own);
    await change('POST', '/v1/nodes/web1/reports', { json, headers, status: 201 });
    await change('POST', '/v1/nodes/web1/reports', { json, headers });
    await change('POST', '/v1/nodes/web1/reports', { headers, status: 400 });
    await asked(server().url, '/v1/nodes/web1/reports', { method: 'POST', body: 'x', headers, status: 415 });
    const large = { ...json, error: 'x'.repeat(2_000_000) };
    await change('POST', '/v1/nodes/web1/reports', { json: large, headers, status: 413 });
  });

  test('to hosts that join, and to who lets them in', async () => {
    const hashed = () => ({
      tokenSha256: createHash('sha256')
        .update(tokenFrom('node', randomBytes(SECRET_BYTES)))
        .digest('hex'),
    });
    const headers = bearer(tokens.join);
    const json = hashed();
    await change('POST', '/v1/nodes/web7/enrolment', { json, headers, status: 201 });
    await change('POST', '/v1/nodes/web7/enrolment', { json, headers });
    await change('POST', '/v1/nodes/web7/enrolment', { json: hashed(), headers, status: 403 });
    await change('POST', '/v1/nodes/web7/enrolment', { status: 400 });
    const waiting = (await get('/v1/enrolments')).json()['enrolments'] as { id: string }[];
    expect(waiting).not.toEqual([]);
    for (const { id } of waiting)
      await change('PUT', `/v1/enrolments/${id}`, { json: { approved: false, reason: 'not ours' } });
    await change('PUT', `/v1/enrolments/${'0'.repeat(16)}`, { json: { approved: false }, status: 404 });
    const next = hashed();
    const other = bearer(tokens.other);
    await change('POST', '/v1/nodes/web2/token', { json: next, headers: other, status: 201 });
    await change('POST', '/v1/nodes/web2/token', { json: next, headers: other });
    await change('POST', '/v1/nodes/web2/token', { json: hashed(), headers: other, status: 409 });
    await change('POST', '/v1/nodes/web2/token', { json: next, status: 401 });
  });

  test('to who looks on', async () => {
    await own('/v1/nodes/web1');
    for (const path of ['/healthz', '/readyz', '/metrics', '/v1/status', '/v1/tags', `/v1/tags/${TAG}`])
      await get(path);
    await get('/v1/tags/etchautotag-20190101-0000', 404);
    await get('/v1/tags/what', 400);
    await get('/v1/map');
    await get('/v1/map?hours=12&ahead=3&at=2026-11-20T11:19:00Z');
    await get('/v1/map?at=2026-11-18T00:00Z', 404);
    await get('/v1/map?hours=many', 400);
    await get('/v1/forecast?hours=3');
    for (const path of [
      '/v1/nodes',
      '/v1/nodes?limit=1',
      '/v1/fleet',
      '/v1/fleet?limit=1&silent=false',
      '/v1/nodes/web1/record',
    ])
      await get(path);
    await get('/v1/nodes?limit=0', 400);
    await get('/v1/nodes/nobody/record', 404);
    await get('/v1/nodes/web1/explain');
    await get('/v1/nodes/web1/explain?at=2026-11-20T15:30Z');
    await get('/v1/nodes/web1/explain?at=2026-11-19T00:00Z', 404);
    await get('/v1/nodes/web1/explain?at=2030-01-01T00:00Z', 400);
    await get('/v1/nodes/web1/files');
    await get(`/v1/nodes/web1/diff?from=${TAG}&to=${NEWER}`);
    await get(`/v1/diff?from=${TAG}&to=${NEWER}`);
    await get(`/v1/diff?from=${TAG}&to=${NEWER}&path=etc/motd`, 200, bearer(tokens.admin));
    await get(`/v1/diff?from=${TAG}&to=etchautotag-20190101-0000`, 404);
    await get(`/v1/diff?from=${TAG}`, 400);
    await get('/v1/events?limit=5&kinds=assignment,report');
    await get('/v1/events?kinds=what', 400);
    await get('/v1/status', 401, bearer(`twa_${'A'.repeat(43)}`));
    await get('/v1/status', 403, bearer(tokens.own));
  });

  test('to who listens', async () => {
    for (const path of ['/v1/live', '/v1/events']) hold(await beginningOf(server().url, path));
  });

  test('to who marks', async () => {
    const path = `/v1/tags/${TAG}/mark`;
    await change('PUT', path, { json: { state: 'bad', reason: 'broke ntp', environments: ['production'] } });
    await get(`/v1/tags/${TAG}`);
    await get('/v1/map');
    await change('PUT', path, { json: { state: 'bad', environments: ['nowhere'] }, status: 400 });
    await change('PUT', path, { json: { state: 'ugly' }, status: 400 });
    await change('PUT', '/v1/tags/etchautotag-20190101-0000/mark', { json: { state: 'bad' }, status: 404 });
    await change('PUT', path, { headers: { Origin: 'http://evil.example' }, status: 403 });
    await change('DELETE', `${path}?environments=production&reason=mended`);
    const state = 'badfwd';
    const tags = (await get('/v1/tags')).json()['tags'] as { name: string }[];
    for (const { name } of tags) await change('PUT', `/v1/tags/${name}/mark`, { json: { state } });
    await own('/v1/nodes/web1', 409);
    await own('/v1/nodes/web1/archive', 409);
    await get('/v1/nodes/web1/explain');
    await get('/v1/nodes/web1/files', 409);
    for (const { name } of tags) await change('DELETE', `/v1/tags/${name}/mark`);
    await change('POST', '/v1/preview', {
      json: { marks: [{ tag: TAG, state: 'bad' }], killswitch: [{ environment: null, on: true }] },
    });
    await change('POST', '/v1/preview', {
      json: { marks: [{ tag: TAG, state: 'bad', environments: ['nowhere'] }] },
      status: 400,
    });
  });

  test('to who stops and resumes', async () => {
    for (const [path, name] of [
      ['/v1/killswitch', 'global'],
      ['/v1/killswitch/production', 'production'],
    ] as const) {
      const { version } = (await change('PUT', path, { json: { message: `stop ${name}` } })).json();
      await get(path);
      await get('/v1/killswitch');
      await get('/v1/status');
      await get('/v1/map');
      await get('/v1/nodes/web1/explain');
      await own('/v1/nodes/web1', 423);
      await own('/v1/nodes/web1/manifest', 423);
      await change('DELETE', path, { status: 400 });
      await change('DELETE', `${path}?version=another`, { status: 409 });
      await change('DELETE', `${path}?version=${encodeURIComponent(String(version))}&reason=over`);
      await change('DELETE', `${path}?version=another`, { status: 404 });
    }
    await get('/v1/killswitch/production', 404);
    await change('PUT', '/v1/killswitch/nowhere', { status: 400 });
  });

  test('to who looks after tokens, and after themselves', async () => {
    const headers = bearer(tokens.admin);
    const made: string[] = [];
    for (const json of [
      { kind: 'person', name: 'alice', role: 'viewer' },
      { kind: 'node', hostname: 'web8', expiresAt: '2027-01-01T00:00Z' },
      { kind: 'join', hosts: 'web*', groups: ['web'], uses: 3, expiresAt: '2027-01-01T00:00Z' },
    ])
      made.push(String((await change('POST', '/v1/tokens', { json, headers, status: 201 })).json()['id']));
    await get('/v1/tokens', 200, headers);
    await get('/v1/tokens?kind=join&limit=1', 200, headers);
    await get('/v1/tokens', 403, bearer(tokens.operator));
    for (const id of made) await change('DELETE', `/v1/tokens/${id}`, { headers });
    await change('DELETE', '/v1/tokens/nobody', { headers, status: 404 });
    await get('/v1/session', 200, headers);
    await get('/v1/session', 401);
    const session = { Cookie: `tagwave=${tokens.session}`, Origin: HERE };
    await get('/v1/session', 200, session);
    await change('POST', '/logout', { headers: session });
    await change('POST', '/logout', { headers: session, status: 401 });
    await get('/login', 404);
    await get('/login/callback', 404);
  });

  test('to who pins, fetches and makes a tag', async () => {
    const pin = '/v1/nodes/web1/pin';
    await change('PUT', pin, { json: { tag: NEWER, until: '2026-11-21T08:00Z', reason: 'looked at' } });
    await get('/v1/nodes/web1/record');
    await change('PUT', pin, { json: { tag: 'etchautotag-20190101-0000' }, status: 404 });
    await change('PUT', pin, { json: { tag: 'what' }, status: 400 });
    await change('DELETE', `${pin}?reason=over`);
    await change('POST', '/v1/hooks/push', { status: 202 });
    await change('POST', '/v1/snapshots');
    server().clock.advance(3_600_000);
    server().app.context.time.check();
    await change('POST', '/v1/snapshots', { json: { hour: '2026112012' }, status: 201 });
    await change('POST', '/v1/snapshots', { json: { commit: 'abcdef012345' }, status: 404 });
    await change('POST', '/v1/snapshots', { json: { hour: '2026112023' }, status: 400 });
  });

  test('to who fetches the client, or this description', async () => {
    for (const path of ['/install.sh', '/client/release.json', '/client/tagwave.cjs', '/openapi.json']) {
      const { headers } = await get(path);
      if (headers.etag !== undefined) await get(path, 304, { 'If-None-Match': headers.etag });
    }
    await get('/openapi.json', 200, { 'Accept-Encoding': 'gzip' });
    await get('/client/tagwave.cjs?sha256=another', 404);
  });

  test('to who opens the page', async () => {
    const pageDirectory = await disposableDirectory();
    await mkdir(join(pageDirectory, 'assets'));
    await writeFile(join(pageDirectory, 'index.html'), '<!doctype html>');
    await writeFile(join(pageDirectory, 'assets/main-0A1B2C3D.js'), '1;');
    const { url } = await testServer({ now: '2026-11-20T11:20:00Z', pageDirectory });
    for (const path of ['/', '/assets/main-0A1B2C3D.js'])
      for (const headers of [{}, { 'Accept-Encoding': 'br' }] as Readonly<Record<string, string>>[]) {
        const { etag } = (await asked(url, path, { headers, status: 200 })).headers;
        await asked(url, path, { headers: { ...headers, 'If-None-Match': String(etag) }, status: 304 });
      }
    await asked(url, '/assets/another.js', { status: 404 });
  });

  test('to who logs in', async () => {
    const { server: theirs, browser } = await house();
    const Accept = 'application/json';
    await asked(theirs.url, '/v1/session', { status: 401 });
    await asked(theirs.url, '/login?to=/v1/status', { status: 302 });
    await asked(theirs.url, '/login?to=//evil.example', { status: 400 });
    await asked(theirs.url, '/login/callback?code=x', { status: 401, headers: { Accept } });
    await asked(theirs.url, '/login/callback?code=x', { status: 401, headers: { Accept: 'text/html' } });
    const me = browser();
    const back = new URL(await me.logInUntilBack('http://127.0.0.1:9/login', 'ada'));
    const attempt = me.cookies('http://127.0.0.1:9').get('tagwave-login')?.value;
    const headers = { Cookie: `tagwave-login=${attempt}` };
    const answer = await ask(theirs.url, back.pathname + back.search, { headers });
    // What a provider adds to the query is its own business.
    hold({ method: 'GET', path: back.pathname, ...answer });
    expect(answer.status).toBe(302);
  });

  test('on every route, where it answers what was wanted', () => {
    const good = [...shown].filter((what) => /[123]\d\d$/.test(what)).map((what) => what.replace(/ \d+$/, ''));
    const routes = ROUTES.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, '{$1}')}`);
    expect(routes.filter((route) => !good.includes(route))).toEqual([]);
  });
});

interface Change {
  readonly json?: unknown;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a stream begins with; then nobody listens any more. */
function beginningOf(url: string, path: string): Promise<Exchanged> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      new URL(path, url),
      { headers: { Accept: 'text/event-stream' }, agent: false },
      (response) => {
        const { statusCode = 0, headers } = response;
        response.once('data', (bytes: Buffer) => {
          resolve({ method: 'GET', path, status: statusCode, headers, bytes });
          request.destroy();
        });
        response.on('error', () => undefined);
      },
    );
    request.on('error', reject);
    request.end();
  });
}
