import { chmodSync, closeSync, openSync, statSync } from 'node:fs';
import Database from 'better-sqlite3';
import { MIGRATIONS, migrate, versionOf } from './schema.ts';

/** What a file is told by: another one in its place, or one that was written to past SQLite, is not the same. */
export type Identity = string;

/** Undefined where there is no file; throws where that cannot be found out. */
export function identityOf(file: string): Identity | undefined {
  const found = statSync(file, { throwIfNoEntry: false });
  return found === undefined ? undefined : `${found.dev}:${found.ino}`;
}

/** Changes with every write to the file itself. */
export function stampOf(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false });
  return found === undefined ? 'none' : `${found.ino} ${found.size} ${found.mtimeMs} ${found.ctimeMs}`;
}

/** How long a call may block the process for the lock of another one; longer waits are made without blocking. Milliseconds. */
const BUSY_MS = 20;
const PRIVATE = 0o600;
const OTHERS = 0o077;

/** The file is of no use as it is. The message ends a sentence that begins with its name. */
export class Unusable extends Error {
  override readonly name = 'Unusable';
}

/** Opens a file that exists. `isNew`: it may be without tables, and gets them. */
export function openFile(
  file: string,
  { isNew, isThorough }: { isNew: boolean; isThorough: boolean },
): Database.Database {
  keepPrivate(file);
  const database = new Database(file, { fileMustExist: true, timeout: BUSY_MS });
  try {
    const version = versionOf(database);
    if (version > MIGRATIONS.length) throw new Unusable('was written by a newer version of this program');
    if (version === 0 && !isNew) throw new Unusable('is empty');
    database.pragma('journal_mode = wal');
    // Who was told to be in is in, also after a power cut.
    database.pragma('synchronous = full');
    if (version < MIGRATIONS.length) migrate(database);
    if (isThorough) requireSound(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** SQLite gives the files beside it the same mode. */
export function createFile(file: string): void {
  closeSync(openSync(file, 'a', PRIVATE));
}

/** A backup that was put back may have come with another mode. */
function keepPrivate(file: string): void {
  const { mode, uid } = statSync(file);
  if ((mode & OTHERS) !== 0 && uid === process.geteuid?.()) chmodSync(file, PRIVATE);
}

function requireSound(database: Database.Database): void {
  const found = database.pragma('quick_check(1)', { simple: true });
  if (found !== 'ok') throw new Unusable(`is damaged (${String(found).replaceAll(/\s+/g, ' ')})`);
}

/** Another process keeps the file locked: trying again helps. */
export function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code);
}

/** It cannot be written now; what is in it can be read all the same. */
export function isOfWriting(error: unknown): boolean {
  return isBusy(error) || (error instanceof Database.SqliteError && /^SQLITE_(FULL|READONLY)/.test(error.code));
}

/** Trying again does not help as long as the file is the same. */
export function isDamage(error: unknown): boolean {
  if (error instanceof Unusable) return true;
  return error instanceof Database.SqliteError && /^SQLITE_(CORRUPT|NOTADB)/.test(error.code);
}

/** Why the file cannot be used, to end a sentence that begins with its name; undefined for a defect of this program. */
export function whyUnusable(error: unknown): string | undefined {
  if (error instanceof Unusable) return error.message;
  if (error instanceof Database.SqliteError) return whyOf(error);
  if (error instanceof Error && 'syscall' in error) return `cannot be used (${error.message})`;
  return undefined;
}

function whyOf({ code, message }: InstanceType<typeof Database.SqliteError>): string {
  switch (code.split('_')[1]) {
    case 'BUSY':
    case 'LOCKED':
      return 'is kept locked by another process';
    case 'FULL':
      return 'cannot be written: the disk is full';
    case 'READONLY':
      return 'cannot be written by this user';
    case 'CORRUPT':
    case 'NOTADB':
      return `is damaged (${message})`;
    default:
      return `cannot be used (${message}, ${code})`;
  }
}
