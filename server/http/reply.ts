import { type ErrorCode, type HoldCode, STATUS_OF } from '../../protocol/errors.ts';
import type { Hostname } from '../../protocol/names.ts';
import type { StoredFile } from '../ports/content.ts';
import type { Words } from './node-words.ts';

export type Headers = Readonly<Record<string, string>>;

/** What all answers say but those that were prepared. */
export const COMMON_HEADERS: Headers = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

/** What a route answers, before it is written to a connection. */
export type Reply = JsonReply | PreparedReply | ToldReply | FileReply | StreamReply | FailureReply;

export interface JsonReply {
  readonly kind: 'json';
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Headers;
  /** So frequent that it is logged at `debug`. */
  readonly isFrequent?: boolean;
}

/** An answer that was serialised before. `headers` are names and values in turn. */
export interface PreparedReply {
  readonly kind: 'prepared';
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string | Buffer | null;
}

/** What a node is told; put into words before, but for its name. */
export interface ToldReply {
  readonly kind: 'told';
  readonly words: Words;
  readonly hostname: Hostname;
  /** The node has this answer: 304 where that is allowed. */
  readonly isKnown: boolean;
  /** It was told something else before, which is worth a line in the log. */
  readonly isNews: boolean;
}

/** Streamed from disk, in parts where the client asks for them. */
export interface FileReply {
  readonly kind: 'file';
  readonly file: StoredFile;
  readonly headers: Headers;
  /** Answers anew where the file has been removed since it was found. */
  readonly again?: () => Promise<Reply>;
}

/** Written piece by piece, as fast as the client takes it. */
export interface StreamReply {
  readonly kind: 'stream';
  readonly headers: Headers;
  readonly pieces: AsyncIterable<string>;
}

/** An expected failure. The status is the code's. */
export interface FailureReply {
  readonly kind: 'failure';
  readonly code: ErrorCode;
  /** What happened and why, one sentence. */
  readonly title: string;
  /** What to do next. */
  readonly hint?: string;
  readonly hold?: HoldCode;
  readonly message?: string;
  readonly reasons?: readonly string[];
  readonly headers?: Headers;
  /** The same as a page, for who asked for one. */
  readonly page?: string;
  /** Who it was, where that became known although they are refused. */
  readonly by?: string;
  /** Nobody tried anything: neither recorded as a refusal, nor counted against who asked. */
  readonly isNoAttempt?: boolean;
}

/** A value that was read from a request, or the failure to answer with. */
export type Read<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reply: FailureReply };

export function json(body: unknown, status = 200): JsonReply {
  return { kind: 'json', status, body };
}

export function failure(code: ErrorCode, title: string, hint?: string): FailureReply {
  return { kind: 'failure', code, title, ...(hint === undefined ? {} : { hint }) };
}

export function statusOf(reply: FailureReply): number {
  return STATUS_OF[reply.code];
}
