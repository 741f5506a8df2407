import type { ServerResponse } from 'node:http';
import type { StoredEvent } from '../core/event.ts';
import { plainJson } from '../core/plain-json.ts';
import type { EventQuery } from '../ports/store.ts';
import type { Door } from './door.ts';

export interface Following {
  readonly filter: Omit<EventQuery, 'limit'>;
  /** The id of the event after which it begins. */
  readonly from: number;
  readonly response: ServerResponse;
  /** Whether who listens may still do so. */
  isWelcome(): boolean;
  shown(event: StoredEvent): unknown;
}

/** What is not announced, such as a report, is looked for this often. */
const LOOK_MS = 1_000;
/** Proxies and clients take a silent connection for a dead one. */
const LOOKS_PER_SIGN = 15;
const BATCH = 200;

/**
 * Server-sent events: what was stored after `from`, and then each event when it is stored, until the client goes,
 * has no right to them any more, or the server stops.
 */
export async function* eventStream(
  { context, stopping }: Door,
  { filter, from, response, isWelcome, shown }: Following,
): AsyncGenerator<string> {
  const over = new AbortController();
  const end = (): void => over.abort();
  response.once('close', end);
  stopping.addEventListener('abort', end, { once: true });
  if (stopping.aborted || response.destroyed) end();
  let last = from;
  let silent = 0;
  try {
    yield ': events follow\n\n';
    while (!over.signal.aborted && isWelcome()) {
      const changed = nextLook(context.changes.next, over.signal);
      await context.fleet.flush();
      const events = await context.store.events({ ...filter, afterId: last, order: 'oldest', limit: BATCH });
      if (!isWelcome()) return;
      last = events.at(-1)?.id ?? last;
      silent = events.length > 0 ? 0 : silent + 1;
      if (events.length > 0) yield events.map((event) => piece(event, shown)).join('');
      else if (silent % LOOKS_PER_SIGN === 0) yield ': nothing new\n\n';
      if (events.length < BATCH) await changed;
    }
  } finally {
    end();
    response.off('close', end);
    stopping.removeEventListener('abort', end);
  }
}

function piece(event: StoredEvent, shown: Following['shown']): string {
  return `id: ${event.id}\nevent: ${event.kind}\ndata: ${plainJson(shown(event))}\n\n`;
}

/** Settles at the next announcement, after a second, or when it is over. */
async function nextLook(next: (signal: AbortSignal) => Promise<void>, over: AbortSignal): Promise<void> {
  const enough = new AbortController();
  const end = (): void => enough.abort();
  const timer = setTimeout(end, LOOK_MS);
  over.addEventListener('abort', end, { once: true });
  if (over.aborted) end();
  await next(enough.signal);
  clearTimeout(timer);
  over.removeEventListener('abort', end);
}
