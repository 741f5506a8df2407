import { useEffect, useRef, useState } from 'preact/hooks';
import type { Topic } from '../../protocol/api/train.ts';
import type { Failed } from './api.ts';
import { onNews } from './live.ts';
import { type Answer, hold, peek } from './loader.ts';

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

/**
 * Asks for a URL (`v1/map`; null = nothing yet), and again at news of these topics; once, however many components do. With `keep`,
 * what another URL answered stays until the new one's answer is here, as for a slider.
 */
export function useData<Value>(
  url: string | null,
  topics: readonly Topic[],
  { keep = false }: { readonly keep?: boolean } = {},
): Data<Value> {
  const [answer, setAnswer] = useState<Answer>(() => peek(url));
  const reload = useRef<() => void>(() => undefined);
  const wanted = topics.join();

  useEffect(() => {
    if (url === null) return setAnswer(peek(null));
    const held = hold(url);
    const show = (next: Answer): void => {
      const isEmpty = next.value === null && next.failure === null;
      setAnswer((before) => (keep && isEmpty && before.value !== null ? { ...before, isLoading: true } : next));
    };
    show(held.answers.get());
    const stopShowing = held.answers.subscribe(show);
    const stopListening = onNews(wanted === '' ? [] : (wanted.split(',') as Topic[]), held.news);
    reload.current = () => held.news({ isOwn: true });
    return () => {
      stopShowing();
      stopListening();
      held.release();
    };
  }, [url, wanted, keep]);

  // Until the effect above has run, what another URL answered is nothing of this one's.
  const { value, failure, asOf, askedAt, isLoading } = answer.url === url || keep ? answer : peek(url);
  return { value: value as Value | null, failure, asOf, askedAt, isLoading, reload: () => reload.current() };
}
