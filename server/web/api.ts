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
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** How long is too long. */
  readonly limitMs?: number;
  /** That nobody is known is no reason to ask somebody to sign in. */
  readonly isAboutMe?: boolean;
  /** Everything else makes room for it, and is asked for again afterwards. Browsers allow few connections to one server. */
  readonly isUrgent?: boolean;
}

const LIMIT_MS = 30_000;
/** What is refused until somebody shows who they are, in another way than so far. */
const WANTS_TO_KNOW: ReadonlySet<string> = new Set(['reads-off', 'insecure-transport']);

let makeRoom = new AbortController();
let urgent: Promise<unknown> | null = null;

/** Asks the server; `path` is relative to the page (`v1/map`), which may be below any prefix. Never rejects, but when it is aborted. */
export async function ask<Value>(path: string, how: Ask = {}): Promise<Result<Value>> {
  if (how.isUrgent === true) return first<Value>(path, how);
  for (;;) {
    await urgent;
    const room = makeRoom.signal;
    const result = await once<Value>(path, how, room);
    if (result !== null) return result;
  }
}

function first<Value>(path: string, how: Ask): Promise<Result<Value>> {
  makeRoom.abort();
  makeRoom = new AbortController();
  const never = new AbortController();
  const answered = once<Value>(path, how, never.signal).then((result) => result ?? UNREACHABLE);
  const done: Promise<unknown> = answered
    .catch(() => undefined)
    .then(() => {
      if (urgent === done) urgent = null;
    });
  urgent = done;
  return answered;
}

/** Null where it made room for something urgent. A change that is on its way is never cut off. */
async function once<Value>(path: string, how: Ask, room: AbortSignal): Promise<Result<Value> | null> {
  const { method = 'GET', body, signal, limitMs = LIMIT_MS, isAboutMe = false } = how;
  const limit = AbortSignal.timeout(limitMs);
  const isReading = method === 'GET' || path === 'v1/preview';
  const ends = [limit, ...(signal === undefined ? [] : [signal]), ...(isReading ? [room] : [])];
  try {
    const response = await fetch(path, {
      method,
      headers: { Accept: 'application/json', ...authorization(), ...contentType(method) },
      ...(method === 'GET' ? {} : { body: JSON.stringify(body ?? {}) }),
      signal: AbortSignal.any(ends),
    });
    if (response.ok) return { ok: true, value: (await response.json()) as Value };
    const failed = await failureOf(response);
    if (!isAboutMe && (failed.status === 401 || WANTS_TO_KNOW.has(failed.code))) noteRefused(failed);
    return failed;
  } catch (error) {
    if (signal?.aborted === true) throw error;
    if (isReading && room.aborted) return null;
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
  hint: 'it is asked again by itself; with a shell on the server, the control files can be edited all the same',
  id: null,
};
const TOO_SLOW: Failed = { ...UNREACHABLE, title: 'the server has not answered in time' };
