import type { Costs } from './scaling.ts';

/** What `docs/scaling.md` calculates with, from the run that `docs/performance.md` shows. */
export const MEASURED: Costs = {
  pollMicroseconds: 255,
  pollBytes: 410,
  changeMicroseconds: 3_175,
  changeBytes: 14_612,
  startMegabytes: 124,
  nodeBytes: 4_451,
};
