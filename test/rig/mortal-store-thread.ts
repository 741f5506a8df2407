import { openStoreJobs, type StoreSetting } from '../../server/adapters/sqlite/jobs.ts';
import { serveThread } from '../../server/adapters/thread-side.ts';

/** The store's thread, which can be told to end. */
export function openMortalStore(setting: StoreSetting) {
  return {
    ...openStoreJobs(setting),
    end: () => process.exit(7),
    /** Busy for so many milliseconds, as with a long query. */
    work(milliseconds: number) {
      const until = performance.now() + milliseconds;
      while (performance.now() < until);
    },
  };
}

export type MortalStore = ReturnType<typeof openMortalStore>;

serveThread(openMortalStore);
