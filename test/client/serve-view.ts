import { createHash } from 'node:crypto';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';
import { onTestFinished } from 'vitest';
import type { ReportBody } from '../../protocol/assignment.ts';
import { DELTA_PATH, stepBetween } from '../../protocol/delta.ts';
import { comparePaths, digestOf, type ManifestEntry, type Mode, manifestLine } from '../../protocol/manifest.ts';
import type { RelativePath } from '../../protocol/names.ts';

export type FileSpec = string | Buffer | { readonly run: string } | { readonly link: string };

/** A view as a server has it: what it announces, and the bytes that it hands out. */
export interface TestView {
  readonly digest: string;
  readonly files: number;
  readonly bytes: number;
  readonly manifest: Buffer;
  readonly archive: Buffer;
}

export type Files = Readonly<Record<string, FileSpec>>;

/** The view of these files, archived as a server does it. */
export async function viewOf(files: Files): Promise<TestView> {
  const entries = entriesOf(files);
  return withArchive(entries, await tarOf(membersOf(files)));
}

/** A view whose manifest has these entries and whose archive is whatever it is. */
export function withArchive(entries: readonly ManifestEntry[], tar: Buffer): TestView {
  const manifest = Buffer.from(entries.map(manifestLine).join(''));
  const bytes = entries.reduce((sum, { size }) => sum + size, 0);
  return { digest: digestOf(manifest), files: entries.length, bytes, manifest, archive: gzipSync(tar) };
}

export function entriesOf(files: Files): ManifestEntry[] {
  return Object.entries(files)
    .map(([path, spec]) => entryOf(path, spec))
    .sort((a, b) => comparePaths(a.path, b.path));
}

/** An entry without regard to whether a view could have it. */
export function entryOf(path: string, spec: FileSpec): ManifestEntry {
  const { mode, content } = partsOf(spec);
  return {
    path: path as RelativePath,
    mode,
    size: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
  };
}

function partsOf(spec: FileSpec): { mode: Mode; content: Buffer } {
  if (typeof spec === 'string' || Buffer.isBuffer(spec)) return { mode: '100644', content: Buffer.from(spec) };
  if ('run' in spec) return { mode: '100755', content: Buffer.from(spec.run) };
  return { mode: '120000', content: Buffer.from(spec.link) };
}

export interface Member {
  readonly header: Partial<Header> & Pick<Header, 'name'>;
  readonly content?: Buffer;
}

export function membersOf(files: Files): Member[] {
  return entriesOf(files).map(({ path }) => memberOf(path, files[path] ?? ''));
}

export function memberOf(path: string, spec: FileSpec): Member {
  const { mode, content } = partsOf(spec);
  const common = { name: path, uid: 0, gid: 0, mtime: new Date(0) };
  if (mode === '120000') return { header: { ...common, type: 'symlink', linkname: content.toString() } };
  return {
    header: { ...common, type: 'file', mode: mode === '100755' ? 0o755 : 0o644, size: content.length },
    content,
  };
}

/** An archive of what leads from one view to another; `change` may make something else of its members. */
export async function deltaOf(
  from: { readonly digest: string; readonly files: Files },
  to: { readonly digest: string; readonly files: Files },
  change: (members: Member[]) => Member[] = (members) => members,
): Promise<Buffer> {
  const { written, deleted } = stepBetween(entriesOf(from.files), entriesOf(to.files));
  const first = JSON.stringify({ from: from.digest, to: to.digest, delete: deleted });
  const members = written.map(({ path }) => memberOf(path, to.files[path] ?? ''));
  return gzipSync(await tarOf(change([memberOf(DELTA_PATH, first), ...members])));
}

export async function tarOf(members: readonly Member[]): Promise<Buffer> {
  const tar = pack();
  const chunks: Buffer[] = [];
  tar.on('data', (chunk) => chunks.push(Buffer.from(chunk as Uint8Array)));
  const ended = new Promise<void>((resolve, reject) => tar.on('end', resolve).on('error', reject));
  for (const { header, content } of members) {
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null): void => (error ? reject(error) : resolve());
      if (content === undefined) tar.entry(header, done);
      else tar.entry(header, content, done);
    });
  }
  tar.finalize();
  await ended;
  return Buffer.concat(chunks);
}

// ── a server that does as it is told ──────────────────────────────────────────────────────────────────────────────────

export type Kind = 'question' | 'manifest' | 'archive' | 'report';

export interface Recorded {
  readonly kind: Kind;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What the server does with one request. */
export type Reply =
  | { readonly serve: TestView; readonly tag?: string; readonly change?: Readonly<Record<string, unknown>> }
  | { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }
  | { readonly raw: Buffer | string; readonly status?: number }
  /** Says nothing, for ever. */
  | { readonly hang: true }
  /** Sends the beginning of what it announced, then cuts the connection (or stops, with `stall`). */
  | { readonly cut: Buffer; readonly stall?: boolean }
  /** With its entity tag and the digest of its bytes, in parts where they are asked for; of what is sent, `cutAfter` bytes come. */
  | { readonly file: Buffer; readonly etag: string; readonly cutAfter?: number; readonly stall?: boolean }
  /** No HTTP at all. */
  | { readonly garbage: string };

export interface ViewServer {
  readonly url: string;
  readonly requests: Recorded[];
  readonly reports: ReportBody[];
  /** What it knows by digest. */
  readonly views: Map<string, TestView>;
  /** Archives of what differs, by `TO FROM`. */
  readonly deltas: Map<string, Buffer>;
  /** What a host is told; the number counts questions from 1. */
  answer: (question: Recorded, number: number) => Reply | Promise<Reply>;
  /** Instead of the usual handling of a manifest, an archive or a report. */
  instead: Partial<
    Record<Exclude<Kind, 'question'>, (request: Recorded) => Reply | undefined | Promise<Reply | undefined>>
  >;
  /** Resolves with the next request of a kind, before it is answered. */
  next(kind: Kind): Promise<Recorded>;
  count(kind: Kind): number;
  stop(): Promise<void>;
}

export const TAG = 'etchautotag-20261120-0800';
export const NEXT_TAG = 'etchautotag-20261120-0900';

export const KILLSWITCH = (message: string): Reply => ({
  status: 423,
  body: {
    type: 'about:blank',
    title: 'the killswitch is on',
    status: 423,
    code: 'killswitch',
    message,
    reasons: ['the file killswitch exists'],
  },
  headers: { 'Retry-After': '60' },
});
export const HOLD = (hold: string, message: string): Reply => ({
  status: 409,
  body: {
    type: 'about:blank',
    title: message,
    status: 409,
    code: 'hold',
    hold,
    message,
    reasons: ['production lags 4 hours'],
  },
});
export const PROBLEM = (status: number, code: string, title: string): Reply => ({
  status,
  body: { type: 'about:blank', title, status, code },
});

/** Serves one view until told otherwise, as the protocol says. Stopped when the test ends. */
export async function serveView(view: TestView | undefined): Promise<ViewServer> {
  const waiting: { kind: Kind; resolve: (request: Recorded) => void }[] = [];
  const http = createServer((incoming, outgoing) => void handle(incoming, outgoing));
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const { port } = http.address() as AddressInfo;
  const server: ViewServer = {
    url: `http://127.0.0.1:${port}`,
    requests: [],
    reports: [],
    views: new Map(view === undefined ? [] : [[view.digest, view]]),
    deltas: new Map(),
    answer: () => (view === undefined ? HOLD('no-tag-old-enough', 'there is no tag yet') : { serve: view }),
    instead: {},
    next: (kind) => new Promise((resolve) => waiting.push({ kind, resolve })),
    count: (kind) => server.requests.filter((request) => request.kind === kind).length,
    stop: () =>
      new Promise((resolve) => {
        http.closeAllConnections();
        http.close(() => resolve());
      }),
  };
  onTestFinished(() => server.stop());
  return server;

  async function handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const url = incoming.url ?? '';
    const request: Recorded = { kind: kindOf(url), url, headers: incoming.headers, body: await bodyOf(incoming) };
    server.requests.push(request);
    for (const waiter of waiting.filter(({ kind }) => kind === request.kind)) {
      waiting.splice(waiting.indexOf(waiter), 1);
      waiter.resolve(request);
    }
    send(outgoing, request, await replyTo(server, request));
  }
}

async function replyTo(server: ViewServer, request: Recorded): Promise<Reply> {
  if (request.kind === 'question') {
    const reply = await server.answer(request, server.count('question'));
    if ('serve' in reply) server.views.set(reply.serve.digest, reply.serve);
    return reply;
  }
  const instead = await server.instead[request.kind]?.(request);
  if (instead !== undefined) return instead;
  if (request.kind === 'report') {
    server.reports.push(JSON.parse(request.body) as ReportBody);
    return { status: 202, body: {} };
  }
  const view = request.url.startsWith('/v1/nodes/')
    ? await ownView(server, request)
    : server.views.get(decodeURIComponent(request.url.split('/')[3] ?? ''));
  if (view === undefined) return PROBLEM(404, 'unknown-digest', 'no such view');
  return request.kind === 'manifest' ? { raw: view.manifest } : archiveReply(server, view, request);
}

/** What a node is told to have, for those who ask without a digest. */
async function ownView(server: ViewServer, request: Recorded): Promise<TestView | undefined> {
  const told = await server.answer(request, server.count('question'));
  return 'serve' in told ? told.serve : undefined;
}

/** What a server does with a question for an archive. */
export function archiveReply(
  { deltas }: Pick<ViewServer, 'deltas'>,
  { digest, archive }: TestView,
  { url }: Pick<Recorded, 'url'>,
): Extract<Reply, { file: Buffer }> {
  const from = new URL(url, 'http://server').searchParams.get('from');
  const delta = deltas.get(`${digest} ${from}`);
  return delta === undefined
    ? { file: archive, etag: `"${digest}"` }
    : { file: delta, etag: `"${digest};from=${from}"` };
}

function kindOf(url: string): Kind {
  const [path = ''] = url.split('?');
  if (path.endsWith('/reports')) return 'report';
  if (path.endsWith('/manifest')) return 'manifest';
  return path.endsWith('/archive') ? 'archive' : 'question';
}

async function bodyOf(incoming: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

function send(outgoing: ServerResponse, request: Recorded, reply: Reply): void {
  if ('hang' in reply) return;
  if ('garbage' in reply) {
    outgoing.socket?.end(reply.garbage);
  } else if ('cut' in reply) {
    outgoing.writeHead(200, { 'Content-Length': reply.cut.length * 2 });
    outgoing.write(reply.cut, () => {
      if (reply.stall !== true) outgoing.destroy();
    });
  } else if ('file' in reply) {
    sendFile(outgoing, request, reply);
  } else if ('raw' in reply) {
    outgoing.writeHead(reply.status ?? 200, { 'Content-Length': Buffer.byteLength(reply.raw) }).end(reply.raw);
  } else if ('serve' in reply) {
    sendAssignment(outgoing, request, reply);
  } else {
    outgoing.writeHead(reply.status, { 'Content-Type': 'application/problem+json', ...reply.headers });
    outgoing.end(reply.body === undefined ? '' : JSON.stringify(reply.body));
  }
}

function sendFile(outgoing: ServerResponse, { headers }: Recorded, reply: Extract<Reply, { file: Buffer }>): void {
  const { file, etag, cutAfter, stall = false } = reply;
  const from = /^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1];
  const isPart = from !== undefined && (headers['if-range'] === undefined || headers['if-range'] === etag);
  const start = isPart ? Number(from) : 0;
  if (isPart && start >= file.length) {
    outgoing.writeHead(416, { 'Content-Range': `bytes */${file.length}` }).end();
    return;
  }
  const body = file.subarray(start);
  outgoing.writeHead(isPart ? 206 : 200, {
    ETag: etag,
    'Repr-Digest': `sha-256=:${createHash('sha256').update(file).digest('base64')}:`,
    'Content-Length': body.length,
    ...(isPart ? { 'Content-Range': `bytes ${start}-${file.length - 1}/${file.length}` } : {}),
  });
  if (cutAfter === undefined || cutAfter >= body.length) {
    outgoing.end(body);
    return;
  }
  outgoing.flushHeaders();
  outgoing.write(body.subarray(0, cutAfter), () => {
    if (!stall) outgoing.destroy();
  });
}

function sendAssignment(outgoing: ServerResponse, request: Recorded, reply: Extract<Reply, { serve: TestView }>): void {
  const { serve: view, tag = TAG, change } = reply;
  const etag = `"${createHash('sha256').update(`${tag} ${view.digest}`).digest('hex')}"`;
  const headers = { ETag: etag, 'Tagwave-Outcome': 'serve', 'Tagwave-Tag': tag, 'Tagwave-Digest': view.digest };
  if (request.headers['if-none-match'] === etag) {
    outgoing.writeHead(304, headers).end();
    return;
  }
  const body = {
    hostname: request.url.split('?')[0]?.split('/')[3],
    environment: 'production',
    wave: 'production+4h',
    hours: 4,
    groups: ['web'],
    outcome: 'serve',
    tag,
    commit: 'a'.repeat(40),
    digest: view.digest,
    files: view.files,
    bytes: view.bytes,
    reasons: [`production lags 4 hours; due is ${tag}`, `${tag} is unmarked: serving it`],
    decidedAt: '2026-11-20T12:00:00Z',
    pollAfterSeconds: 60,
    links: { archive: `/v1/views/${view.digest}/archive`, manifest: `/v1/views/${view.digest}/manifest` },
    ...change,
  };
  outgoing.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
}
