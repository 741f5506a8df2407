import { useEffect, useRef, useState } from 'preact/hooks';
import type { Topic } from '../../protocol/api/train.ts';
import { ask, type Failed } from './api.ts';
import { onNews } from './live.ts';

/** What was asked for, as far as it is here. While it is asked for again, and when that fails, the last answer stays. */
export interface Data<Value> {
  readonly value: Value | null;
  /** Of the last time that it was asked for. */
  readonly failure: Failed | null;
  /** When `value` came, milliseconds since 1970. */
  readonly asOf: number | null;
  /** When `value` was asked for: what happened since may not be in it. */
  readonly askedAt: number | null;
  readonly isLoading: boolean;
  reload(): void;
}

interface Kept {
  readonly value: unknown;
  readonly asOf: number;
  readonly askedAt: number;
}

/** So that the way back shows at once what was there. */
const kept = new Map<string, Kept>();
const MOST_KEPT = 40;

interface State {
  readonly url: string | null;
  readonly value: unknown;
  readonly failure: Failed | null;
  readonly asOf: number | null;
  readonly askedAt: number | null;
  readonly isLoading: boolean;
}

/**
 * Asks for a URL (`v1/map`; null = nothing yet), and again at news of these topics. With `keep`, what another URL answered stays
 * until the new one's answer is here, as for a slider.
 */
export function useData<Value>(
  url: string | null,
  topics: readonly Topic[],
  { keep = false }: { readonly keep?: boolean } = {},
): Data<Value> {
  const [state, setState] = useState<State>(() => begin(url));
  const reload = useRef<() => void>(() => undefined);
  const wanted = topics.join();

  useEffect(() => {
    setState((before) =>
      keep && before.value !== null && url !== null && !kept.has(url) ? { ...before, isLoading: true } : begin(url),
    );
    if (url === null) return;
    const over = new AbortController();
    let isBusy = false;
    let again = false;
    const load = async (): Promise<void> => {
      if (isBusy) {
        again = true;
        return;
      }
      isBusy = true;
      do {
        again = false;
        setState((before) => ({ ...before, isLoading: true }));
        const askedAt = Date.now();
        const result = await ask<unknown>(url, { signal: over.signal });
        if (over.signal.aborted) return;
        if (result.ok) remember(url, { value: result.value, asOf: Date.now(), askedAt });
        setState((before) => (result.ok ? begin(url, false) : failedAs(before, url, result)));
      } while (again);
      isBusy = false;
    };
    const start = (): void => {
      load().catch(() => undefined);
    };
    reload.current = start;
    start();
    const stop = onNews(wanted === '' ? [] : (wanted.split(',') as Topic[]), start);
    return () => {
      stop();
      over.abort();
    };
  }, [url, wanted, keep]);

  // Until the effect above has run, what another URL answered is nothing of this one's.
  const current = state.url === url || keep ? state : begin(url);
  const { value, failure, asOf, askedAt, isLoading } = current;
  return { value: value as Value | null, failure, asOf, askedAt, isLoading, reload: () => reload.current() };
}

function begin(url: string | null, isLoading = true): State {
  const known = url === null ? undefined : kept.get(url);
  return {
    url,
    value: known?.value ?? null,
    failure: null,
    asOf: known?.asOf ?? null,
    askedAt: known?.askedAt ?? null,
    isLoading: isLoading && url !== null,
  };
}

function failedAs(before: State, url: string, failure: Failed): State {
  const same = before.url === url ? before : begin(url);
  return { ...same, failure, isLoading: false };
}

function remember(url: string, answer: Kept): void {
  kept.delete(url);
  kept.set(url, answer);
  for (const oldest of kept.keys()) {
    if (kept.size <= MOST_KEPT) break;
    kept.delete(oldest);
  }
}
