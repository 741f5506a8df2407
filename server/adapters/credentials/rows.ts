import * as z from 'zod';
import type { Hostname } from '../../../protocol/names.ts';
import type { Credential } from '../../core/credential.ts';
import type { Role } from '../../core/role.ts';
import type { TokenDigest, TokenId } from '../../core/token.ts';
import type { ListedCredential } from '../../ports/credentials.ts';
import { Unusable } from './connection.ts';

/** A row of `credentials`, as it is written; checked by the table itself. */
export interface CredentialRow {
  readonly id: TokenId;
  readonly digest: TokenDigest;
  readonly kind: Credential['kind'];
  readonly created_at: number;
  readonly created_by: string;
  readonly created_from: string | null;
  readonly expires_at: number | null;
  readonly hostname: Hostname | null;
  readonly state: 'active' | 'pending' | null;
  readonly replaced_by: TokenId | null;
  readonly name: string | null;
  readonly role: Role | null;
  readonly hosts: string | null;
  /** JSON array. */
  readonly groups: string | null;
  readonly uses_left: number | null;
}

/** With when it was last shown. */
export type UsedRow = CredentialRow & { readonly used_at: number | null; readonly used_from: string | null };

export const COLUMNS = [
  'id',
  'digest',
  'kind',
  'created_at',
  'created_by',
  'created_from',
  'expires_at',
  'hostname',
  'state',
  'replaced_by',
  'name',
  'role',
  'hosts',
  'groups',
  'uses_left',
] as const satisfies readonly (keyof CredentialRow)[];

const NOTHING_MORE = {
  hostname: null,
  state: null,
  replaced_by: null,
  name: null,
  role: null,
  hosts: null,
  groups: null,
  uses_left: null,
};

export function rowOf(credential: Credential): CredentialRow {
  const { id, digest, kind, createdAt, createdBy, createdFrom, expiresAt } = credential;
  const kept = { id, digest, kind, created_at: createdAt, created_by: createdBy, created_from: createdFrom };
  const row = { ...NOTHING_MORE, ...kept, expires_at: expiresAt };
  switch (credential.kind) {
    case 'node': {
      const { hostname, state, replacedBy } = credential;
      return { ...row, hostname, state, replaced_by: replacedBy };
    }
    case 'person':
    case 'session':
      return { ...row, name: credential.name, role: credential.role };
    case 'join': {
      const { hosts, groups, usesLeft } = credential;
      return { ...row, hosts, groups: JSON.stringify(groups), uses_left: usesLeft };
    }
    default:
      return credential satisfies never;
  }
}

const groupList = z.array(z.string());

/** Throws `Unusable` for a row that lacks what its kind has to have: then nothing that is written there can be relied upon. */
export function credentialOf(row: CredentialRow): Credential {
  const { id, digest, kind, created_at: createdAt, created_by: createdBy, created_from: createdFrom } = row;
  const kept = { id, digest, createdAt, createdBy, createdFrom, expiresAt: row.expires_at };
  switch (kind) {
    case 'node':
      return {
        ...kept,
        kind,
        hostname: present(row.hostname, row),
        state: present(row.state, row),
        replacedBy: row.replaced_by,
      };
    case 'person':
    case 'session':
      return { ...kept, kind, name: present(row.name, row), role: present(row.role, row) };
    case 'join': {
      const groups = groupsIn(row);
      return { ...kept, kind, hosts: present(row.hosts, row), groups, usesLeft: row.uses_left };
    }
    default:
      return kind satisfies never;
  }
}

export function listedOf(row: UsedRow): ListedCredential {
  const lastUse = row.used_at === null ? null : { at: row.used_at, from: row.used_from };
  return { ...credentialOf(row), lastUse };
}

function present<Value>(value: Value | null, { id }: CredentialRow): Value {
  if (value === null) throw notWhole(id);
  return value;
}

function groupsIn(row: CredentialRow): string[] {
  try {
    return groupList.parse(JSON.parse(present(row.groups, row)));
  } catch {
    throw notWhole(row.id);
  }
}

function notWhole(id: TokenId): Unusable {
  return new Unusable(`is damaged (the credential ${id} is not whole)`);
}
