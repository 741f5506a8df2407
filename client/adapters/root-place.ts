import type { Place } from '../core/place.ts';
import type { Layout } from './layout.ts';

/** Releases are put onto the tree below `root`, file by file. */
export function openRootPlace(_layout: Layout, root: string): Place {
  return {
    root,
    inUse: () => undefined,
    takenName: () => undefined,
    recover: async () => ({
      told: [],
      failure: { sentence: `cannot put files onto ${root} yet`, hint: 'Do without --root.' },
    }),
    obstacle: async () => undefined,
    activate: async () => [],
    withdraw: async () => [],
    drift: async () => [],
    repair: async () => 'stage',
  };
}
