import type { Costs } from './scaling.ts';

/** What `docs/scaling.md` calculates with, from the run that `docs/performance.md` shows. */
export const MEASURED: Costs = {
  pollMicroseconds: 300,
  pollBytes: 410,
  changeMicroseconds: 4_075,
  changeBytes: 14_612,
  startMegabytes: 139,
  nodeBytes: 1_464,
};
