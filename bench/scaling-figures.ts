import type { Costs } from './scaling.ts';

/** What `docs/scaling.md` calculates with, from the run that `docs/performance.md` shows. */
export const MEASURED: Costs = {
  pollMicroseconds: 110,
  pollBytes: 420,
  changeMicroseconds: 2600,
  changeBytes: 14_600,
  startMegabytes: 130,
  nodeBytes: 1_500,
};
