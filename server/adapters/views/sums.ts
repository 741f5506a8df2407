import { mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import Database from 'better-sqlite3';
import type { ObjectId } from '../../../protocol/names.ts';

/** What a manifest says of a content. */
export interface Sum {
  readonly size: number;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
}

/** Remembers the sums of blobs. Only a help: it may forget, and it never fails. */
export interface Sums {
  find(ids: Iterable<ObjectId>): Promise<Map<ObjectId, Sum>>;
  add(sums: Iterable<readonly [ObjectId, Sum]>): void;
  close(): void;
}

interface Row {
  readonly size: number;
  readonly sha256: Buffer;
  readonly crc: number;
}

/** So many rows are looked up before others get their turn: about a millisecond. */
const SLICE = 300;
/** Some 5 million blobs; beyond, forgetting all of them costs one slow build. */
const LARGEST = 512 * 1024 * 1024;

/**
 * Opens the file that remembers sums, anew where it is damaged. Where it cannot be opened at all (disk full, read-only),
 * nothing is remembered and every content is read again.
 */
export function openSums(path: string): Sums {
  let database = openOrReset(path);

  /** Does something with the database; a damaged one is thrown away and the next call begins with an empty one. */
  function attempt<Result>(otherwise: Result, act: (database: Database.Database) => Result): Result {
    if (!database) return otherwise;
    try {
      return act(database);
    } catch (error) {
      if (isDamage(error)) {
        database.close();
        remove(path);
        database = openOrReset(path);
      }
      return otherwise;
    }
  }

  return {
    async find(ids) {
      const found = new Map<ObjectId, Sum>();
      let slice: ObjectId[] = [];
      const look = () => attempt(undefined, (open) => lookUp(open, slice, found));
      for (const id of ids) {
        if (slice.push(id) < SLICE) continue;
        look();
        slice = [];
        await setImmediate();
      }
      look();
      return found;
    },
    add(sums) {
      attempt(undefined, (open) => {
        const insert = open.prepare('INSERT OR REPLACE INTO blobs (id, size, sha256, crc) VALUES (?, ?, ?, ?)');
        open.transaction(() => {
          for (const [id, sum] of sums)
            insert.run(Buffer.from(id, 'hex'), sum.size, Buffer.from(sum.sha256, 'hex'), check(id, sum));
        })();
      });
    },
    close() {
      attempt(undefined, (open) => open.close());
      database = undefined;
    },
  };
}

/** Forgets everything once it has become too much. */
export function boundSums(path: string): void {
  if (sizeOf(path) > LARGEST) remove(path);
}

function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

function lookUp(database: Database.Database, ids: readonly ObjectId[], found: Map<ObjectId, Sum>): void {
  const select = database.prepare<[Buffer], Row>('SELECT size, sha256, crc FROM blobs WHERE id = ?');
  for (const id of ids) {
    const row = select.get(Buffer.from(id, 'hex'));
    if (!row) continue;
    const sum = { size: row.size, sha256: Buffer.from(row.sha256).toString('hex') };
    if (row.crc === check(id, sum)) found.set(id, sum);
  }
}

/** SQLite does not notice a flipped bit in a row, and a wrong sum would make a wrong manifest. */
function check(id: ObjectId, { size, sha256 }: Sum): number {
  return crc32(`${id} ${size} ${sha256}`);
}

function openOrReset(path: string): Database.Database | undefined {
  for (const last of [false, true]) {
    try {
      return open(path);
    } catch (error) {
      if (last || !isDamage(error)) return undefined;
      remove(path);
    }
  }
  return undefined;
}

function open(path: string): Database.Database {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // Whoever else writes is done in a moment; waiting longer than that would hold up every request.
  const database = new Database(path, { timeout: 50 });
  try {
    database.pragma('journal_mode = WAL');
    // Waiting for the disk would hold up every request; what a power cut spoils is noticed and made again.
    database.pragma('synchronous = OFF');
    database.pragma('cache_size = -16384');
    database.exec(
      'CREATE TABLE IF NOT EXISTS blobs (id BLOB PRIMARY KEY, size INTEGER NOT NULL, sha256 BLOB NOT NULL, crc INTEGER NOT NULL) STRICT, WITHOUT ROWID',
    );
    database.prepare('SELECT size, sha256, crc FROM blobs LIMIT 1').get();
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function isDamage(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(CORRUPT|NOTADB|ERROR|SCHEMA|FORMAT)/.test(error.code);
}

function remove(path: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) {
    try {
      rmSync(`${path}${suffix}`, { force: true });
    } catch {
      // What cannot be removed cannot be written either: nothing is remembered until that is mended.
    }
  }
}
