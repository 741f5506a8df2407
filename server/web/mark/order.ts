import type { ProposedMark } from './proposal.ts';

export const STATES = ['bad', 'badfwd', 'good', 'none'] as const;
export type State = (typeof STATES)[number];

export const EXPLAINED: Readonly<Record<State, string>> = {
  bad: 'Nobody gets it. Who is due it gets the newest acceptable tag before it.',
  badfwd:
    'Nobody gets it. Who is due it goes forward to the next acceptable tag at once: for a change that added what going back would leave in place.',
  good: 'It has been looked at. Waves that ask for good tags take it.',
  none: 'Takes the mark away.',
};

/** What is to be marked, as the query of a place says it. */
export interface MarkOrder {
  readonly tags: readonly string[];
  /** Null until somebody has chosen. */
  readonly state: State | null;
  /** Empty = all. */
  readonly environments: readonly string[];
  readonly reason: string;
}

export function orderIn(query: Readonly<Record<string, string>>): MarkOrder {
  const list = (key: string): string[] => [...new Set((query[key] ?? '').split(',').filter((one) => one !== ''))];
  return {
    tags: list('mark').sort(),
    state: STATES.find((state) => state === query['state']) ?? null,
    environments: list('env'),
    reason: query['reason'] ?? '',
  };
}

/** What the query says when the dialog is closed. */
export const NO_ORDER = { mark: undefined, state: undefined, env: undefined, reason: undefined } as const;

export function marksOf({ tags, state, environments }: MarkOrder): ProposedMark[] | null {
  if (state === null || tags.length === 0) return null;
  return tags.map((tag) => ({ tag, state, ...(environments.length === 0 ? {} : { environments }) }));
}

export interface MarkRequest {
  readonly tag: string;
  readonly path: string;
  readonly method: 'PUT' | 'DELETE';
  readonly body: Readonly<Record<string, unknown>>;
}

/** One request a tag. */
export function requestsOf(order: MarkOrder): MarkRequest[] {
  const { state, environments } = order;
  const reason = order.reason.trim();
  return order.tags.map((tag) => {
    const path = `v1/tags/${encodeURIComponent(tag)}/mark`;
    if (state !== 'none') {
      const body = {
        state,
        ...(reason === '' ? {} : { reason }),
        ...(environments.length === 0 ? {} : { environments }),
      };
      return { tag, path, method: 'PUT', body };
    }
    const query = new URLSearchParams({
      ...(environments.length === 0 ? {} : { environments: environments.join() }),
      ...(reason === '' ? {} : { reason }),
    }).toString();
    return { tag, path: query === '' ? path : `${path}?${query}`, method: 'DELETE', body: {} };
  });
}
