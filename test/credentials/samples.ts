import { createHash, randomBytes } from 'node:crypto';
import { onTestFinished } from 'vitest';
import { type Hostname, parseHostname } from '../../protocol/names.ts';
import { openCredentials } from '../../server/adapters/credentials/credentials.ts';
import type { JoinCredential, NodeCredential, PersonCredential } from '../../server/core/credential.ts';
import type { CredentialChange } from '../../server/core/credential-change.ts';
import { idOfToken, type TokenDigest, type TokenKind, tokenFrom } from '../../server/core/token.ts';
import type { Credentials } from '../../server/ports/credentials.ts';

export const NOW = Date.parse('2026-11-20T12:00:00Z');
export const DAY_MS = 86_400_000;

export function newToken(kind: TokenKind = 'node'): string {
  return tokenFrom(kind, randomBytes(32));
}

export function digest(token: string): TokenDigest {
  return createHash('sha256').update(token).digest('hex') as TokenDigest;
}

export function host(name: string): Hostname {
  const hostname = parseHostname(`${name}.example.com`);
  if (hostname === undefined) throw new Error(`${name} is no host`);
  return hostname;
}

const made = { createdAt: NOW, createdBy: 'alice', createdFrom: '192.0.2.1', expiresAt: null };

export function nodeCredential(name: string, token = newToken(), more: Partial<NodeCredential> = {}): NodeCredential {
  const kept = { id: idOfToken(digest(token)), digest: digest(token), ...made };
  return { kind: 'node', ...kept, hostname: host(name), state: 'active', replacedBy: null, ...more };
}

export function personCredential(name: string, more: Partial<PersonCredential> = {}): PersonCredential {
  const token = newToken('person');
  const kept = { id: idOfToken(digest(token)), digest: digest(token), ...made };
  return { kind: 'person', ...kept, name, role: 'operator', ...more };
}

export function joinCredential(hosts: string, more: Partial<JoinCredential> = {}): JoinCredential {
  const token = newToken('join');
  const kept = { id: idOfToken(digest(token)), digest: digest(token), ...made };
  return { kind: 'join', ...kept, hosts, groups: [], usesLeft: null, ...more };
}

/** Closed when the test ends. */
export function openTestCredentials(stateDir: string): Credentials {
  const credentials = openCredentials({ stateDir, isThorough: true });
  onTestFinished(() => credentials.close());
  return credentials;
}

export async function put(credentials: Credentials, ...all: (NodeCredential | PersonCredential | JoinCredential)[]) {
  return apply(credentials, ...all.map((credential) => ({ kind: 'put', credential }) as const));
}

export async function apply(credentials: Credentials, ...changes: CredentialChange[]): Promise<void> {
  const done = await credentials.change(() => ({ result: undefined, changes }));
  if (!done.ok) throw new Error(done.sentence);
}
