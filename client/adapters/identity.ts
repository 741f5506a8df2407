import { readFileSync } from 'node:fs';
import type { Failure } from '../core/failure.ts';
import { isPrivateLine } from '../core/private-line.ts';
import type { Settings } from '../settings/keys.ts';
import { layoutOf } from './layout.ts';
import { nextOf, readSecret, readToken } from './token-file.ts';

/** What a host shows to servers, and by what it knows them. */
export interface Identity {
  /** Never sent but where nobody can read along, never to where a server redirects, and never shown. */
  readonly token: string | undefined;
  readonly madeAtMs?: number;
  /** Where the token is, or would be; undefined where it is none that this host keeps. */
  readonly tokenFile: string | undefined;
  readonly tls: TlsTexts;
  /** Why nothing can be asked. */
  readonly trouble?: Failure;
}

/** In PEM. */
export interface TlsTexts {
  /** Those who sign servers' certificates, instead of all that Node knows. */
  readonly ca?: string;
  /** The host's own certificate. */
  readonly cert?: string;
  readonly key?: string;
}

export const UNKNOWN: Identity = { token: undefined, tokenFile: undefined, tls: {} };

/** Beside what else belongs to a target: a host of several servers shows none of them what is for another. */
export function tokenFileOf({ tokenFile, target }: Pick<Settings, 'tokenFile' | 'target'>): string {
  return tokenFile ?? layoutOf(target).token;
}

/** Reads what the settings name. Read anew for each run, as all of it is renewed while a host runs. */
export function identify(settings: Settings): Identity {
  const tokenFile = tokenFileOf(settings);
  const read = readTls(settings);
  if ('sentence' in read) return { token: undefined, tokenFile, tls: {}, trouble: read };
  const found = findToken(tokenFile);
  if (found.kind === 'failed') return { token: undefined, tokenFile, tls: read, trouble: found.failure };
  if (found.kind === 'missing') {
    const identity = { token: undefined, tokenFile, tls: read };
    return settings.tokenFile === undefined ? identity : { ...identity, trouble: gone(tokenFile) };
  }
  const { token, madeAtMs } = found;
  const identity = { token, madeAtMs, tokenFile, tls: read };
  const { servers } = settings;
  return servers.length > 0 && !servers.some(isPrivateLine) ? { ...identity, trouble: overheard(servers) } : identity;
}

/** One that nobody has put in its place yet will do: whoever made it was killed in between. */
function findToken(tokenFile: string): ReturnType<typeof readToken> {
  const found = readToken(tokenFile);
  return found.kind === 'missing' ? readToken(nextOf(tokenFile)) : found;
}

/** The files of TLS; why one is of no use. */
export function readTls({ ca, cert, key }: Pick<Settings, 'ca' | 'cert' | 'key'>): TlsTexts | Failure {
  const texts: { ca?: string; cert?: string; key?: string } = {};
  for (const [name, path] of Object.entries({ ca, cert })) {
    if (path === undefined) continue;
    const text = readPublic(path);
    if (text === undefined || !text.includes('-----BEGIN CERTIFICATE-----'))
      return {
        sentence: `${path} (${name}) ${text === undefined ? 'cannot be read' : 'has no certificate in PEM'}`,
        hint: 'Nothing was changed. Look at the file, and whether this user may read it.',
      };
    texts[name as 'ca' | 'cert'] = text;
  }
  if (key === undefined) return texts;
  const secret = readSecret(key);
  if (secret.kind === 'failed') return secret.failure;
  if (secret.kind === 'missing' || !/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/.test(secret.text))
    return {
      sentence: `${key} (key) ${secret.kind === 'missing' ? 'does not exist' : 'has no key in PEM, without a passphrase'}`,
      hint: 'Nothing was changed. It is the key of the certificate that cert names.',
    };
  return { ...texts, key: secret.text };
}

function readPublic(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function gone(tokenFile: string): Failure {
  return {
    sentence: `there is no token in ${tokenFile}`,
    hint: "Nothing was changed. 'tagwave enroll' gets one.",
  };
}

export function overheard(servers: readonly URL[]): Failure {
  return {
    sentence: `the token is not sent to ${servers.map(({ host }) => host).join(', ')}: over plain HTTP others could read it`,
    hint: 'Nothing was asked, and nothing changed. Give the https:// URL of the server.',
  };
}
