import { randomBytes } from 'node:crypto';
import { parseHostname } from '../../protocol/names.ts';
import type { Credential } from '../../server/core/credential.ts';
import type { CredentialChange } from '../../server/core/credential-change.ts';
import { digestOfToken, idOfToken, SECRET_BYTES, type TokenKind, tokenFrom } from '../../server/core/token.ts';
import type { Credentials } from '../../server/ports/credentials.ts';
import type { Attacker } from './table.ts';

export interface Tokens {
  readonly own: string;
  readonly other: string;
  readonly revoked: string;
  readonly expired: string;
  readonly pending: string;
  readonly join: string;
  readonly viewer: string;
  readonly operator: string;
  readonly admin: string;
  readonly expiredAdmin: string;
  readonly session: string;
}

/** Real tokens, of which the server keeps what it always keeps. `now`: milliseconds since 1970. */
export async function makeTokens(credentials: Credentials, now: number): Promise<Tokens> {
  const make = async (
    kind: TokenKind,
    more: Readonly<Record<string, unknown>>,
    expiresAt: number | null = null,
  ): Promise<string> => {
    const token = tokenFrom(kind, randomBytes(SECRET_BYTES));
    const digest = digestOfToken(token);
    if (digest === undefined) throw new Error('no token was made');
    const kept = {
      id: idOfToken(digest),
      digest,
      createdAt: now - 2000,
      createdBy: 'test',
      createdFrom: null,
      expiresAt,
    };
    await changed(credentials, { kind: 'put', credential: { ...kept, kind, ...more } as Credential });
    return token;
  };
  const node = (hostname: string, state: 'active' | 'pending' = 'active') => ({
    hostname: parseHostname(hostname),
    state,
    replacedBy: null,
  });
  const person = (role: string) => ({ name: `an ${role}`, role });
  const tokens = {
    own: await make('node', node('web1')),
    other: await make('node', node('web2')),
    revoked: await make('node', node('web1')),
    expired: await make('node', node('web1'), now - 1000),
    pending: await make('node', node('web1', 'pending')),
    join: await make('join', { hosts: '**', groups: [], usesLeft: null }),
    viewer: await make('person', person('viewer')),
    operator: await make('person', person('operator')),
    admin: await make('person', person('admin')),
    expiredAdmin: await make('person', person('admin'), now - 1000),
    session: await make('session', person('admin'), now + 3_600_000),
  };
  const revoked = digestOfToken(tokens.revoked);
  if (revoked !== undefined) await changed(credentials, { kind: 'drop', id: idOfToken(revoked), at: now });
  return tokens;
}

async function changed(credentials: Credentials, change: CredentialChange): Promise<void> {
  const done = await credentials.change(() => ({ result: true, changes: [change] }));
  if (!done.ok) throw new Error(done.sentence);
}

/** What each attacker sends with a request. */
export function headersOf(tokens: Tokens): Readonly<Record<Attacker, Readonly<Record<string, string>>>> {
  const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
  const origin = { Origin: 'http://evil.example' };
  return {
    'no credentials': {},
    'the host itself': bearer(tokens.own),
    "another node's token": bearer(tokens.other),
    'a token that was revoked': bearer(tokens.revoked),
    'a token that has expired': bearer(tokens.expired),
    'a token that never was': bearer(`twn_${'A'.repeat(43)}`),
    'what is no token': bearer("' OR 1=1 --"),
    'a token that nobody has said yes to': bearer(tokens.pending),
    'a join token': bearer(tokens.join),
    viewer: bearer(tokens.viewer),
    operator: bearer(tokens.operator),
    admin: bearer(tokens.admin),
    'an admin whose token has expired': bearer(tokens.expiredAdmin),
    'an admin from a page of another origin': { ...bearer(tokens.admin), ...origin },
    'a session without an origin': { Cookie: `tagwave=${tokens.session}` },
    'a session from a page of another origin': { Cookie: `tagwave=${tokens.session}`, ...origin },
    'a session sent as a token': bearer(tokens.session),
    'a token sent as a session': { Cookie: `tagwave=${tokens.admin}` },
    'a forged X-Forwarded-For': { 'X-Forwarded-For': '127.0.0.1' },
    'a forged Forwarded': { Forwarded: 'for=127.0.0.1;proto=https' },
    'a Host that is not here': { Host: 'tagwave.example.com' },
    'an admin through a proxy that nobody named': {
      ...bearer(tokens.admin),
      'X-Forwarded-For': '10.0.0.1',
      'X-Forwarded-Proto': 'https',
    },
    'forged words of a door': {
      'tagwave-door-peer': '127.0.0.1',
      'tagwave-door-encrypted': '1',
      'tagwave-door-names': 'web1',
    },
    'a forged name of an admin': { 'Tagwave-Actor': 'admin' },
  };
}
