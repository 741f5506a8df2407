import type { Store } from '../ports/store.ts';

/** Stands in for a store that cannot be opened: every call says why. What the store holds may be missing, never a decision. */
export function unavailableStore(reason: string): Store {
  const fail = async (): Promise<never> => {
    const error = new Error(reason);
    // As every store names what lies outside of this program.
    error.name = 'StoreError';
    throw error;
  };
  return {
    recordPolls: fail,
    recordReport: fail,
    tagFailures: fail,
    tagRuns: fail,
    nodes: fail,
    nodesAt: fail,
    node: fail,
    toldCounts: fail,
    whereabouts: fail,
    whereaboutsAt: fail,
    tagsOf: fail,
    lastStopped: fail,
    recordedSince: fail,
    silentNodes: fail,
    unstoppedNodes: fail,
    seats: fail,
    forgetNodes: fail,
    reports: fail,
    toldAt: fail,
    toldHistory: fail,
    addEvents: fail,
    events: fail,
    newsSince: fail,
    chainHead: fail,
    lookAtChain: fail,
    recordControl: fail,
    controlAt: fail,
    copyTags: fail,
    markPruned: fail,
    tagsAt: fail,
    prune: fail,
    trouble: () => reason,
    checkWritable: fail,
    close: async () => undefined,
  };
}
