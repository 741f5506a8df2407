import type { Report } from '../../protocol/assignment.ts';
import { HEADERS } from '../../protocol/headers.ts';
import { type Answer, isUnavailable, parseJson, type Question, readAnswer } from '../core/answer.ts';
import { isPrivateLine, OVERHEARD } from '../core/private-line.ts';
import { VERSION } from '../version.ts';
import { ConnectionLost, type HttpRequest, type Opened, open, readBody } from './http.ts';
import type { Identity } from './identity.ts';

/** The servers of one run and the manner in which they are asked. */
export interface Servers {
  /** In the order given. */
  readonly urls: readonly URL[];
  /** The one that last answered, as `shown`: asked first. */
  preferred: string | null;
  /** Whether any has answered in this run. */
  answered: boolean;
  readonly silenceMs: number;
  readonly signal: AbortSignal;
  /** What the host shows to them. */
  identity: Identity;
}

/** What one server did: an answer ends the search; otherwise the next one is asked. */
export type Try<Value> =
  | { readonly kind: 'answer'; readonly value: Value }
  | { readonly kind: 'next'; readonly why: string };

export type Found<Value> =
  | { readonly kind: 'found'; readonly value: Value }
  /** None could answer: one sentence part for each, as in `http://a.example: connection refused`. */
  | { readonly kind: 'nobody'; readonly why: readonly string[] };

export type Response = Extract<Opened, { kind: 'response' }>;

const QUESTION_LIMIT_BYTES = 1024 * 1024;
const QUESTION_TOTAL_MS = 60_000;

/** Tries the servers in turn, the one that last answered first, and remembers which one answers. */
export async function inTurn<Value>(
  servers: Servers,
  attempt: (server: URL) => Promise<Try<Value>>,
): Promise<Found<Value>> {
  const why: string[] = [];
  const { urls, preferred } = servers;
  const order = [...urls.filter((url) => shown(url) === preferred), ...urls.filter((url) => shown(url) !== preferred)];
  for (const server of order) {
    const tried = await attempt(server);
    if (tried.kind === 'answer') {
      servers.preferred = shown(server);
      servers.answered = true;
      return { kind: 'found', value: tried.value };
    }
    why.push(`${shown(server)}: ${tried.why}`);
    if (servers.signal.aborted) break;
  }
  return { kind: 'nobody', why };
}

export interface Wanted<Value> {
  readonly path: string;
  readonly totalMs: number;
  /** How many times longer than usual the server may be silent. */
  readonly patience?: number;
  /** Asked for with every server: what is still to be fetched may depend on what came from the last one. */
  headers?(): Readonly<Record<string, string>>;
  readonly post?: unknown;
  /** Reads a response that is no 5xx. May throw `ConnectionLost`. */
  read(response: Response): Promise<Value>;
  /** What stands for an answer that is not HTTP. */
  garbled(why: string): Value;
}

/** One request to whichever server can answer it. */
export function ask<Value>(servers: Servers, wanted: Wanted<Value>): Promise<Found<Value>> {
  const { trouble } = servers.identity;
  if (trouble !== undefined) return Promise.resolve({ kind: 'nobody', why: [trouble.sentence] });
  return inTurn(servers, async (server) => {
    const opened = await openAsKnown(servers, server, wanted);
    if (opened.kind === 'lost') return { kind: 'next', why: opened.why };
    if (opened.kind === 'garbled') return { kind: 'answer', value: wanted.garbled(opened.why) };
    try {
      if (isUnavailable(opened.status)) return { kind: 'next', why: await describeUnavailable(opened) };
      return { kind: 'answer', value: await wanted.read(opened) };
    } catch (error) {
      if (error instanceof ConnectionLost) return { kind: 'next', why: error.message };
      throw error;
    } finally {
      opened.body.destroy();
    }
  });
}

/** Shows the host's token where nobody can read along. Where it does not count any more, another one may. */
async function openAsKnown<Value>(servers: Servers, server: URL, wanted: Wanted<Value>): Promise<Opened> {
  const { token, tokenFile } = servers.identity;
  if (token !== undefined && !isPrivateLine(server)) return { kind: 'lost', why: OVERHEARD };
  const opened = await open(requestOf(servers, server, wanted));
  if (opened.kind !== 'response' || opened.status !== 401 || token === undefined || tokenFile === undefined)
    return opened;
  const { otherToken, promoteToken } = await import('./other-token.ts');
  const other = otherToken(tokenFile, token);
  if (other === undefined) return opened;
  opened.body.destroy();
  const identity = { ...servers.identity, token: other };
  const again = await open(requestOf({ ...servers, identity }, server, wanted));
  if (again.kind === 'response' && again.status !== 401) {
    servers.identity = identity;
    promoteToken(tokenFile, other);
  }
  return again;
}

function requestOf<Value>(
  servers: Servers,
  server: URL,
  { path, totalMs, patience = 1, headers, post }: Wanted<Value>,
): HttpRequest {
  const { token, tls } = servers.identity;
  const body = post === undefined ? undefined : JSON.stringify(post);
  return {
    url: new URL(shown(server) + path),
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      'User-Agent': `tagwave/${VERSION}`,
      Accept: 'application/json, application/problem+json',
      'Accept-Encoding': 'identity',
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(body === undefined
        ? {}
        : { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)) }),
      ...headers?.(),
    },
    ...(body === undefined ? {} : { body }),
    silenceMs: servers.silenceMs * patience,
    totalMs,
    signal: servers.signal,
    tls,
  };
}

async function describeUnavailable({ status, body }: Response): Promise<string> {
  return `it answers ${status}${titleOf(await readBody(body, QUESTION_LIMIT_BYTES))}`;
}

/** Asks what this host should have. */
export function askAssignment(servers: Servers, question: Question): Promise<Found<Answer>> {
  const { hostname, tag, etag, running } = question;
  return ask<Answer>(servers, {
    path: `/v1/nodes/${hostname}${tag === undefined ? '' : `?tag=${tag}`}`,
    totalMs: QUESTION_TOTAL_MS,
    headers: () => ({
      ...(etag === undefined ? {} : { 'If-None-Match': etag }),
      ...(running === undefined ? {} : { [HEADERS.running]: running }),
    }),
    read: async ({ status, headers, body }) => {
      const bytes = await readBody(body, QUESTION_LIMIT_BYTES);
      if (bytes !== undefined) return readAnswer({ status, headers, body: bytes }, question);
      // A brake counts whatever its body is.
      if (status === 423 || status === 409) return readAnswer({ status, headers, body: Buffer.alloc(0) }, question);
      return { kind: 'unintelligible', why: 'its answer is larger than 1 MiB' };
    },
    garbled: (why) => ({ kind: 'unintelligible', why }),
  });
}

/** What became of a report: a server took it, will never take it, or may take it later. */
export type Reported =
  | { readonly kind: 'taken' }
  | { readonly kind: 'rejected'; readonly why: string }
  | { readonly kind: 'later' };

export async function sendReport(servers: Servers, hostname: string, report: Report): Promise<Reported> {
  const found = await ask<Reported>(servers, {
    path: `/v1/nodes/${hostname}/reports`,
    totalMs: QUESTION_TOTAL_MS,
    post: report,
    read: async ({ status, body }) => {
      const title = titleOf(await readBody(body, QUESTION_LIMIT_BYTES));
      if (status >= 200 && status <= 299) return { kind: 'taken' };
      return isFinal(status)
        ? { kind: 'rejected', why: `the server answered a report with ${status}${title}` }
        : { kind: 'later' };
    },
    garbled: () => ({ kind: 'later' }),
  });
  return found.kind === 'found' ? found.value : { kind: 'later' };
}

const PASSING = new Set([408, 409, 423, 425, 429]);

function isFinal(status: number): boolean {
  return status >= 400 && status <= 499 && !PASSING.has(status);
}

function titleOf(bytes: Buffer | undefined): string {
  const details = bytes === undefined ? undefined : parseJson(bytes);
  if (typeof details !== 'object' || details === null || !('title' in details)) return '';
  return typeof details.title === 'string' ? ` (${details.title})` : '';
}

/** A server's URL as people write it. */
export function shown(server: URL): string {
  return server.href.replace(/\/$/, '');
}
