import { setImmediate as turn } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import type { Anchor } from './anchor.ts';
import { lastEventId } from './chain.ts';
import type { Schema } from './schema.ts';
import type { Session } from './session.ts';
import { storeErrorOf } from './store-error.ts';
import { exclusively } from './transaction.ts';

export type Work<Result> = (tx: Kysely<Schema>) => Promise<Result>;

export interface Writer {
  /** Runs `work` in a transaction; resolves once it is on the disk. `work` may run several times, of which the last counts. */
  write<Result>(work: Work<Result>): Promise<Result>;
  /** Waits for everything that was asked so far. */
  settled(): Promise<void>;
}

interface Job {
  readonly run: (tx: Kysely<Schema>) => Promise<void>;
  readonly done: () => void;
  readonly failed: (error: unknown) => void;
}

const MOST_AT_ONCE = 500;

/**
 * Everything that is asked for in the same turn of the event loop shares one transaction, and so one wait for the disk:
 * the reports of a fleet that has just moved come by the hundred.
 */
export function startWriter(session: Session, anchor: Anchor): Writer {
  const waiting: Job[] = [];
  let working = Promise.resolve();
  let highestEvent = 0;

  async function commit(jobs: readonly Job[]): Promise<void> {
    const head = await session.use('write', (db) =>
      exclusively(db, async (tx) => {
        const before = await continueEventIds(tx, highestEvent);
        for (const job of jobs) await job.run(tx);
        highestEvent = await lastEventId(tx);
        return highestEvent === before ? undefined : anchor.next(tx);
      }),
    );
    // Only what is on the disk: an end that is not there would look like one that was taken away.
    if (head !== undefined) anchor.keep(head);
  }

  async function commitAll(jobs: readonly Job[]): Promise<void> {
    try {
      await commit(jobs);
      for (const job of jobs) job.done();
    } catch (error) {
      const alone = jobs.length === 1 || storeErrorOf(error, '') !== undefined;
      if (alone) for (const job of jobs) job.failed(error);
      // One of them is at fault: the others must not suffer for it.
      else for (const job of jobs) await commitAll([job]);
    }
  }

  async function work(): Promise<void> {
    while (waiting.length > 0) {
      await turn();
      await commitAll(waiting.splice(0, MOST_AT_ONCE));
    }
  }

  return {
    write<Result>(task: Work<Result>): Promise<Result> {
      return new Promise<Result>((resolve, reject) => {
        let result: { value: Result } | undefined;
        waiting.push({
          run: async (tx) => {
            result = { value: await task(tx) };
          },
          done: () => (result === undefined ? reject(new Error('a job was not run')) : resolve(result.value)),
          failed: reject,
        });
        if (waiting.length === 1) working = working.then(work);
      });
    },
    settled: () => working,
  };
}

/**
 * In a file that was begun anew, ids go on where they were: whoever asks for events after one must not wait for ever. Answers
 * the last one.
 */
async function continueEventIds(tx: Kysely<Schema>, highest: number): Promise<number> {
  const last = await lastEventId(tx);
  if (last >= highest) return last;
  await sql`delete from sqlite_sequence where name = 'events'`.execute(tx);
  await sql`insert into sqlite_sequence (name, seq) values ('events', ${highest})`.execute(tx);
  return highest;
}
