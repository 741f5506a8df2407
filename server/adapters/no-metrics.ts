import type { Metrics } from '../ports/metrics.ts';

/** For who does not serve: nothing is counted, nobody asks. */
export const NO_METRICS: Metrics = {
  request: () => undefined,
  fetched: () => undefined,
  tagged: () => undefined,
  tagMade: () => undefined,
  reported: () => undefined,
  expectReports: () => undefined,
  doors: () => undefined,
  notified: () => undefined,
  exposition: async () => ({ type: 'text/plain', text: '' }),
};
