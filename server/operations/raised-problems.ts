import type { Store } from '../ports/store.ts';

export interface RaisedProblem {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly sentence: string;
}

const LOOK_BACK = 2_000;

/** The problems that were raised and not cleared since, by what is recorded. Empty where nothing can be read. */
export async function raisedProblems(store: Store): Promise<ReadonlyMap<string, RaisedProblem>> {
  const events = await store.events({ kinds: ['problem-raised', 'problem-cleared'], limit: LOOK_BACK }).catch(() => []);
  const raised = new Map<string, RaisedProblem>();
  const seen = new Set<string>();
  for (const { subject, kind, at, after } of events) {
    if (seen.has(subject)) continue;
    seen.add(subject);
    if (kind === 'problem-raised') raised.set(subject, { id: subject, at, sentence: after ?? '' });
  }
  return raised;
}
