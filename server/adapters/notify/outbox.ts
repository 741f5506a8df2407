import { closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs';
import Database from 'better-sqlite3';
import type { Letter, NewLetter, Outbox, TargetState } from '../../ports/notify.ts';

const TABLES = `
  create table cursor (one integer primary key check (one = 1), id integer not null, at integer not null);
  create table letters (
    id integer primary key autoincrement,
    target text not null,
    delivery text not null unique,
    text text not null,
    at integer not null,
    failures integer not null default 0,
    next_at integer not null default 0,
    last_error text
  );
  create index letters_by_target on letters (target, id);
  create table targets (target text primary key, delivered_at integer, dropped integer not null default 0) without rowid;
`;

/** How long a call may block the process for a command that looks into the file. Milliseconds. */
const BUSY_MS = 1000;
const PRIVATE = 0o600;

/**
 * The outbox in a SQLite file of its own beside the history, which may be damaged without it. It is made when something is first
 * put in; one that is damaged is set aside for a new one.
 */
export function openOutbox(file: string, { isReader }: { readonly isReader: boolean }): Outbox {
  let opened: Database.Database | undefined;

  const existing = (): Database.Database | undefined => {
    if (opened === undefined && existsSync(file)) opened = open(file, isReader);
    return opened;
  };

  const used = <Result>(work: (database: Database.Database) => Result, otherwise: Result): Result => {
    try {
      const database = existing();
      return database === undefined ? otherwise : work(database);
    } catch (error) {
      throw recovered(error);
    }
  };

  const written = <Result>(work: (database: Database.Database) => Result): Result => {
    try {
      if (!existsSync(file)) closeSync(openSync(file, 'a', PRIVATE));
      opened ??= open(file, isReader);
      const database = opened;
      return database.transaction(() => work(database)).immediate();
    } catch (error) {
      throw recovered(error);
    }
  };

  const drop = (): void => {
    opened?.close();
    opened = undefined;
  };

  /** The next call finds a new file. */
  const recovered = (error: unknown): unknown => {
    if (!(error instanceof Database.SqliteError)) return error;
    if (!/^SQLITE_(CORRUPT|NOTADB|READONLY|IOERR|CANTOPEN)/.test(error.code)) return error;
    drop();
    if (!/^SQLITE_(CORRUPT|NOTADB)/.test(error.code) || isReader) return error;
    renameSync(file, `${file}.damaged`);
    for (const beside of [`${file}-wal`, `${file}-shm`]) rmSync(beside, { force: true });
    return new Error(`${file} was damaged and set aside as ${file}.damaged: what waited in it is not delivered`);
  };

  return {
    cursor: () =>
      used(
        (database) => database.prepare<[], { id: number; at: number }>('select id, at from cursor').get() ?? null,
        null,
      ),
    put: (letters, { cursor, most }) =>
      written((database) => {
        const insert = database.prepare('insert into letters (target, delivery, text, at) values (?, ?, ?, ?)');
        for (const { target, delivery, text, at } of letters) insert.run(target, delivery, text, at);
        database.prepare('insert or replace into cursor values (1, ?, ?)').run(cursor.id, cursor.at);
        return [...new Set(letters.map(({ target }) => target))].flatMap((target) =>
          keepNewest(database, target, most),
        );
      }),
    first: (target) => used((database) => firstOf(database, target), undefined),
    delivered: ({ id, target }, at) =>
      written((database) => {
        database.prepare('delete from letters where id = ?').run(id);
        const rest = firstOf(database, target) !== undefined;
        database
          .prepare(
            `insert into targets values (?, ?, 0) on conflict (target) do update
             set delivered_at = excluded.delivered_at, dropped = ${rest ? 'dropped' : '0'}`,
          )
          .run(target, at);
      }),
    failed: ({ id }, { error, nextAt }) =>
      written((database) => {
        database
          .prepare('update letters set failures = failures + 1, next_at = ?, last_error = ? where id = ?')
          .run(nextAt, error, id);
      }),
    expire: (before) =>
      used((database) => {
        const old = database
          .prepare<[number], { target: string }>('select target from letters where at < ?')
          .all(before);
        if (old.length === 0) return [];
        return written(() => {
          database.prepare('delete from letters where at < ?').run(before);
          for (const { target } of old) noteDropped(database, target, 1);
          return old.map(({ target }) => target);
        });
      }, []),
    keepOnly: (targets) =>
      used((database) => {
        const known = database
          .prepare<[], { target: string }>('select target from letters union select target from targets')
          .all();
        const gone = known.filter(({ target }) => !targets.includes(target));
        if (gone.length === 0) return;
        written(() => {
          for (const table of ['letters', 'targets'])
            for (const { target } of gone) database.prepare(`delete from ${table} where target = ?`).run(target);
        });
      }, undefined),
    states: () => used(statesOf, []),
    clear() {
      drop();
      for (const one of [file, `${file}-wal`, `${file}-shm`]) rmSync(one, { force: true });
    },
    close: drop,
  };
}

function open(file: string, isReader: boolean): Database.Database {
  const database = new Database(file, { readonly: isReader, timeout: BUSY_MS });
  try {
    if (isReader) return database;
    database.pragma('journal_mode = wal');
    // What the cursor has passed is delivered, also after a power cut.
    database.pragma('synchronous = full');
    if (Number(database.pragma('user_version', { simple: true })) === 0) {
      database.transaction(() => {
        database.exec(TABLES);
        database.pragma('user_version = 1');
      })();
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

interface Row extends NewLetter {
  readonly id: number;
  readonly failures: number;
  readonly next_at: number;
  readonly last_error: string | null;
}

function firstOf(database: Database.Database, target: string): Letter | undefined {
  const found = database
    .prepare<[string], Row>('select * from letters where target = ? order by id limit 1')
    .get(target);
  if (found === undefined) return undefined;
  const { next_at: nextAt, last_error: lastError, ...rest } = found;
  return { ...rest, nextAt, lastError };
}

function keepNewest(database: Database.Database, target: string, most: number): string[] {
  const { changes } = database
    .prepare(
      `delete from letters where target = ? and id not in
       (select id from letters where target = ? order by id desc limit ?)`,
    )
    .run(target, target, most);
  noteDropped(database, target, changes);
  return Array.from({ length: changes }, () => target);
}

function noteDropped(database: Database.Database, target: string, count: number): void {
  if (count === 0) return;
  database
    .prepare(
      `insert into targets values (?, null, ?) on conflict (target) do update set dropped = dropped + excluded.dropped`,
    )
    .run(target, count);
}

function statesOf(database: Database.Database): TargetState[] {
  return database
    .prepare<[], { target: string; queued: number; delivered_at: number | null; dropped: number | null }>(
      `select known.target, (select count(*) from letters where letters.target = known.target) as queued,
         targets.delivered_at, targets.dropped
       from (select target from letters union select target from targets) as known
       left join targets on targets.target = known.target order by known.target`,
    )
    .all()
    .map(({ target, queued, delivered_at: deliveredAt, dropped }) => ({
      target,
      queued,
      deliveredAt,
      dropped: dropped ?? 0,
      first: firstOf(database, target) ?? null,
    }));
}
