import type { Clock } from '../../server/ports/common.ts';

export interface StillClock extends Clock {
  /** So many milliseconds pass. */
  advance(ms: number): void;
}

/** A clock that stands still until it is told to go on, however long the machine takes. Files are stamped by the real one. */
export function stillClock(): StillClock {
  let passed = 0;
  return {
    now: () => Date.parse('2026-11-20T10:00:00Z') + passed,
    monotonic: () => passed,
    fileTime: () => Date.now(),
    advance(ms) {
      passed += ms;
    },
  };
}
