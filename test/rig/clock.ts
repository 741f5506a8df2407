import type { Clock } from '../../server/ports/common.ts';

export interface MovableClock extends Clock {
  /** Time passes: both clocks go on by so many milliseconds. */
  advance(ms: number): void;
  /** The wall clock is set, the monotonic one goes on as before. */
  jumpTo(now: number): void;
}

/** A clock that starts at an instant, runs with the real one, and can be moved. */
export function movableClock(start: string): MovableClock {
  let wall = Date.parse(start) - Date.now();
  let passed = 0;
  return {
    now: () => Date.now() + wall,
    monotonic: () => performance.now() + passed,
    fileTime: () => Date.now(),
    advance(ms) {
      wall += ms;
      passed += ms;
    },
    jumpTo(now) {
      wall = now - Date.now();
    },
  };
}
