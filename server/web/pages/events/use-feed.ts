import { useEffect, useRef, useState } from 'preact/hooks';
import type { ShownEvent } from '../../../../protocol/api/events.ts';
import { ask, type Failed, type Result } from '../../api.ts';
import { onNews } from '../../live.ts';
import { hrefOf } from '../../router.ts';
import { merged, olderThan } from './feed.ts';

export interface Feed {
  /** Newest first; null until the first answer. */
  readonly events: readonly ShownEvent[] | null;
  /** New ones that are kept back, so that nothing moves under whoever reads. */
  readonly waiting: number;
  readonly isAtEnd: boolean;
  readonly isLoadingOlder: boolean;
  readonly failure: Failed | null;
  showWaiting(): void;
  loadOlder(): void;
  reload(): void;
}

interface State {
  readonly events: readonly ShownEvent[] | null;
  readonly waiting: readonly ShownEvent[];
  readonly isAtEnd: boolean;
  readonly isLoadingOlder: boolean;
  readonly failure: Failed | null;
}

const FEW = 100;
const MOST = 1000;
/** Further down than that, somebody reads what is there. */
const READING_PX = 250;
const BEGIN: State = { events: null, waiting: [], isAtEnd: false, isLoadingOlder: false, failure: null };

type Query = Readonly<Record<string, string | undefined>>;
type Answer = Result<{ readonly events: readonly ShownEvent[] }>;

/** Events as they happen, and older ones when they are asked for. `query`: `kinds`, `subject`. */
export function useFeed(query: Query): Feed {
  const [state, setState] = useState<State>(BEGIN);
  const current = useRef(state);
  current.current = state;
  const url = hrefOf(['v1', 'events'], query).slice(2);
  const again = useRef<() => void>(() => undefined);
  const older = useRef<() => void>(() => undefined);

  useEffect(() => {
    setState(BEGIN);
    const over = new AbortController();
    const get = (more: Query): Promise<Answer> =>
      ask(hrefOf(['v1', 'events'], { ...query, ...more }).slice(2), { signal: over.signal });
    const change = (next: (before: State) => State): void => {
      if (!over.signal.aborted) setState(next);
    };
    const refresh = oneAtATime(async () => {
      const { events, waiting } = current.current;
      const last = Math.max(0, ...[...(events ?? []), ...waiting].map(({ id }) => id));
      const answer = await get(events === null ? { limit: String(FEW) } : { after: String(last), limit: String(MOST) });
      change((before) => withNews(before, answer));
    });
    again.current = refresh;
    older.current = oneAtATime(async () => {
      const from = olderThan(current.current.events ?? [], FEW);
      if (from === null) return;
      change((before) => ({ ...before, isLoadingOlder: true }));
      const limit = Math.min(MOST, from.limit);
      const answer = await get({ until: from.until, limit: String(limit) });
      change((before) => withOlder(before, answer, limit));
    });
    refresh();
    const stop = onNews(['events'], refresh);
    return () => {
      stop();
      over.abort();
    };
  }, [url]);

  return {
    ...state,
    waiting: state.waiting.length,
    showWaiting: () =>
      setState((before) => ({ ...before, events: merged(before.events ?? [], before.waiting), waiting: [] })),
    loadOlder: () => older.current(),
    reload: () => again.current(),
  };
}

function withNews(before: State, answer: Answer): State {
  if (!answer.ok) return { ...before, failure: answer };
  const { events } = answer.value;
  const clean = { ...before, failure: null };
  if (before.events === null) return { ...clean, events: merged([], events), isAtEnd: events.length < FEW };
  if (scrollY > READING_PX) return { ...clean, waiting: merged(before.waiting, events) };
  return { ...clean, events: merged(before.events, [...before.waiting, ...events]), waiting: [] };
}

function withOlder(before: State, answer: Answer, limit: number): State {
  if (!answer.ok) return { ...before, failure: answer, isLoadingOlder: false };
  const { events } = answer.value;
  return {
    ...before,
    failure: null,
    isLoadingOlder: false,
    events: merged(before.events ?? [], events),
    isAtEnd: events.length < limit,
  };
}

/** Asked again while it is under way, it is done once more afterwards. */
function oneAtATime(work: () => Promise<void>): () => void {
  let isBusy = false;
  let isWanted = false;
  const run = async (): Promise<void> => {
    isBusy = true;
    do {
      isWanted = false;
      await work();
    } while (isWanted);
    isBusy = false;
  };
  return () => {
    isWanted = true;
    // What was given up midway needs no end.
    if (!isBusy) run().catch(() => undefined);
  };
}
