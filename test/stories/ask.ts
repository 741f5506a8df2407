import { Agent, get, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll } from 'vitest';
import { parseTagName } from '../../protocol/names.ts';
import type { StandingProblem } from '../../server/core/problem.ts';
import { until } from '../rig/until.ts';
import { HOST_KEYS, HOSTS, type HostKey, short } from './train.ts';

export interface Answer {
  readonly status: number;
  /** The hour of the tag (`07`), `hold CODE`, `killswitch`, or the code of another error. */
  readonly gets: string;
  readonly tag: string;
  readonly digest: string;
  readonly etag: string;
  readonly message: string;
  readonly reasons: readonly string[];
}

export interface Asking {
  /** The path below the host's own, with its query. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

interface Body {
  readonly code?: string;
  readonly hold?: string;
  readonly message?: string;
  readonly title?: string;
  readonly reasons?: readonly string[];
}

const agent = new Agent({ keepAlive: true });
afterAll(() => agent.destroy());

/** Asks what a host should have, as its client would. */
export async function ask(
  { url }: { readonly url: string },
  host: string,
  { path = '', headers = {}, signal }: Asking = {},
): Promise<Answer> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(`${url}/v1/nodes/${host}${path}`, { agent, headers, signal }, resolve).once('error', reject);
  });
  const answer = await text(response);
  const body: Body = answer === '' ? {} : JSON.parse(answer);
  const said = (header: string) => String(response.headers[header] ?? '');
  const tag = said('tagwave-tag');
  return {
    status: response.statusCode ?? 0,
    gets: getsOf(body, tag),
    tag,
    digest: said('tagwave-digest'),
    etag: said('etag'),
    message: body.message ?? body.title ?? '',
    reasons: body.reasons ?? [],
  };
}

function getsOf({ code, hold }: Body, tag: string): string {
  if (code === 'hold') return `hold ${hold}`;
  if (code !== undefined) return code;
  return parseTagName(tag) === undefined ? tag : short(tag);
}

/** What one host of every wave gets. */
export async function askAll(server: { readonly url: string }): Promise<Record<HostKey, string>> {
  const answers = await Promise.all(HOST_KEYS.map(async (key) => [key, (await ask(server, HOSTS[key])).gets] as const));
  return Object.fromEntries(answers) as Record<HostKey, string>;
}

/** The same for every wave. */
export function all(gets: string): Record<HostKey, string> {
  return { dev: gets, qa: gets, stg: gets, east: gets, prod: gets };
}

export async function problems({ url }: { readonly url: string }): Promise<readonly StandingProblem[]> {
  const response = await fetch(`${url}/v1/status`);
  const status = (await response.json()) as { readonly problems?: readonly StandingProblem[] };
  return status.problems ?? [];
}

/** Waits for a problem to be shown; answers its sentence. */
export async function problem(server: { readonly url: string }, id: string): Promise<string> {
  return until(`the problem ${id}`, async () => (await problems(server)).find((one) => one.id === id)?.sentence);
}

/** Sends JSON as an operator would; answers the status. */
export async function change(
  { url }: { readonly url: string },
  path: string,
  { method, body }: { readonly method: 'PUT' | 'POST'; readonly body: unknown },
): Promise<number> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(url + path, { method, headers, body: JSON.stringify(body) });
  await response.arrayBuffer();
  return response.status;
}
