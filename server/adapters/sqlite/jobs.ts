import type { StoreState } from './session.ts';
import { openWork } from './store.ts';
import type { StoreErrorCode } from './store-error.ts';
import { StoreError } from './store-error.ts';

export interface StoreSetting {
  readonly file: string;
}

/** What became of a call, so that it can be copied. */
export type Outcome =
  | { readonly ok: true; readonly value: unknown; readonly state: StoreState }
  | {
      readonly ok: false;
      readonly error: { readonly code: StoreErrorCode; readonly message: string; readonly hint: string };
      readonly state: StoreState;
    };

/** The store as a thread does its work for others. */
export function openStoreJobs({ file }: StoreSetting) {
  const { work, state } = openWork(file);
  const jobs = new Map<string, (...given: never[]) => Promise<unknown>>(Object.entries(work));
  return {
    async call(name: string, given: readonly unknown[]): Promise<Outcome> {
      try {
        const value = await jobs.get(name)?.(...(given as never[]));
        return { ok: true, value, state: state() };
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        const { code, message, hint } = error;
        return { ok: false, error: { code, message, hint }, state: state() };
      }
    },
    close: work.close,
  };
}

export type StoreJobs = ReturnType<typeof openStoreJobs>;
