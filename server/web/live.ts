import type { Topic } from '../../protocol/api/train.ts';
import { authorization, failureOf } from './api.ts';
import { noteRefused, refused } from './session.ts';
import { eventReader, type ServerEvent } from './sse.ts';
import { createStore, type Store } from './store.ts';

/** `polling`: the server tells no news of itself, so everything is asked for again now and then. */
export interface Link {
  readonly state: 'connecting' | 'connected' | 'away' | 'polling';
  /** When news came in last, milliseconds since 1970; null: never. */
  readonly heard: number | null;
}

export const link: Store<Link> = createStore<Link>({ state: 'connecting', heard: null });

/** `isOwn`: it was done here, and whoever did it wants to see it. */
type Listener = (news: { readonly isOwn: boolean }) => void;
const listeners = new Set<{ readonly listener: Listener; readonly topics: readonly Topic[] }>();

/** Calls when something of these topics is worth asking for again, once however often it was asked for that. Answers how to stop it. */
export function onNews(topics: readonly Topic[], listener: Listener): () => void {
  const entry = { listener, topics };
  listeners.add(entry);
  return () => listeners.delete(entry);
}

/** After a change that was made here: nobody waits for the stream to tell of it. */
export function tell(topics: readonly Topic[]): void {
  spread(topics, { isOwn: true });
}

function spread(topics: readonly Topic[] | 'all', news: { readonly isOwn: boolean }): void {
  const concerned = [...listeners].filter(
    (one) => topics === 'all' || one.topics.some((topic) => topics.includes(topic)),
  );
  for (const listener of new Set(concerned.map((one) => one.listener))) listener(news);
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
const POLL_MS = 10_000;
/** The server gives a sign of life every 15 s. */
const SILENCE_MS = 40_000;

/** Listens for as long as the page is open. A tab that nobody looks at lets go: browsers allow few connections to one server. */
export async function follow(): Promise<void> {
  let pause = FIRST_PAUSE_MS;
  for (;;) {
    await visible();
    const end = await listen();
    // Whoever signs in begins anew.
    if (refused.get() !== null) return;
    if (end === 'heard') pause = FIRST_PAUSE_MS;
    if (end === 'hidden') continue;
    if (end === 'not-there') {
      enter('polling');
      await sleep(POLL_MS);
      spread('all', { isOwn: true });
      continue;
    }
    enter('away');
    await sleep(pause * (0.75 + Math.random() / 2));
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

/** How listening ended: after something was heard, before, because nobody looks, or since the server has no such thing. */
type End = 'heard' | 'failed' | 'hidden' | 'not-there';

async function listen(): Promise<End> {
  const stop = new AbortController();
  const hide = (): void => {
    if (document.hidden) stop.abort('hidden');
  };
  document.addEventListener('visibilitychange', hide);
  let heard = false;
  let silence = setTimeout(() => stop.abort('silent'), SILENCE_MS);
  try {
    const response = await fetch('v1/live', {
      headers: { Accept: 'text/event-stream', ...authorization() },
      signal: stop.signal,
    });
    if (response.status === 401) noteRefused(await failureOf(response));
    if (response.status === 404) return 'not-there';
    if (!response.ok || response.body === null) return 'failed';
    const events = eventReader();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      clearTimeout(silence);
      silence = setTimeout(() => stop.abort('silent'), SILENCE_MS);
      heard = true;
      for (const event of events(value)) take(event);
    }
  } catch {
    if (stop.signal.reason === 'hidden') return 'hidden';
  } finally {
    clearTimeout(silence);
    document.removeEventListener('visibilitychange', hide);
  }
  return heard ? 'heard' : 'failed';
}

function take({ event, data }: ServerEvent): void {
  if (event === 'hello') {
    enter('connected');
    spread('all', { isOwn: true });
  }
  if (event === 'changed') spread(topicsIn(data), { isOwn: false });
}

function topicsIn(data: string): readonly Topic[] | 'all' {
  try {
    const { topics } = JSON.parse(data) as { topics?: Topic[] };
    return Array.isArray(topics) ? topics : 'all';
  } catch {
    return 'all';
  }
}

function enter(state: Link['state']): void {
  const before = link.get();
  if (before.state === state) return;
  const wasThere = before.state === 'connected' || state === 'connected';
  link.set({ state, heard: wasThere ? Date.now() : before.heard });
}

function visible(): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const look = (): void => {
      if (document.hidden) return;
      document.removeEventListener('visibilitychange', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
