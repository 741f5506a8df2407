import { cp, mkdir, mkdtemp, utimes } from 'node:fs/promises';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest';
import { openLog } from '../../server/adapters/log.ts';
import { type App, compose } from '../../server/compose.ts';
import { createHttpServer } from '../../server/http/server.ts';
import { backfill } from '../../server/operations/snapshot.ts';
import type { Log } from '../../server/ports/common.ts';
import type { SettingKey } from '../../server/settings/schema.ts';
import { type MovableClock, movableClock } from '../rig/clock.ts';
import { described, holdAgainst } from '../rig/described.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { type Files, gitEnvironment, writeFiles } from '../rig/git.ts';
import { discard, searchText } from '../rig/secrets.ts';
import { startServer } from './through-door.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly rawHeaders: readonly string[];
  readonly text: string;
  readonly bytes: Buffer;
  /** The body as JSON. */
  json(): Record<string, unknown>;
}

export interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Sent as it is. */
  readonly body?: string;
}

/** The working copy that the server fetches from. */
export interface Source {
  /** Writes files, commits everything, and answers the commit. */
  commit(files: Files, at?: string): Promise<string>;
}

export interface Serving {
  readonly app: App;
  readonly base: string;
  readonly url: string;
  readonly clock: MovableClock;
  readonly source: Source;
  /** The path is sent as it is. */
  ask(path: string, asking?: Asking): Promise<Answer>;
  /** Sends raw bytes and answers everything that comes back until the connection is closed. */
  raw(bytes: string): Promise<string>;
  /** What was logged so far, one object a line. */
  logged(): Record<string, unknown>[];
  logText(): string;
  stop(): Promise<void>;
}

export interface ServingOptions {
  /** Of the base directory. */
  readonly files?: Files;
  readonly settings?: Partial<Record<SettingKey, unknown>>;
  /** Leaves the files of the base as if they were being written now. */
  readonly unsettled?: boolean;
  /** Where the client is that hosts are given. */
  readonly clientDirectory?: string;
  /** Where the page is that people are shown. */
  readonly pageDirectory?: string;
  /** Polls are asked once, not again of the routes alone. */
  readonly onceOnly?: boolean;
}

export const NOW = '2026-11-20T11:20:00Z';
const QUICK: Partial<Record<SettingKey, unknown>> = {
  listen: '127.0.0.1:0',
  settle_seconds: 0,
  'http.local_changes': true,
  'stop.grace_seconds': 20,
};

/** A whole server on real files, real git and real SQLite: it is 11:20, and every hour from 06:00 has its tag. */
export async function serving(options: ServingOptions = {}): Promise<Serving> {
  const server = await open(await disposableDirectory(), options);
  onTestFinished(server.stop);
  return server;
}

/** One server for all tests of a file, where none leaves anything behind that another one would notice. */
export function sharedServing(options: ServingOptions = {}): () => Serving {
  let root: string | undefined;
  let server: Serving | undefined;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'tagwave-test-'));
    server = await open(root, options);
  });
  afterAll(async () => {
    await server?.stop();
    if (root !== undefined) discard(root);
  });
  return () => {
    if (server === undefined) throw new Error('the server is started before the tests');
    return server;
  };
}

async function open(
  root: string,
  { files = {}, settings = {}, unsettled = false, clientDirectory, pageDirectory, onceOnly = false }: ServingOptions,
): Promise<Serving> {
  prepared ??= prepare();
  await cp(await prepared, root, { recursive: true, preserveTimestamps: true });
  const base = join(root, 'base');
  await writeFiles(base, files);
  if (!unsettled) await age(base, Object.keys(files));
  const log: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      log.push(String(chunk));
      done();
    },
  });
  const clock = movableClock(NOW);
  const app = await composed({
    root,
    clock,
    settings,
    clientDirectory,
    pageDirectory,
    log: openLog({ level: 'debug', stream }),
  });
  const started = await startServer(app);
  if (!started.ok) throw new Error(started.sentence);
  const { url } = started.value;
  const routes = createHttpServer({ context: app.context, settings: app.settings, withPollDoor: false });
  const routesUrl = await routes.listen({ host: '127.0.0.1', port: 0 });
  if (!routesUrl.ok) throw new Error(routesUrl.sentence);
  let stopped: Promise<void> | undefined;
  return {
    app,
    base,
    url,
    clock,
    source: workingCopy(join(root, 'config')),
    async ask(path, asking) {
      const answer = await ask(url, path, asking);
      expectAsDescribed(path, asking, answer);
      if (!onceOnly && isPoll(path, asking))
        await expectSameThroughRoutes({ url, routesUrl: routesUrl.value, path, asking });
      return answer;
    },
    raw: (bytes) => raw(url, bytes),
    logText: () => log.join(''),
    logged: () => log.map((line) => JSON.parse(line)),
    stop() {
      stopped ??= routes
        .close(0)
        .then(() => started.value.stop())
        .then(() => searchText('the log of a server', log.join('')));
      return stopped;
    },
  };
}

let judge: ReturnType<typeof holdAgainst> | undefined;

/** Whatever is asked in any test: what comes of it is held against what the server says of itself. */
function expectAsDescribed(path: string, { method = 'GET', json, body }: Asking = {}, answer: Answer): void {
  if (method === 'HEAD' || body !== undefined) return;
  judge ??= holdAgainst(described());
  expect([method, path, judge({ method, path, sent: json, ...answer }).wrongs]).toEqual([method, path, []]);
}

/** Every poll of every test is asked again, of the short way that nearly all polls take, and of the routes alone. */
async function expectSameThroughRoutes(at: {
  readonly url: string;
  readonly routesUrl: string;
  readonly path: string;
  readonly asking: Asking | undefined;
}): Promise<void> {
  const [short, whole] = [await ask(at.url, at.path, at.asking), await ask(at.routesUrl, at.path, at.asking)];
  expect(said(short)).toEqual(said(whole));
}

/** The plain question: one that waits for a change, or asks for another tag, has another answer each time. */
function isPoll(path: string, { method = 'GET' }: Asking = {}): boolean {
  return method === 'GET' && /^\/v1\/nodes\/[^/?]+$/.test(path);
}

/** Byte for byte, headers in their order, but for the time and the number of the request. */
function said({ status, rawHeaders, headers, bytes }: Answer): unknown {
  const body = bytes.toString('latin1');
  const plain = body.replace(String(headers['x-request-id']), '');
  const fixed = rawHeaders.map((text, index) => {
    const name = index % 2 === 1 ? rawHeaders[index - 1] : undefined;
    if (name === 'Content-Length') return String(Number(text) - (body.length - plain.length));
    return name === 'Date' || name === 'X-Request-Id' ? '' : text;
  });
  return [status, fixed, plain];
}

let prepared: Promise<string> | undefined;

afterAll(async () => {
  if (prepared !== undefined) discard(await prepared);
});

/** What every server here begins with is made once, because git takes its time. */
async function prepare(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'tagwave-test-'));
  await mkdir(join(root, 'base'));
  await mkdir(join(root, 'config'));
  const source = workingCopy(join(root, 'config'));
  await execa('git', ['init', '--quiet', '--initial-branch=main', join(root, 'config')], { env: gitEnvironment() });
  for (const hour of [6, 7, 8, 9, 10, 11]) {
    const at = `2026-11-20T${String(hour).padStart(2, '0')}:00:00Z`;
    await source.commit({ 'etc/motd': `hello at ${hour}\n`, [`etc/hour-${hour}`]: 'one more file\n' }, at);
  }
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const log = openLog({ level: 'error', stream: silent });
  const app = await composed({ root, clock: movableClock('2026-11-20T11:15:00Z'), settings: {}, log });
  const filled = await backfill(app.context, 6, { by: 'test', from: null });
  if (filled.kind !== 'done') throw new Error(filled.sentence);
  await app.close();
  return root;
}

function workingCopy(directory: string): Source {
  return {
    async commit(files, at) {
      await writeFiles(directory, files);
      const git = (...args: string[]) =>
        execa('git', ['-c', 'core.compression=0', ...args], { cwd: directory, env: gitEnvironment(at) });
      await git('add', '--all', '--force');
      await git('commit', '--quiet', '--allow-empty', '--message=Change the configuration');
      return (await git('rev-parse', 'HEAD')).stdout;
    },
  };
}

interface Composing {
  readonly root: string;
  readonly clock: MovableClock;
  readonly settings: Partial<Record<SettingKey, unknown>>;
  readonly log: Log;
  readonly clientDirectory?: string | undefined;
  readonly pageDirectory?: string | undefined;
}

async function composed({ root, clock, settings, log, clientDirectory, pageDirectory }: Composing): Promise<App> {
  const flags = { ...QUICK, 'repo.url': join(root, 'config'), 'repo.branch': 'main', ...settings };
  const client = clientDirectory === undefined ? {} : { clientDirectory };
  const page = pageDirectory === undefined ? {} : { pageDirectory };
  const base = join(root, 'base');
  const result = await compose({ base, env: {}, flags, role: 'server', clock, log, ...client, ...page });
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.app;
}

/** As files look that nobody has touched for a minute. */
async function age(base: string, files: readonly string[]): Promise<void> {
  const then = new Date(Date.now() - 60_000);
  for (const file of files) await utimes(join(base, file), then, then).catch(() => undefined);
}

export function ask(
  url: string,
  path: string,
  { method = 'GET', headers = {}, json, body }: Asking = {},
): Promise<Answer> {
  const content = json === undefined ? body : JSON.stringify(json);
  const { hostname, port } = new URL(url);
  const type = json === undefined ? {} : { 'Content-Type': 'application/json' };
  const length =
    content === undefined || 'Transfer-Encoding' in headers ? {} : { 'Content-Length': Buffer.byteLength(content) };
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { hostname, port, path, method, headers: { ...type, ...length, ...headers }, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const bytes = Buffer.concat(chunks);
          const text = bytes.toString('utf8');
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            text,
            bytes,
            json: () => JSON.parse(text),
          });
        });
      },
    );
    request.on('error', reject);
    request.end(content);
  });
}

function raw(url: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => socket.write(bytes));
    socket.setEncoding('latin1');
    socket.on('data', (piece) => (text += piece));
    socket.on('error', reject);
    socket.on('close', () => {
      if (/^HTTP\/1\.1 [45]/m.test(text)) searchText('raw answers with an error among them', text);
      resolve(text);
    });
  });
}
