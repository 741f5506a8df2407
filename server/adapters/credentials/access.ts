import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type Database from 'better-sqlite3';
import type { TokenId } from '../../core/token.ts';
import { publish } from '../files/publish.ts';
import {
  createFile,
  type Identity,
  identityOf,
  isDamage,
  isOfWriting,
  openFile,
  stampOf,
  whyUnusable,
} from './connection.ts';
import { type Queries, queriesOn } from './queries.ts';

export const FILE = 'credentials.sqlite';
/** A plain file that says that there has to be the other one: without it anybody could take any name who asks first. */
export const MARKER = 'credentials-in-use';

/** The way to the file: opens it as soon as there is one, follows what others do to it, and knows why it cannot be used. */
export interface Access {
  /** The file as it is now, or as it was 25 ms ago; undefined where there is none, or none of any use. */
  look(): Queries | undefined;
  /** The file as it is now, to be written; made where there was never one. Undefined where `trouble` says why. */
  openToWrite(): Queries | undefined;
  /** A query has failed. Rethrows what is a defect of this program. */
  failed(error: unknown): void;
  trouble(): string | null;
  close(): void;
}

export interface AccessOptions {
  readonly stateDir: string;
  /** Goes through the whole file when it is opened. */
  readonly isThorough: boolean;
  /** Called with whose credential has changed; undefined = all may have. */
  readonly onChange: (ids: readonly TokenId[] | undefined) => void;
}

interface Open {
  readonly database: Database.Database;
  readonly queries: Queries;
  readonly identity: Identity;
  readonly log: Identity | undefined;
  dataVersion: number;
  change: number;
}

const FRESH_MS = 25;
const RETRY_MS = 250;

export function openAccess({ stateDir, isThorough, onChange }: AccessOptions): Access {
  const file = join(stateDir, FILE);
  const marker = join(stateDir, MARKER);
  let open: Open | undefined;
  let trouble: string | null = null;
  /** As what was found to be damaged looked: it is not looked at again until it looks different. */
  let damaged: string | undefined;
  let wasOpen = false;
  let isMarked = false;
  let lookAt = Number.NEGATIVE_INFINITY;

  const shut = (): void => {
    if (open === undefined) return;
    const { database, identity, log } = open;
    open = undefined;
    onChange(undefined);
    database.close();
    // What an earlier file has left behind would damage the one that is put in its place.
    if (identityOf(file) === identity || log === undefined || identityOf(`${file}-wal`) !== log) return;
    for (const end of ['-wal', '-shm']) rmSync(`${file}${end}`, { force: true });
  };

  const giveUp = (why: string, hint: string): void => {
    trouble = `${file} ${why}: nobody is let in who shows a token. ${hint}`;
    lookAt = performance.now() + RETRY_MS;
  };

  const anew = `to begin anew, with no token that counts any more, remove ${marker} and restart the server`;

  const failed = (error: unknown): void => {
    const why = whyUnusable(error);
    if (why === undefined) throw error;
    if (open !== undefined && isOfWriting(error)) return;
    shut();
    damaged = isDamage(error) ? stampOf(file) : undefined;
    const hint =
      damaged === undefined
        ? 'See that the user that runs this may read and write it, and that its disk has room'
        : `Put a backup in its place with the server stopped, or move it away and, ${anew}`;
    giveUp(why, hint);
  };

  const follow = (file: Open): void => {
    const { queries } = file;
    const dataVersion = queries.dataVersion();
    if (dataVersion === file.dataVersion) return;
    const { change, forgotten } = queries.lastChange();
    const isFollowed = change >= file.change && forgotten <= file.change;
    onChange(isFollowed ? queries.changedSince(file.change) : undefined);
    file.dataVersion = dataVersion;
    file.change = change;
  };

  const openNow = (identity: Identity): void => {
    if (damaged !== undefined && damaged === stampOf(file)) {
      lookAt = performance.now() + RETRY_MS;
      return;
    }
    const database = openFile(file, { isNew: !wasOpen && !existsSync(marker), isThorough });
    try {
      const queries = queriesOn(database);
      const dataVersion = queries.dataVersion();
      const { change } = queries.lastChange();
      open = { database, queries, identity, log: identityOf(`${file}-wal`), dataVersion, change };
    } catch (error) {
      database.close();
      throw error;
    }
    wasOpen = true;
    damaged = undefined;
    trouble = null;
    onChange(undefined);
  };

  const lookNow = (): Queries | undefined => {
    lookAt = performance.now() + FRESH_MS;
    try {
      const identity = identityOf(file);
      if (open !== undefined && open.identity === identity) {
        follow(open);
        return open.queries;
      }
      shut();
      if (identity !== undefined) openNow(identity);
      else if (wasOpen || existsSync(marker)) giveUp('is gone', `Put it back from a backup, or, ${anew}`);
      else trouble = null;
    } catch (error) {
      failed(error);
    }
    return open?.queries;
  };

  return {
    look: () => (performance.now() < lookAt ? open?.queries : lookNow()),
    openToWrite() {
      const found = lookNow();
      if (found === undefined && trouble === null) createFile(file);
      const queries = found ?? lookNow();
      if (queries === undefined) return undefined;
      if (!isMarked && !existsSync(marker)) publish(marker, MARKED);
      isMarked = true;
      return queries;
    },
    failed,
    trouble() {
      if (performance.now() >= lookAt) lookNow();
      return trouble;
    },
    close: shut,
  };
}

const MARKED = `${FILE} beside this file says who is known to the server. As long as this file is here, nobody is let in without it.\n`;
