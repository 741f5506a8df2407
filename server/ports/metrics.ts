import type { Report } from '../../protocol/assignment.ts';
import type { Reading } from '../core/metrics.ts';
import type { Origin } from '../core/tag.ts';

/** What is counted and timed as it happens. In memory, from the start of the process on; never fails. */
export interface Measures {
  /** `route`: the pattern that took the request, null for none. `status` null: no answer was begun. */
  request(of: { readonly route: string | null; readonly status: number | null; readonly milliseconds: number }): void;
  fetched(result: Result, milliseconds: number): void;
  tagged(result: Result, milliseconds: number): void;
  tagMade(tag: { readonly origin: Origin; readonly stale: boolean }): void;
  /** `wave`: in which the host was told something last, empty where it was told nothing. */
  reported(wave: string, outcome: Report['outcome']): void;
  /** So that the first failure of all is seen as one more than none. */
  expectReports(waves: readonly string[]): void;
  /** So many processes answer beside this one. */
  doors(count: number): void;
  notified(target: string, result: 'delivered' | 'failed' | 'dropped'): void;
}

type Result = 'ok' | 'failed';

export interface Metrics extends Measures {
  /** All of it as Prometheus reads it, with what is the case now. */
  exposition(now: readonly Reading[]): Promise<{ readonly type: string; readonly text: string }>;
}
