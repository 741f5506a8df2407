import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';
import { onTestFinished } from 'vitest';
import { digestOf, type Mode, manifestLine } from '../../protocol/manifest.ts';
import type { Digest, RelativePath } from '../../protocol/names.ts';

/** Content by path: text, or text with a mode and what else a manifest may say. For a link the text is its target. */
export type Tree = Readonly<Record<string, string | Content>>;

export interface Content {
  readonly mode: Mode;
  readonly text: string;
  readonly perm?: string;
  readonly owner?: string;
}

export interface Release {
  readonly tag: string;
  readonly digest: Digest;
  readonly manifest: Buffer;
  readonly archive: Buffer;
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

export interface ReleaseServer {
  readonly url: string;
  /** `METHOD path` of every request, in order. */
  readonly requests: string[];
  /** The headers of the last question for a node. */
  asked(): IncomingMessage['headers'];
  /** From now on every node gets this. */
  serve(release: Release): void;
  /** From now on, requests whose path ends so are answered by this, until it answers `false` or is taken away. */
  intercept(suffix: string, handler: Handler | undefined): void;
  /** From now on answers offer to report there; answers what was reported. */
  offerReports(path?: string): readonly Record<string, unknown>[];
}

const sha256 = (text: string | Buffer): string => createHash('sha256').update(text).digest('hex');

function entriesOf(tree: Tree): (Content & { path: string })[] {
  return Object.entries(tree)
    .map(([path, value]) =>
      typeof value === 'string' ? { path, mode: '100644' as const, text: value } : { path, ...value },
    )
    .sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

export type Member = Partial<Header> &
  Pick<Header, 'name'> & {
    readonly text?: string;
  };

/** A tar.gz of exactly these members, however hostile. */
export async function archiveOf(members: readonly Member[]): Promise<Buffer> {
  const tar = pack();
  for (const { text, ...headers } of members) tar.entry({ mtime: new Date(0), ...headers }, text ?? '');
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return gzipSync(Buffer.concat(chunks));
}

/** The members that a well-behaved server puts into the archive of a tree. */
export function membersOf(tree: Tree): Member[] {
  return entriesOf(tree).map(({ path, mode, text, perm }) =>
    mode === '120000'
      ? { name: path, type: 'symlink', linkname: text }
      : { name: path, type: 'file', mode: Number.parseInt(perm ?? (mode === '100755' ? '755' : '644'), 8), text },
  );
}

/** A release of a tree; with `members`, one whose archive does not hold what its manifest says. */
export async function releaseOf(
  tag: string,
  tree: Tree,
  members: readonly Member[] = membersOf(tree),
): Promise<Release> {
  const lines = entriesOf(tree).map(({ path, text, ...rest }) =>
    manifestLine({ path: path as RelativePath, size: Buffer.byteLength(text), sha256: sha256(text), ...rest }),
  );
  const manifest = Buffer.from(lines.join(''));
  return { tag, digest: digestOf(manifest), manifest, archive: await archiveOf(members) };
}

/** A server that speaks as much of the protocol as a host's run needs, and can be made to misbehave. */
export async function releaseServer(): Promise<ReleaseServer> {
  const views = new Map<string, Release>();
  const intercepts = new Map<string, Handler>();
  const requests: string[] = [];
  const reports: Record<string, unknown>[] = [];
  let reportPath: string | undefined;
  let current: Release | undefined;
  let lastQuestion: IncomingMessage['headers'] = {};

  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://server').pathname;
    requests.push(`${request.method} ${path}`);
    const isQuestion = /^\/v1\/nodes\/[^/]+$/.test(path);
    if (isQuestion) lastQuestion = request.headers;
    for (const [suffix, handler] of intercepts) if (path.endsWith(suffix)) return handler(request, response);
    if (reportPath !== undefined) response.setHeader('Tagwave-Report', reportPath);
    if (request.method === 'POST') return void keepReport(request, response, reports);
    if (isQuestion) return answerNode(request, response, current);
    if (/^\/v1\/nodes\/[^/]+\/archive$/.test(path) && current) return answerArchive(request, response, current);
    return answerView(path, response, views);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    asked: () => lastQuestion,
    serve(release) {
      views.set(release.digest, release);
      current = release;
    },
    intercept(suffix, handler) {
      if (handler) intercepts.set(suffix, handler);
      else intercepts.delete(suffix);
    },
    offerReports(path = '/v1/nodes/web1.example.com/reports') {
      reportPath = path;
      return reports;
    },
  };
}

function answerNode(request: IncomingMessage, response: ServerResponse, release: Release | undefined): void {
  if (!release) {
    stop(response, { status: 409, message: 'nothing is old enough yet' });
    return;
  }
  const etag = `"${sha256(`${release.tag} ${release.digest}`).slice(0, 32)}"`;
  const headers = {
    ETag: etag,
    'Cache-Control': 'private, no-cache',
    'Tagwave-Outcome': 'serve',
    'Tagwave-Tag': release.tag,
    'Tagwave-Digest': release.digest,
    'Tagwave-Poll-After': '300',
  };
  if (request.headers['if-none-match'] === etag) {
    response.writeHead(304, headers).end();
    return;
  }
  response.writeHead(200, { ...headers, 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ outcome: 'serve', tag: release.tag, digest: release.digest }));
}

/** Of what the node has now, unless it has that already. */
function answerArchive(request: IncomingMessage, response: ServerResponse, { digest, archive }: Release): void {
  const headers = { ETag: `"${digest}"`, 'Tagwave-Outcome': 'serve' };
  if (request.headers['if-none-match'] === headers.ETag) response.writeHead(304, headers).end();
  else response.writeHead(200, headers).end(archive);
}

async function keepReport(
  request: IncomingMessage,
  response: ServerResponse,
  reports: Record<string, unknown>[],
): Promise<void> {
  reports.push((await json(request)) as Record<string, unknown>);
  response.writeHead(201).end();
}

function answerView(path: string, response: ServerResponse, views: ReadonlyMap<string, Release>): void {
  const [, digest, what] = /^\/v1\/views\/([^/]+)\/(archive|manifest)$/.exec(path) ?? [];
  const release = digest === undefined ? undefined : views.get(digest);
  if (!release) {
    response.writeHead(404, { 'Content-Type': 'application/problem+json' });
    response.end(
      JSON.stringify({ type: 'about:blank', title: 'there is no such view', status: 404, code: 'unknown-digest' }),
    );
    return;
  }
  response.writeHead(200, { ETag: `"${release.digest}"` });
  response.end(what === 'archive' ? release.archive : release.manifest);
}

/** A hold (409) or the killswitch (423), as a server words it. */
export function stop(response: ServerResponse, { status, message }: { status: 409 | 423; message: string }): void {
  const code = status === 423 ? 'killswitch' : 'hold';
  response.writeHead(status, {
    'Content-Type': 'application/problem+json',
    'Tagwave-Outcome': code,
    'Tagwave-Poll-After': '300',
    'Retry-After': '300',
  });
  response.end(
    JSON.stringify({ type: 'about:blank', title: `the answer is ${code}`, status, code, message, reasons: [message] }),
  );
}
