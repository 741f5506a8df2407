import { openWork } from './store.ts';
import type { StoreErrorCode } from './store-error.ts';
import { StoreError } from './store-error.ts';

export interface StoreSetting {
  readonly file: string;
}

/** What became of a call, so that it can be copied. `failure`: what now keeps the file from being used. */
export type Outcome =
  | { readonly ok: true; readonly value: unknown; readonly failure: string | null }
  | {
      readonly ok: false;
      readonly error: { readonly code: StoreErrorCode; readonly message: string; readonly hint: string };
      readonly failure: string | null;
    };

/** The store as a thread does its work for others. */
export function openStoreJobs({ file }: StoreSetting) {
  const { work, failure } = openWork(file);
  const jobs = new Map<string, (...given: never[]) => Promise<unknown>>(Object.entries(work));
  return {
    async call(name: string, given: readonly unknown[]): Promise<Outcome> {
      try {
        const value = await jobs.get(name)?.(...(given as never[]));
        return { ok: true, value, failure: failure() };
      } catch (error) {
        if (!(error instanceof StoreError)) throw error;
        const { code, message, hint } = error;
        return { ok: false, error: { code, message, hint }, failure: failure() };
      }
    },
    close: work.close,
  };
}

export type StoreJobs = ReturnType<typeof openStoreJobs>;
