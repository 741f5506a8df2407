import { setTimeout as pause } from 'node:timers/promises';
import type { Kysely } from 'kysely';
import pLimit from 'p-limit';
import type { Connection } from './connection.ts';
import type { Schema } from './schema.ts';
import { filesSetAside, setAside } from './set-aside.ts';
import { StoreError, type StoreErrorCode, storeErrorOf } from './store-error.ts';

export interface Session {
  /**
   * Runs `work` on the file as it is now, one call at a time. Opens the file anew where it was deleted or replaced, waits
   * for other processes, and begins a new file where it is damaged; `work` may therefore run several times, of which only
   * the last one counts. Rejects with a `StoreError` where the file cannot be used.
   */
  use<Result>(purpose: Purpose, work: (db: Kysely<Schema>) => Promise<Result>): Promise<Result>;
  /** A sentence for as long as the file cannot be used. */
  failure(): string | null;
  close(): Promise<void>;
}

export type Purpose = 'read' | 'write';

export interface Opening {
  readonly file: string;
  open(): Promise<Connection>;
  /** Whether a damaged file may be set aside for a new one. */
  readonly mayReplace: boolean;
}

/** About ten seconds, without blocking the process. */
const BUSY_TRIES = 150;
const BUSY_TRIES_ON_ONE_CONNECTION = 40;
const BUSY_PAUSE_MS = 50;
/** Opening anew may help, because the file was changed underneath or has become usable since. */
const REOPENED: ReadonlySet<StoreErrorCode> = new Set(['corrupt', 'read-only', 'unusable']);

export function startSession(opening: Opening): Session {
  const oneByOne = pLimit(1);
  const failures = new Map<Purpose, StoreError>();
  let connection: Connection | undefined;
  let closed = false;

  function drop(): void {
    const dropped = connection;
    connection = undefined;
    dropped?.close();
  }

  async function current(): Promise<Kysely<Schema>> {
    if (connection !== undefined && !connection.isCurrent()) drop();
    connection ??= await opening.open();
    return connection.db;
  }

  async function attempt<Result>(work: (db: Kysely<Schema>) => Promise<Result>): Promise<Result> {
    const tried = { busy: 0, reopened: false, replaced: !opening.mayReplace };
    for (;;) {
      try {
        return await work(await current());
      } catch (error) {
        const failure = storeErrorOf(error, opening.file);
        if (failure === undefined) throw error;
        if (!(await recover(failure, tried))) throw failure;
      }
    }
  }

  /** Does what may help against a failure; false where nothing is left to try. */
  async function recover(failure: StoreError, tried: { busy: number; reopened: boolean; replaced: boolean }) {
    if (failure.code === 'busy' && tried.busy < BUSY_TRIES) {
      tried.busy += 1;
      // A lock that lasts may be one that only this connection sees, on a log that was cut off underneath.
      if (tried.busy % BUSY_TRIES_ON_ONE_CONNECTION === 0) drop();
      await pause(BUSY_PAUSE_MS);
      return true;
    }
    if (REOPENED.has(failure.code) && !tried.reopened) {
      tried.reopened = true;
      drop();
      return true;
    }
    if (failure.code === 'corrupt' && !tried.replaced) {
      tried.replaced = true;
      drop();
      setAside(opening.file);
      return true;
    }
    return false;
  }

  async function use<Result>(purpose: Purpose, work: (db: Kysely<Schema>) => Promise<Result>): Promise<Result> {
    if (closed) throw new StoreError('closed', `${opening.file} was closed`, 'this is a defect: please report it');
    try {
      const result = await attempt(work);
      failures.delete(purpose);
      return result;
    } catch (error) {
      const failure = storeErrorOf(error, opening.file);
      if (failure !== undefined) failures.set(purpose, failure);
      throw failure ?? error;
    }
  }

  return {
    use: (purpose, work) => oneByOne(() => use(purpose, work)),
    failure() {
      const writing = failures.get('write');
      if (writing !== undefined) return `${writing.message}: history is not recorded; ${writing.hint}`;
      const reading = failures.get('read');
      return reading === undefined ? null : `${reading.message}: history cannot be read; ${reading.hint}`;
    },
    close: () =>
      oneByOne(async () => {
        closed = true;
        drop();
      }),
  };
}

export interface StoreState {
  /** What now keeps the file from being used. */
  readonly failure: string | null;
  /** Why the history may not be what was recorded. */
  readonly doubt: string | null;
}

/** What keeps the file from being used or, where nothing does, that it may not be whole, or that one is lying there that was set aside. */
export function troubleOf(file: string, { failure, doubt }: StoreState): string | null {
  if (failure !== null) return failure;
  const aside = filesSetAside(file).at(-1);
  const told = [doubt, aside === undefined ? null : asideSentence(file, aside)].filter((sentence) => sentence !== null);
  return told.length === 0 ? null : told.join('; ');
}

function asideSentence(file: string, aside: string): string {
  return `${file} was damaged: it was set aside as ${aside} and a new history was begun; remove that file when it is no longer needed`;
}
