import { HEADERS } from '../../protocol/headers.ts';
import { type Answer, type Question, readAnswer } from '../core/answer.ts';
import { readBody } from './http.ts';
import { ask, type Servers } from './servers.ts';

/** What a server says to a question that it may hold until its answer changes. */
export type Heard =
  | { readonly kind: 'nobody'; readonly why: readonly string[] }
  | {
      readonly kind: 'heard';
      readonly answer: Answer;
      readonly etag: string | undefined;
      /** How soon it wants to be asked where it holds nothing. */
      readonly pollAfterMs: number;
    };

/** So long a server is asked to hold a question: less than proxies wait for an answer. */
export const WAIT_SECONDS = 45;
const GRACE_MS = 60_000;
const LIMIT_BYTES = 1024 * 1024;
const POLL_AFTER_SECONDS = 300;

/** Asks what this host should have; where the answer of `question.etag` still holds, answers when it changes or time is up. */
export async function askWhenChanged(servers: Servers, question: Question): Promise<Heard> {
  const { hostname, tag, etag, running } = question;
  const query = [...(tag === undefined ? [] : [`tag=${tag}`]), ...(etag === undefined ? [] : [`wait=${WAIT_SECONDS}`])];
  const found = await ask<Extract<Heard, { kind: 'heard' }>>(servers, {
    path: `/v1/nodes/${hostname}${query.length === 0 ? '' : `?${query.join('&')}`}`,
    totalMs: WAIT_SECONDS * 1000 + GRACE_MS,
    patience: 1 + (WAIT_SECONDS * 1000) / servers.silenceMs,
    headers: () => ({
      ...(etag === undefined ? {} : { 'If-None-Match': etag }),
      ...(running === undefined ? {} : { [HEADERS.running]: running }),
    }),
    read: async ({ status, headers, body }) => {
      const bytes = (await readBody(body, LIMIT_BYTES)) ?? Buffer.alloc(0);
      return {
        kind: 'heard',
        answer: await readAnswer({ status, headers, body: bytes }, question),
        etag: headers.etag,
        pollAfterMs:
          1000 * (secondsOf(headers[HEADERS.pollAfter.toLowerCase()] ?? headers['retry-after']) ?? POLL_AFTER_SECONDS),
      };
    },
    garbled: (why) => ({
      kind: 'heard',
      answer: { kind: 'unintelligible', why },
      etag: undefined,
      pollAfterMs: POLL_AFTER_SECONDS * 1000,
    }),
  });
  return found.kind === 'found' ? found.value : found;
}

/** Of a header that says how soon to ask again; undefined for none that makes sense. */
export function secondsOf(header: string | string[] | undefined): number | undefined {
  const seconds = typeof header === 'string' && /^\d{1,5}$/.test(header) ? Number(header) : 0;
  return seconds >= 1 && seconds <= 86_400 ? seconds : undefined;
}
