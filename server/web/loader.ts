import { ask, type Failed } from './api.ts';
import { share } from './share.ts';
import { createStore, type Store } from './store.ts';

/** What a URL answered, as far as it is here. */
export interface Answer {
  readonly url: string | null;
  readonly value: unknown;
  /** Of the last time that it was asked for. */
  readonly failure: Failed | null;
  /** When `value` came, and when it was asked for, milliseconds since 1970. */
  readonly asOf: number | null;
  readonly askedAt: number | null;
  readonly isLoading: boolean;
}

/** One for each URL that somebody shows, however many they are. */
interface Loader {
  readonly answers: Store<Answer>;
  /** Asks again: at once where that was somebody's own doing, else not too soon after the last time. */
  news(news: { readonly isOwn: boolean }): void;
  end(): void;
}

export type Held = Pick<Loader, 'answers' | 'news'> & { release(): void };

const loaders = new Map<string, { readonly loader: Loader; users: number }>();

/** The loader of a URL (`v1/map`), which asks for as long as somebody holds it. */
export function hold(url: string): Held {
  const entry = loaders.get(url) ?? { loader: createLoader(url), users: 0 };
  loaders.set(url, entry);
  entry.users++;
  return {
    ...entry.loader,
    release() {
      entry.users--;
      if (entry.users > 0) return;
      loaders.delete(url);
      entry.loader.end();
    },
  };
}

/** What is known of a URL before it is asked for. */
export function peek(url: string | null): Answer {
  const known = url === null ? undefined : kept.get(url);
  const { value = null, asOf = null, askedAt = null } = known ?? {};
  return { url, value, asOf, askedAt, failure: null, isLoading: url !== null };
}

/** A server that takes long is asked less often. */
const SHORTEST_PAUSE_MS = 1_000;
const PAUSE_PER_MS = 3;

function createLoader(url: string): Loader {
  const answers = createStore(peek(url));
  const over = new AbortController();
  let isBusy = false;
  let wanted: { readonly isOwn: boolean } | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let notBefore = 0;

  const load = async (): Promise<void> => {
    isBusy = true;
    wanted = null;
    answers.set({ ...answers.get(), isLoading: true });
    const askedAt = Date.now();
    const result = await ask<unknown>(url, { signal: over.signal });
    if (over.signal.aborted) return;
    notBefore = Date.now() + Math.max(SHORTEST_PAUSE_MS, PAUSE_PER_MS * (Date.now() - askedAt));
    if (result.ok) remember(url, { value: share(answers.get().value, result.value), asOf: Date.now(), askedAt });
    answers.set(
      result.ok ? { ...peek(url), isLoading: false } : { ...answers.get(), failure: result, isLoading: false },
    );
    isBusy = false;
    if (wanted !== null) news(wanted);
  };
  const start = (): void => {
    load().catch(() => undefined);
  };
  const news = ({ isOwn }: { readonly isOwn: boolean }): void => {
    if (isBusy) {
      wanted = { isOwn: isOwn || wanted?.isOwn === true };
      return;
    }
    clearTimeout(timer);
    if (isOwn) start();
    else timer = setTimeout(start, Math.max(0, notBefore - Date.now()));
  };
  start();
  return {
    answers,
    news,
    end() {
      clearTimeout(timer);
      over.abort();
    },
  };
}

interface Kept {
  readonly value: unknown;
  readonly asOf: number;
  readonly askedAt: number;
}

/** So that the way back shows at once what was there. */
const kept = new Map<string, Kept>();
const MOST_KEPT = 40;

function remember(url: string, answer: Kept): void {
  kept.delete(url);
  kept.set(url, answer);
  for (const oldest of kept.keys()) {
    if (kept.size <= MOST_KEPT) break;
    kept.delete(oldest);
  }
}
