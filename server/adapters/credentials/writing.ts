import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { Decided, KeptCredentials } from '../../core/credential-change.ts';
import type { TokenId } from '../../core/token.ts';
import type { Attempt } from '../../ports/common.ts';
import type { Credentials } from '../../ports/credentials.ts';
import type { Access } from './access.ts';
import { isBusy, whyUnusable } from './connection.ts';

/** Many changes share a transaction: each of them costs a write to the disk, and a whole fleet may join at once. */
export interface Writing {
  readonly change: Credentials['change'];
  /** Takes nothing more, and waits for what was asked. */
  close(): Promise<void>;
}

export interface WritingOptions {
  readonly access: Access;
  /** Called with whose credential has changed. */
  readonly onChange: (ids: readonly TokenId[]) => void;
}

type Failure = Extract<Attempt<never>, { ok: false }>;

interface Job {
  /** Answers how to settle it once that is on disk. */
  decide(kept: KeptCredentials): { readonly changes: Decided<unknown>['changes']; settle(): void };
  refuse(failure: Failure): void;
  /** It is a defect of this program. */
  reject(error: unknown): void;
}

const MOST_AT_ONCE = 200;
const PATIENCE_MS = 5_000;
const PAUSE_MS = 15;

export function openWriting({ access, onChange }: WritingOptions): Writing {
  const queue: Job[] = [];
  let running: Promise<void> | undefined;
  let isClosed = false;

  const transact = (jobs: readonly Job[]): void => {
    const queries = access.openToWrite();
    if (queries === undefined) {
      refuse(jobs, access.trouble() ?? 'the file cannot be opened');
      return;
    }
    queries.begin();
    const ids: TokenId[] = [];
    const settles: (() => void)[] = [];
    try {
      for (const job of jobs) {
        const { changes, settle } = job.decide(queries);
        ids.push(...queries.carryOut(changes));
        settles.push(settle);
      }
      queries.commit();
    } catch (error) {
      queries.rollback();
      throw error;
    }
    onChange(ids);
    for (const settle of settles) settle();
  };

  const carryOut = async (jobs: readonly Job[]): Promise<void> => {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        return transact(jobs);
      } catch (error) {
        const why = whyUnusable(error);
        if (isBusy(error) && performance.now() < deadline) await delay(PAUSE_MS);
        else return giveUp(jobs, { error, why });
      }
    }
  };

  const giveUp = (
    jobs: readonly Job[],
    { error, why }: { readonly error: unknown; readonly why: string | undefined },
  ): void => {
    if (why === undefined) {
      for (const job of jobs) job.reject(error);
      return;
    }
    access.failed(error);
    refuse(jobs, access.trouble() ?? `the file of credentials ${why}`);
  };

  const run = async (): Promise<void> => {
    // What is asked in the same turn goes along.
    await turn();
    while (queue.length > 0) await carryOut(queue.splice(0, MOST_AT_ONCE));
    running = undefined;
  };

  return {
    change<Result>(decide: (kept: KeptCredentials) => Decided<Result>) {
      if (isClosed) return Promise.resolve<Attempt<Result>>(CLOSED);
      return new Promise<Attempt<Result>>((resolve, reject) => {
        queue.push({ decide: (kept) => decided(() => decide(kept), { resolve, reject }), refuse: resolve, reject });
        running ??= run();
      });
    },
    async close() {
      isClosed = true;
      await running;
    },
  };
}

/** A decision that throws is a defect of its own, and none of those that share its transaction; unless it is the file's. */
function decided<Result>(
  decide: () => Decided<Result>,
  { resolve, reject }: { resolve(result: Attempt<Result>): void; reject(error: unknown): void },
): ReturnType<Job['decide']> {
  try {
    const { changes, result } = decide();
    return { changes, settle: () => resolve({ ok: true, value: result }) };
  } catch (error) {
    if (whyUnusable(error) !== undefined) throw error;
    return { changes: [], settle: () => reject(error) };
  }
}

const CLOSED = { ok: false, sentence: 'the credentials are closed: this is about to end', hint: 'ask again' } as const;

function refuse(jobs: readonly Job[], why: string): void {
  const sentence = `who may ask cannot be changed: ${why}`;
  for (const job of jobs)
    job.refuse({ ok: false, sentence, hint: 'nothing was changed; when that is mended, ask again' });
}
