import { useEffect, useRef, useState } from 'preact/hooks';
import type { BriefNode } from '../../../../protocol/api/nodes.ts';
import { ask, type Failed, type Result } from '../../api.ts';
import { onNews } from '../../live.ts';
import { hrefOf } from '../../router.ts';
import { isFiltered, type NodesQuery } from './query.ts';

/** All nodes, to be searched here. While they are asked for again, and when that fails, those of the last time stay. */
export interface Fleet {
  readonly nodes: readonly BriefNode[] | null;
  /** Whether there are more than are kept here: then the server does the filtering. */
  readonly isCut: boolean;
  readonly failure: Failed | null;
  readonly asOf: number | null;
  readonly isLoading: boolean;
  reload(): void;
}

type State = Omit<Fleet, 'reload'>;

const AT_ONCE = 2_000;
/** More than that and a browser has to work for each key that is pressed. */
const MOST = 40_000;
const PAUSE_MS = 2_000;
/** Polls come all the time; asking for all again should take a small part of it. */
const PAUSE_FACTOR = 8;

/** So that the way back shows at once what was there. */
const kept = new Map<string, State>();
const MOST_KEPT = 3;

export function useFleet(query: NodesQuery): Fleet {
  const whole = urlOf(query, false);
  const url = kept.get(whole)?.isCut === true && isFiltered(query) ? urlOf(query, true) : whole;
  const [state, setState] = useState<State>(() => begin(url));
  const reload = useRef<() => void>(() => undefined);

  useEffect(() => {
    setState((before) => (kept.has(url) ? begin(url) : { ...before, failure: null, isLoading: true }));
    const over = new AbortController();
    const loop = loader({ url, signal: over.signal, show: setState });
    reload.current = loop.start;
    loop.start();
    const stop = query.at === null ? onNews(['nodes'], loop.news) : () => undefined;
    return () => {
      stop();
      over.abort();
    };
  }, [url, query.at]);

  return { ...state, reload: () => reload.current() };
}

/** What the server leaves out where there are too many: one value of each list is all that it takes. */
function urlOf({ q, environment, wave, outcome, flags, at }: NodesQuery, isNarrow: boolean): string {
  const one = (words: readonly string[]): string | undefined => (words.length === 1 ? words[0] : undefined);
  const flag = (name: 'behind' | 'silent' | 'drifted' | 'pinned') => (flags.has(name) ? 'true' : undefined);
  const narrow = {
    q: q.trim().split(/\s+/)[0],
    environment: one(environment),
    wave: one(wave),
    outcome: outcome.join(),
    behind: flag('behind'),
    silent: flag('silent'),
    drifted: flag('drifted'),
    pinned: flag('pinned'),
  };
  return hrefOf(['v1', 'fleet'], { at: at ?? undefined, ...(isNarrow ? narrow : {}) }).slice(2);
}

interface LoaderOptions {
  readonly url: string;
  readonly signal: AbortSignal;
  readonly show: (change: (before: State) => State) => void;
}

/** Loads once at a time; news that come meanwhile, or soon after, lead to one more time later. */
function loader({ url, signal, show }: LoaderOptions): { start(): void; news(): void } {
  let isBusy = false;
  let again: ReturnType<typeof setTimeout> | undefined;
  let pause = PAUSE_MS;
  const run = async (): Promise<void> => {
    isBusy = true;
    const began = performance.now();
    const first = !kept.has(url);
    const result = await loadAll(url, signal, (nodes) => {
      if (first) show((before) => ({ ...before, nodes, asOf: Date.now() }));
    });
    if (signal.aborted) return;
    if (result.ok) remember(url, { ...result.value, failure: null, asOf: Date.now(), isLoading: false });
    show((before) => (result.ok ? begin(url) : { ...before, failure: result, isLoading: false }));
    pause = Math.max(PAUSE_MS, PAUSE_FACTOR * (performance.now() - began));
    isBusy = false;
  };
  const start = (): void => {
    clearTimeout(again);
    again = undefined;
    if (!isBusy) run().catch(() => undefined);
  };
  const news = (): void => {
    again ??= setTimeout(start, pause);
  };
  signal.addEventListener('abort', () => clearTimeout(again));
  return { start, news };
}

interface Loaded {
  readonly nodes: readonly BriefNode[];
  readonly isCut: boolean;
}

interface Page {
  readonly nodes: readonly BriefNode[];
  readonly next: string | null;
}

async function loadAll(
  url: string,
  signal: AbortSignal,
  onPage: (nodes: readonly BriefNode[]) => void,
): Promise<Result<Loaded>> {
  let nodes: readonly BriefNode[] = [];
  let next: string | null = '';
  while (next !== null && nodes.length < MOST) {
    const sign = url.includes('?') ? '&' : '?';
    const after: string = next === '' ? '' : `&after=${encodeURIComponent(next)}`;
    const page: Result<Page> = await ask<Page>(`${url}${sign}limit=${AT_ONCE}${after}`, { signal });
    if (!page.ok) return page;
    nodes = nodes.length === 0 ? page.value.nodes : [...nodes, ...page.value.nodes];
    next = page.value.next;
    onPage(nodes);
  }
  return { ok: true, value: { nodes, isCut: next !== null } };
}

function begin(url: string): State {
  return kept.get(url) ?? { nodes: null, isCut: false, failure: null, asOf: null, isLoading: true };
}

function remember(url: string, state: State): void {
  kept.delete(url);
  kept.set(url, state);
  for (const oldest of kept.keys()) {
    if (kept.size <= MOST_KEPT) break;
    kept.delete(oldest);
  }
}
