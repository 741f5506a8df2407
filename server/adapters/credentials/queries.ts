import type Database from 'better-sqlite3';
import type { Hostname } from '../../../protocol/names.ts';
import type { Credential, NodeCredential } from '../../core/credential.ts';
import type { CredentialChange, KeptCredentials } from '../../core/credential-change.ts';
import type { TokenId } from '../../core/token.ts';
import type { CredentialPage, ListedCredential } from '../../ports/credentials.ts';
import { COLUMNS, type CredentialRow, credentialOf, listedOf, rowOf, type UsedRow } from './rows.ts';

/** When a secret was shown last. */
export interface Use {
  readonly id: TokenId;
  readonly at: number;
  readonly from: string | null;
}

/** What is asked of an open file, and done to it. */
export interface Queries extends KeptCredentials {
  find(id: TokenId): ListedCredential | undefined;
  /** Grows with every change that another process has committed. */
  dataVersion(): number;
  /** The number of the last change, and up to which it is no longer known what was dropped. */
  lastChange(): { readonly change: number; readonly forgotten: number };
  /** Whose credential has changed since a change; undefined where those are so many that it is better to forget all. */
  changedSince(change: number): TokenId[] | undefined;
  list(page: CredentialPage): ListedCredential[];
  namesWithoutToken(page: { after?: Hostname | undefined; limit: number }): Hostname[];
  begin(): void;
  commit(): void;
  rollback(): void;
  /** Within a transaction. Answers whose credential is another one now. */
  carryOut(changes: readonly CredentialChange[]): TokenId[];
  /** A transaction of its own, which a power cut may undo. */
  writeUses(uses: readonly Use[]): void;
}

const DAY_MS = 24 * 3_600_000;
/** So long people see in lists that a token has expired. */
const EXPIRED_SHOWN_MS = 7 * DAY_MS;
/** So long it is known that somebody was turned down. */
const GONE_KEPT_MS = 30 * DAY_MS;
const MANY = 10_000;

const all = COLUMNS.map((column) => `c.${column}`).join(', ');
const used = `${all}, u.at as used_at, u.address as used_from from credentials c left join uses u on u.id = c.id`;
const values = COLUMNS.map((column) => `@${column}`).join(', ');
const anew = COLUMNS.map((column) => `${column} = excluded.${column}`).join(', ');

export function queriesOn(database: Database.Database): Queries {
  const sql = <Bound extends unknown[], Row>(text: string) => database.prepare<Bound, Row>(text);
  const value = <Bound extends unknown[], Value>(text: string) => database.prepare<Bound, Value>(text).pluck();

  const find = sql<[string], UsedRow>(`select ${used} where c.id = ?`);
  const ofNode = sql<[string], CredentialRow>(
    `select ${all} from credentials c where c.hostname = ? order by c.created_at, c.id`,
  );
  const dataVersion = value<[], number>('pragma data_version');
  const last = sql<[], { change: number; forgotten: number }>('select change, forgotten from meta');
  const changed = value<[number, number, number], TokenId>(
    'select id from credentials where change > ? union all select id from gone where change > ? limit ?',
  );
  const barred = value<[string], number>('select barred from gone where id = ? and barred = 1');
  const taken = value<[string], number>('select 1 from names where hostname = ?');
  const counts = {
    names: value<[], number>('select names from meta'),
    pending: value<[], number>("select count(*) from credentials where state = 'pending'"),
    join: countOf('join'),
    person: countOf('person'),
    session: countOf('session'),
  };
  const pendingFrom = value<[string], number>(
    "select count(*) from credentials where state = 'pending' and created_from = ?",
  );
  const without = value<[string, number], Hostname>(
    `select hostname from names n where hostname > ? and not exists
       (select 1 from credentials c where c.hostname = n.hostname and c.state = 'active') order by hostname limit ?`,
  );

  const nextChange = value<[], number>('update meta set change = change + 1 returning change');
  const put = sql<[CredentialRow & { change: number }], never>(
    `insert into credentials (${COLUMNS.join(', ')}, change) values (${values}, @change)
       on conflict (id) do update set ${anew}, change = excluded.change`,
  );
  const unbar = sql<[string], never>('delete from gone where id = ?');
  const take = sql<[string], never>('insert into names (hostname) values (?) on conflict do nothing');
  const note = sql<[{ id: string; at: number; barred: number; change: number }], never>(
    `insert into gone (id, hostname, at, barred, change)
       select id, hostname, @at, @barred, @change from credentials where id = @id
       on conflict (id) do update set at = excluded.at, barred = excluded.barred, change = excluded.change`,
  );
  const drop = sql<[string], never>('delete from credentials where id = ?');
  const pardon = sql<[string], never>('update gone set barred = 0 where hostname = ?');
  const free = sql<[string], never>('delete from names where hostname = ?');
  const expired = value<[number, number], TokenId>(
    `select id from credentials where expires_at <= ?
       and (kind = 'session' or state = 'pending' or replaced_by is not null or expires_at <= ?)`,
  );
  const isOld = value<[number], number>('select 1 from gone where at <= ? limit 1');
  const forget = sql<[number], never>(
    'update meta set forgotten = max(forgotten, (select coalesce(max(change), 0) from gone where at <= ?))',
  );
  const forgotten = sql<[number], never>('delete from gone where at <= ?');
  const writeUse = sql<[{ id: string; at: number; from: string | null }], never>(
    `insert into uses (id, at, address) select id, @at, @from from credentials where id = @id
       on conflict (id) do update set at = excluded.at, address = excluded.address where excluded.at > at`,
  );
  const [begin, commit, rollback] = ['begin immediate', 'commit', 'rollback'].map((text) => sql<[], never>(text));

  function countOf(kind: Credential['kind']) {
    return value<[], number>(`select count(*) from credentials where kind <> 'node' and kind = '${kind}'`);
  }

  const nodesOf = (hostname: Hostname): NodeCredential[] =>
    ofNode.all(hostname).flatMap((row) => {
      const credential = credentialOf(row);
      return credential.kind === 'node' ? [credential] : [];
    });

  const dropOne = (id: TokenId, gone: { readonly at: number; readonly isBarred: boolean }): void => {
    note.run({ id, at: gone.at, barred: gone.isBarred ? 1 : 0, change: nextChange.get() ?? 0 });
    drop.run(id);
  };

  const sweep = (at: number): TokenId[] => {
    // Nobody has to be told: it had not counted for others either.
    const ids = expired.all(at, at - EXPIRED_SHOWN_MS);
    for (const id of ids) drop.run(id);
    if (isOld.get(at - GONE_KEPT_MS) !== undefined) {
      forget.run(at - GONE_KEPT_MS);
      forgotten.run(at - GONE_KEPT_MS);
    }
    return ids;
  };

  const carryOutOne = (change: CredentialChange): readonly TokenId[] => {
    switch (change.kind) {
      case 'put': {
        const { credential } = change;
        unbar.run(credential.id);
        put.run({ ...rowOf(credential), change: nextChange.get() ?? 0 });
        if (credential.kind === 'node' && credential.state === 'active') take.run(credential.hostname);
        return [credential.id];
      }
      case 'drop':
        dropOne(change.id, { at: change.at, isBarred: true });
        return [change.id];
      case 'free': {
        const ids = nodesOf(change.hostname).map(({ id }) => id);
        for (const id of ids) dropOne(id, { at: change.at, isBarred: false });
        pardon.run(change.hostname);
        free.run(change.hostname);
        return ids;
      }
      case 'sweep':
        return sweep(change.at);
      default:
        return change satisfies never;
    }
  };

  return {
    find(id) {
      const row = find.get(id);
      return row && listedOf(row);
    },
    ofNode: nodesOf,
    isGone: (id) => barred.get(id) !== undefined,
    isTaken: (hostname) => taken.get(hostname) !== undefined,
    count: (what) => counts[what].get() ?? 0,
    pendingFrom: (address) => pendingFrom.get(address) ?? 0,
    dataVersion: () => dataVersion.get() ?? 0,
    lastChange: () => last.get() ?? { change: 0, forgotten: 0 },
    changedSince(change) {
      const ids = changed.all(change, change, MANY);
      return ids.length < MANY ? ids : undefined;
    },
    list({ kinds, state, after, limit }) {
      // In words that the partial indexes have, too.
      const which = [
        `c.kind in (${kinds.map((kind) => `'${kind}'`).join(', ')})`,
        ...(kinds.includes('node') ? [] : ["c.kind <> 'node'"]),
        ...(state === undefined ? [] : [`c.state = '${state}'`]),
      ];
      const page = sql<[string, number], UsedRow>(
        `select ${used} where ${which.join(' and ')} and c.id > ? order by c.id limit ?`,
      );
      return page.all(after ?? '', limit).map(listedOf);
    },
    namesWithoutToken: ({ after = '', limit }) => without.all(after, limit),
    begin: () => void begin?.run(),
    commit: () => void commit?.run(),
    rollback() {
      // SQLite may have done so by itself, as on a full disk.
      if (database.inTransaction) rollback?.run();
    },
    carryOut: (changes) => changes.flatMap(carryOutOne),
    writeUses(uses) {
      database.pragma('synchronous = normal');
      try {
        const write = database.transaction(() => {
          for (const use of uses) writeUse.run(use);
        });
        write.immediate();
      } finally {
        database.pragma('synchronous = full');
      }
    },
  };
}
