import type { ProblemDetails } from '../../protocol/errors.ts';
import { noteRefused, tokenOfTab } from './session.ts';

/** Why something could not be had or done, in the server's words where it has answered. */
export interface Failed {
  readonly ok: false;
  /** 0 where no answer came. */
  readonly status: number;
  /** The server's own, or `unreachable`. */
  readonly code: string;
  readonly title: string;
  readonly hint: string | null;
  /** Where the server's log says more. */
  readonly id: string | null;
}

export type Result<Value> = { readonly ok: true; readonly value: Value } | Failed;

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface Ask {
  readonly method?: Method;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
  /** How long is too long. */
  readonly limitMs?: number;
}

const LIMIT_MS = 30_000;

/** Asks the server; `path` is relative to the page (`v1/map`), which may be below any prefix. Never rejects, but when it is aborted. */
export async function ask<Value>(
  path: string,
  { method = 'GET', body, signal, headers, limitMs }: Ask = {},
): Promise<Result<Value>> {
  const limit = AbortSignal.timeout(limitMs ?? LIMIT_MS);
  try {
    const response = await fetch(path, {
      method,
      headers: { Accept: 'application/json', ...authorization(), ...contentType(method), ...headers },
      ...(method === 'GET' ? {} : { body: JSON.stringify(body ?? {}) }),
      signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    });
    if (response.ok) return { ok: true, value: (await response.json()) as Value };
    const failed = await failureOf(response);
    if (failed.status === 401) noteRefused(failed);
    return failed;
  } catch (error) {
    if (signal?.aborted === true) throw error;
    return limit.aborted ? TOO_SLOW : UNREACHABLE;
  }
}

export function authorization(): Readonly<Record<string, string>> {
  const token = tokenOfTab();
  return token === null ? {} : { Authorization: `Bearer ${token}` };
}

/** What other pages cannot send without asking first. */
function contentType(method: Method): Readonly<Record<string, string>> {
  return method === 'GET' ? {} : { 'Content-Type': 'application/json' };
}

export async function failureOf(response: Response): Promise<Failed> {
  const { status } = response;
  const details = (await response.json().catch(() => ({}))) as Partial<ProblemDetails>;
  return {
    ok: false,
    status,
    code: details.code ?? 'unknown',
    title: details.title ?? `the server answered ${status} ${response.statusText}`.trim(),
    hint: details.hint ?? null,
    id: details.instance ?? null,
  };
}

export const UNREACHABLE: Failed = {
  ok: false,
  status: 0,
  code: 'unreachable',
  title: 'the server does not answer',
  hint: 'asked again by itself; control files can be edited on the server with a shell all the same',
  id: null,
};
const TOO_SLOW: Failed = { ...UNREACHABLE, title: 'the server has not answered in time' };
