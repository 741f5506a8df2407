import type { IncomingMessage, ServerResponse } from 'node:http';
import { HEADERS } from '../../protocol/assignment.ts';
import { type Digest, type Hostname, parseDigest } from '../../protocol/names.ts';
import { answer as answerNow } from '../operations/answer.ts';
import type { Answer, Question } from '../operations/assign.ts';
import type { Asker } from '../operations/ownership.ts';
import type { Door } from './door.ts';
import { badDigest } from './failures.ts';
import { isKnown } from './node-answer.ts';
import type { Read } from './reply.ts';
import type { Call } from './route.ts';

/** Whose content is asked for. */
export function askerOf({ caller }: Pick<Call, 'caller'>, hostname: Hostname | undefined): Asker {
  return { hostname, isProven: caller.kind === 'node' };
}

/** What a host says that it runs, if it says so. */
export function runningOf({ headers }: IncomingMessage): Read<Digest | null> {
  const text = headers[HEADERS.running.toLowerCase()];
  if (text === undefined) return { ok: true, value: null };
  const value = typeof text === 'string' ? parseDigest(text) : undefined;
  return value === undefined ? { ok: false, reply: badDigest(String(text)) } : { ok: true, value };
}

/**
 * Remembers what a host was told: who has been reached by a killswitch, and which content must be kept, depends on it.
 * Answers whether the host was told something else before.
 */
export function noteTold(
  { context }: Door,
  answer: Answer,
  { hostname, asked, running }: Question & { readonly running: Digest | null },
): boolean {
  if (!('told' in answer)) return true;
  const at = context.time.now();
  if (answer.kind === 'serve') {
    context.views.handedOut(answer.view.digest, at);
    if (!answer.isCommon) context.fleet.hand(hostname, answer.view.digest, at);
  }
  // A tag that somebody asks for once is not what the node has: that stays what it was told without asking.
  const isOnce = answer.kind === 'serve' && asked !== undefined;
  const told = isOnce ? context.fleet.told(hostname) : answer.told;
  const isNews = told !== undefined && context.fleet.note({ hostname, at, running, told });
  return isNews || isOnce;
}

export interface Patience {
  readonly ifNoneMatch: string;
  readonly asText: boolean;
  readonly seconds: number;
  /** Nobody waits any more once it is closed. */
  readonly response: ServerResponse;
}

/** Decides again whenever something changed, until the answer is another one than the host knows, time is up, or the server stops. */
export async function answerWhenChanged(door: Door, question: Question, patience: Patience): Promise<Answer> {
  const { context, stopping } = door;
  const { ifNoneMatch, asText, seconds, response } = patience;
  const over = new AbortController();
  const end = (): void => over.abort();
  const timer = setTimeout(end, seconds * 1000);
  response.once('close', end);
  stopping.addEventListener('abort', end, { once: true });
  if (stopping.aborted) end();
  try {
    for (;;) {
      // Asked for before the decision, so that a change in the middle of it is not missed.
      const changed = context.changes.next(over.signal, question.hostname);
      const answer = await answerNow(context, question);
      if (over.signal.aborted || !isKnown(answer, ifNoneMatch, asText)) return answer;
      await changed;
    }
  } finally {
    end();
    clearTimeout(timer);
    response.off('close', end);
    stopping.removeEventListener('abort', end);
  }
}
