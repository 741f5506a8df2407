import type { IncomingHttpHeaders } from 'node:http';
import type { Assignment } from '../../protocol/assignment.ts';
import type { Digest, Hostname, TagName } from '../../protocol/names.ts';

/** What a host asks a server. */
export interface Question {
  readonly hostname: Hostname;
  readonly tag: TagName | 'trunk' | undefined;
  /** Of the answer that the host already has. */
  readonly etag: string | undefined;
  /** What the host runs now. */
  readonly running: Digest | undefined;
}

/** The server stops the host. */
export type Brake =
  | { readonly kind: 'killswitch'; readonly message: string; readonly reasons: readonly string[] }
  | { readonly kind: 'hold'; readonly hold: string; readonly message: string; readonly reasons: readonly string[] };

/** What the server has against the question. */
export interface Refusal {
  readonly kind: 'refused';
  readonly status: number;
  readonly code: string | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

/** Every answer that ends the search for one. Only `serve` may lead to a change on the host. */
export type Answer =
  | { readonly kind: 'serve'; readonly assignment: Assignment; readonly etag: string | undefined }
  | { readonly kind: 'same' }
  | Brake
  | Refusal
  | { readonly kind: 'unintelligible'; readonly why: string };

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A server that answers 5xx is one that cannot answer: the next one is asked. */
export function isUnavailable(status: number): boolean {
  return status >= 500 && status <= 599;
}

/**
 * Reads an answer. 423 and 409 stop the host by their status alone, whatever stands in the body: a brake that only works
 * when its message parses is none.
 */
export async function readAnswer({ status, headers, body }: RawAnswer, question: Question): Promise<Answer> {
  // Most answers are 304: what understands others is loaded when one comes.
  if (status === 200) return (await import('./read-assignment.ts')).readAssignment(body, headers.etag, question);
  if (status === 304)
    return question.etag === undefined
      ? { kind: 'unintelligible', why: 'it answered 304 (not modified) to a question that had no If-None-Match' }
      : { kind: 'same' };
  const brake = readBrake(status, body);
  if (brake !== undefined) return brake;
  const details = readDetails(body);
  if (status >= 400 && status <= 499) {
    const message = details.message ?? details.title ?? `the server answered ${status} without a reason`;
    return { kind: 'refused', status, code: details.code, message, hint: details.hint };
  }
  if (status >= 300 && status <= 399) {
    const to = headers.location === undefined ? '' : ` to ${headers.location}`;
    return { kind: 'unintelligible', why: `it redirects (${status})${to}; give that server's own URL` };
  }
  return { kind: 'unintelligible', why: `it answered with the unexpected status ${status}` };
}

/** The `hold` of a server that wants to be asked later. */
export const LATER = 'rate-limited';

/** Killswitch and hold, which any request may meet; undefined for every other status. Who asked too often is held as well. */
export function readBrake(status: number, body: Buffer): Brake | undefined {
  if (status !== 423 && status !== 409 && status !== 429) return undefined;
  const { message, title, hold, code, reasons } = readDetails(body);
  if (status === 429) return { kind: 'hold', hold: LATER, message: message ?? title ?? TOO_OFTEN, reasons };
  if (status === 423) return { kind: 'killswitch', message: message ?? '', reasons };
  return { kind: 'hold', hold: hold ?? code ?? 'hold', message: message ?? title ?? '', reasons };
}

const TOO_OFTEN = 'the server wants to be asked later';

interface Details {
  readonly code: string | undefined;
  readonly title: string | undefined;
  readonly message: string | undefined;
  readonly hold: string | undefined;
  readonly hint: string | undefined;
  readonly reasons: readonly string[];
}

export function readDetails(body: Buffer): Details {
  const value = parseJson(body);
  const fields: Record<string, unknown> = typeof value === 'object' && value !== null ? { ...value } : {};
  const text = (key: string): string | undefined => {
    const field = fields[key];
    return typeof field === 'string' ? field : undefined;
  };
  const reasons = fields['reasons'];
  return {
    code: text('code'),
    title: text('title'),
    message: text('message'),
    hold: text('hold'),
    hint: text('hint'),
    reasons: Array.isArray(reasons) ? reasons.filter((reason) => typeof reason === 'string') : [],
  };
}

/** Undefined for what is not JSON. */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
