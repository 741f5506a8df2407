import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Link } from '../../core/chain.ts';
import { headOf, standsOn } from './chain.ts';
import type { Db } from './schema.ts';

/** The end of the chain, kept in a plain file beside the history: without it, nobody could see that the last events are gone. */
export interface Anchor {
  /** Sees whether the history still has what is kept; where it has not, what is kept stays as it is until somebody takes it away. */
  check(db: Db): Promise<void>;
  /** After events were added: the end to keep once they are on the disk; undefined where it is kept already, or in doubt. */
  next(tx: Db): Promise<Link | undefined>;
  keep(head: Link): void;
  /** Why the end is not kept, as a sentence with what to do; null when it is. */
  doubt(): string | null;
}

const NAME = 'audit-head';

export function openAnchor(historyFile: string): Anchor {
  const file = anchorFile(historyFile);
  let keptHere = 0;
  /** Kept by somebody, and no longer in the history. */
  let gone: string | null = null;
  /** To be kept, and could not be. */
  let unkept: { readonly head: Link; readonly why: string } | undefined;

  const check = async (db: Db, kept: Link): Promise<boolean> => {
    const stands = await standsOn(db, kept);
    gone = stands ? null : goneSentence(file, kept);
    return stands;
  };

  const keep = (head: Link): void => {
    try {
      // Another process may have kept a later one meanwhile.
      if ((readAnchor(historyFile)?.id ?? 0) < head.id) writeAnchor(file, head);
      keptHere = head.id;
      unkept = undefined;
    } catch (error) {
      unkept = { head, why: error instanceof Error ? error.message : String(error) };
    }
  };

  return {
    async check(db) {
      const kept = readAnchor(historyFile);
      if (kept !== undefined) await check(db, kept);
    },
    async next(tx) {
      const head = await headOf(tx);
      if (head === undefined || head.id === keptHere) return undefined;
      const kept = readAnchor(historyFile);
      if (kept === undefined) gone = null;
      else if (!(await check(tx, kept))) return undefined;
      return kept === undefined || kept.id < head.id ? head : undefined;
    },
    keep,
    doubt() {
      // What somebody has put right is to be noticed without waiting for the next event.
      if (unkept !== undefined) keep(unkept.head);
      if (gone !== null && readAnchor(historyFile) === undefined) gone = null;
      return gone ?? (unkept === undefined ? null : unkeptSentence(file, unkept.why));
    },
  };
}

/** For an old history that has just been given a chain. */
export async function keepFirst(historyFile: string, db: Db): Promise<void> {
  const head = await headOf(db);
  if (head !== undefined && readAnchor(historyFile) === undefined) writeAnchor(anchorFile(historyFile), head);
}

/** Undefined where there is none, or none that can be read. */
export function readAnchor(historyFile: string): Link | undefined {
  const [, id, hash] = /^(\d{1,16}) ([0-9a-f]{64})\n$/.exec(textOf(anchorFile(historyFile))) ?? [];
  return hash === undefined ? undefined : { id: Number(id), hash };
}

function writeAnchor(file: string, { id, hash }: Link): void {
  const draft = join(dirname(file), `.${NAME}.${process.pid}`);
  const fd = openSync(draft, 'w', 0o640);
  try {
    writeSync(fd, `${id} ${hash}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(draft, file);
}

function anchorFile(historyFile: string): string {
  return join(dirname(historyFile), NAME);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function goneSentence(file: string, { id }: Link): string {
  return `events are missing: ${file} names event ${id}, and the history does not have it as it was; look into it ("tagwave-server events --verify"), then take that file away: the next event that is recorded writes it anew`;
}

function unkeptSentence(file: string, why: string): string {
  return `the end of the chain of events cannot be kept in ${file} (${why}): see that it can be written and has room`;
}
