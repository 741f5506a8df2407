import type { Clock } from '../ports/common.ts';

/** The machine's own clocks. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  fileTime: () => Date.now(),
};
