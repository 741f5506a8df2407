import { mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import Database from 'better-sqlite3';
import { Kysely, SqliteDialect } from 'kysely';
import { keepFirst } from './anchor.ts';
import { MIGRATIONS, migrate, versionOf } from './migrations.ts';
import type { Schema } from './schema.ts';
import { StoreError, storeErrorOf } from './store-error.ts';

/** An open file, and what it was when it was opened. */
export interface Connection {
  readonly db: Kysely<Schema>;
  /** False once the file, or its log, is gone, is another one, or has changed where changes would not be seen. */
  isCurrent(): boolean;
  close(): void;
}

/** How long one call may block the process for another one's lock; longer waits are made without blocking. Milliseconds. */
const BUSY_MS = 20;
const LOG_LIMIT_BYTES = 64 * 1024 * 1024;
/** What `readFileSync` can hold. */
const SNAPSHOT_LIMIT_BYTES = 2 ** 31 - 1;

/** Opens a file for reading and writing, makes it where there is none, and brings it to the present format. */
export async function openForWriting(file: string): Promise<Connection> {
  makeDirectoryOf(file);
  const database = new Database(file, { timeout: BUSY_MS });
  try {
    database.pragma('journal_mode = wal');
    // What was answered survives a power cut, not just the end of the process.
    database.pragma('synchronous = full');
    database.pragma('foreign_keys = on');
    database.pragma(`journal_size_limit = ${LOG_LIMIT_BYTES}`);
    const db = queriesOn(database);
    const version = await versionOf(db);
    await migrate(db, file);
    if (version > 0 && version < MIGRATIONS.length) await keepFirst(file, db);
    const opened = inodesOf(file);
    let size = 0;
    return {
      db,
      isCurrent() {
        // The file never shrinks, unless something else writes to it.
        const before = size;
        size = sizeOf(file);
        return size >= before && inodesOf(file) === opened;
      },
      close() {
        if (inodeOf(file) !== opened.split(' ')[0]) leaveLog(database, file, opened);
        database.close();
      },
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Removes the log that a file which is no longer there has left behind: whatever was put in the file's place, a backup
 * perhaps, would be damaged by it. What is in the log goes into the file first, which may only have been moved.
 */
function leaveLog(database: Database.Database, file: string, opened: string): void {
  if (inodesOf(file).split(' ')[1] !== opened.split(' ')[1]) return;
  try {
    database.pragma('wal_checkpoint(truncate)');
  } catch {
    // The file is lost with what was in its log.
  }
  for (const log of [`${file}-wal`, `${file}-shm`]) rmSync(log, { force: true });
}

/** Opens a file for reading only, for a user who may not write it. Rejects where that cannot be done. */
export async function openForReading(file: string): Promise<Connection> {
  if (statSync(file, { throwIfNoEntry: false }) === undefined)
    throw new StoreError(
      'absent',
      `there is no ${file}`,
      'nothing was recorded yet; the server makes it when it starts',
    );
  return (await openShared(file)) ?? (await openSnapshot(file));
}

/** Reads along with a server that is running. Undefined where none is, and this user cannot make the log's files. */
async function openShared(file: string): Promise<Connection | undefined> {
  const database = new Database(file, { readonly: true, timeout: BUSY_MS });
  try {
    const db = queriesOn(database);
    await requireVersion(db, file);
    const opened = inodesOf(file);
    return { db, isCurrent: () => inodesOf(file) === opened, close: () => database.close() };
  } catch (error) {
    database.close();
    const failure = storeErrorOf(error, file);
    if ((failure?.code === 'read-only' || failure?.code === 'unusable') && !hasLog(file)) return undefined;
    throw error;
  }
}

/**
 * Reads the file as it is into memory. Only sound where the log is empty: then nobody is writing and nothing is missing.
 * (SQLite's own `immutable` would do, but better-sqlite3 is built without the file names that ask for it.)
 */
async function openSnapshot(file: string): Promise<Connection> {
  const look = () => `${inodesOf(file)} ${changeOf(file)}`;
  const before = look();
  if (sizeOf(file) > SNAPSHOT_LIMIT_BYTES) throw tooLarge(file);
  const bytes = readFileSync(file);
  if (hasLog(file) || look() !== before)
    throw new StoreError('busy', `${file} changed while it was being read`, 'try again');
  // In memory there is no log: the header's two bytes that say there is one are set to say there is none.
  if (bytes.length > 20) bytes.fill(1, 18, 20);
  const database = new Database(bytes, { readonly: true });
  try {
    const db = queriesOn(database);
    await requireVersion(db, file);
    return { db, isCurrent: () => look() === before, close: () => database.close() };
  } catch (error) {
    database.close();
    throw error;
  }
}

async function requireVersion(db: Kysely<Schema>, file: string): Promise<void> {
  const version = await versionOf(db);
  if (version === MIGRATIONS.length) return;
  // Says that it is from a newer version; an older one would need to be written.
  if (version > MIGRATIONS.length) await migrate(db, file);
  throw new StoreError(
    'older',
    `${file} was written by an older version of this program and has to be converted`,
    'start the server, or run this command once as the user that runs the server',
  );
}

function queriesOn(database: Database.Database): Kysely<Schema> {
  const statements = new Map<string, Database.Statement>();
  return new Kysely<Schema>({
    dialect: new SqliteDialect({
      database: {
        close: () => database.close(),
        // kysely prepares anew for every call, which costs more than most of our statements take to run.
        prepare(sql) {
          const known = statements.get(sql);
          if (known !== undefined) return known;
          if (statements.size > 200) statements.clear();
          const statement = database.prepare(sql);
          statements.set(sql, statement);
          return statement;
        },
      },
    }),
  });
}

/** Only the last directory: where more is missing, something is not mounted. */
function makeDirectoryOf(file: string): void {
  if (statSync(dirname(file), { throwIfNoEntry: false }) === undefined) mkdirSync(dirname(file));
}

function inodesOf(file: string): string {
  return `${inodeOf(file)} ${inodeOf(`${file}-wal`)}`;
}

function inodeOf(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false });
  return found === undefined ? 'none' : `${found.dev}:${found.ino}`;
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function changeOf(file: string): string {
  const found = statSync(file, { throwIfNoEntry: false });
  return `${found?.size} ${found?.mtimeMs} ${found?.ctimeMs}`;
}

function hasLog(file: string): boolean {
  return sizeOf(`${file}-wal`) > 0;
}

function tooLarge(file: string): StoreError {
  return new StoreError(
    'unusable',
    `${file} is too large to be read without the right to write beside it`,
    'run this command as the user that runs the server, or while the server is running',
  );
}
