import type Database from 'better-sqlite3';

/**
 * `change` grows with every row that is written or dropped: what another process has changed is found by it. All instants are
 * milliseconds since 1970. Of a secret there is its SHA-256 and nothing else.
 */
const FIRST_TABLES = `
  create table meta (
    one integer primary key check (one = 1),
    change integer not null,
    -- Up to which change it is no longer known what was dropped.
    forgotten integer not null,
    names integer not null
  );
  insert into meta values (1, 0, 0, 0);

  create table credentials (
    id text primary key,
    digest text not null,
    kind text not null check (kind in ('node', 'person', 'session', 'join')),
    created_at integer not null,
    created_by text not null,
    created_from text,
    expires_at integer,
    hostname text,
    state text check (state in ('active', 'pending')),
    replaced_by text,
    name text,
    role text check (role in ('viewer', 'operator', 'admin')),
    hosts text,
    groups text,
    uses_left integer,
    change integer not null
  );
  create index credentials_by_change on credentials (change);
  create index credentials_by_hostname on credentials (hostname, created_at) where hostname is not null;
  create index credentials_but_nodes on credentials (kind, id) where kind <> 'node';
  create index credentials_pending on credentials (id) where state = 'pending';
  create index credentials_by_expiry on credentials (expires_at) where expires_at is not null;

  -- What counts no more. Where it is barred it is not let in again.
  create table gone (
    id text primary key,
    hostname text,
    at integer not null,
    barred integer not null,
    change integer not null
  );
  create index gone_by_change on gone (change);
  create index gone_by_hostname on gone (hostname) where hostname is not null;
  create index gone_by_instant on gone (at);

  -- Names that some token speaks for or has spoken for: nobody else can join as them.
  create table names (hostname text primary key) without rowid;
  create trigger name_taken after insert on names begin update meta set names = names + 1; end;
  create trigger name_freed after delete on names begin update meta set names = names - 1; end;

  create table uses (id text primary key, at integer not null, address text) without rowid;
  create trigger credential_gone after delete on credentials begin delete from uses where id = old.id; end;
`;

/** A migration's number is its place in the list, from 1. What was released is never edited, only added to. */
export const MIGRATIONS: readonly string[] = [FIRST_TABLES];

/** The number of the last migration applied to a file; 0 for an empty one. */
export function versionOf(database: Database.Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}

/** Brings a file up to the last migration. Of two processes at once, one waits for the other and finds nothing left to do. */
export function migrate(database: Database.Database): void {
  const apply = database.transaction(() => {
    const version = versionOf(database);
    for (const script of MIGRATIONS.slice(version)) database.exec(script);
    if (version < MIGRATIONS.length) database.pragma(`user_version = ${MIGRATIONS.length}`);
  });
  apply.immediate();
}
