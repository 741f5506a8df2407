import { createHash } from 'node:crypto';
import { createServer as createHttp, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

export interface Heard {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

/** What a server says: status and fields of its answer; or that it breaks off, having understood or not. */
export type Said =
  | { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }
  | 'break-off';

export interface EnrolmentServer {
  readonly url: string;
  readonly heard: Heard[];
  /** Digests of the tokens that count. */
  readonly active: Set<string>;
  readonly pending: Set<string>;
  /** What lets hosts in; empty: nothing has to. */
  readonly joinTokens: Set<string>;
  /** Whether those wait who come new. */
  approves: boolean;
  /** Ends every connection. */
  cut(): void;
  /** What is said in its place; undefined: nothing else. */
  instead: ((heard: Heard) => Said | undefined | Promise<Said | undefined>) | undefined;
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** A server that lets hosts in as the protocol has it, and has nothing for them but a hold. */
export async function enrolmentServer(tls?: { readonly cert: string; readonly key: string }): Promise<EnrolmentServer> {
  const listener = (request: IncomingMessage, response: ServerResponse): void => void handle(request, response);
  const http = tls === undefined ? createHttp(listener) : createHttps({ ...tls }, listener);
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  const { port } = http.address() as AddressInfo;
  const server: EnrolmentServer = {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    heard: [],
    active: new Set(),
    pending: new Set(),
    joinTokens: new Set(),
    approves: false,
    instead: undefined,
    cut: () => http.closeAllConnections(),
  };
  return server;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    const { authorization } = request.headers;
    const heard: Heard = { method, url, authorization, body: method === 'POST' ? await json(request) : undefined };
    server.heard.push(heard);
    const said = (await server.instead?.(heard)) ?? answer(server, heard);
    if (said === 'break-off') {
      response.destroy();
      return;
    }
    response.writeHead(said.status, { 'Content-Type': 'application/json', ...said.headers });
    response.end(said.body === undefined ? '' : JSON.stringify(said.body));
  }
}

/** As the server answers when nobody stands in its place. */
export function answer(server: EnrolmentServer, { url, authorization, body }: Heard): Said {
  const token = authorization?.replace(/^Bearer /, '');
  const shown = token === undefined ? undefined : sha256(token);
  const digest = (body as { readonly tokenSha256?: string } | undefined)?.tokenSha256 ?? '';
  if (url.endsWith('/enrolment')) {
    if (server.active.has(digest)) return { status: 200, body: { state: 'active', id: digest.slice(0, 16) } };
    if (server.joinTokens.size > 0 && (token === undefined || !server.joinTokens.has(token))) return STRANGER;
    (server.approves ? server.pending : server.active).add(digest);
    return { status: 201, body: { state: server.approves ? 'pending' : 'active', id: digest.slice(0, 16) } };
  }
  if (shown !== undefined && server.pending.has(shown))
    return problem(403, 'not-approved', 'nobody has let this host in yet');
  if (shown === undefined || !server.active.has(shown)) return STRANGER;
  if (!url.endsWith('/token'))
    return { ...problem(409, 'hold', 'there is no tag yet'), headers: { 'Retry-After': '60' } };
  server.active.add(digest);
  return { status: 201, body: { state: 'active', id: digest.slice(0, 16) } };
}

export function problem(status: number, code: string, title: string): Exclude<Said, string> {
  return { status, body: { type: 'about:blank', title, status, code } };
}

const STRANGER = problem(401, 'unauthenticated', 'this is only for those who show a token that counts');
