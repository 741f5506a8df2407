import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

import type { Problem } from '../../core/problem.ts';
import type { Attempt } from '../../ports/common.ts';
import { rememberSecret } from '../known-secrets.ts';
import { reasonOf } from './failure.ts';

/** Where a secret is: which setting says so, and what it says: an absolute path, or `credential:NAME`. */
export interface SecretPlace {
  readonly setting: string;
  readonly place: string;
  /** More than any secret has, unless something else is said. */
  readonly limitBytes?: number;
}

export interface Secret {
  /** Without the newline that ends it. Never empty. */
  readonly text: string;
  readonly path: string;
  /** That others may read or write the file, where they may. */
  readonly problems: readonly Problem[];
}

const LIMIT_BYTES = 64 * 1024;
const CREDENTIAL = /^credential:(.*)$/s;
const CREDENTIAL_NAME = /^(?!\.{1,2}$)[\w.@:-]{1,255}$/;
const OTHERS_READ = 0o004;
const OTHERS_WRITE = 0o002;

/**
 * Reads a secret, afresh each time so that a new one counts without a restart. What fails names the setting and the path,
 * never the content; what was read is from then on masked in all that this process says.
 */
export function readSecret(secret: SecretPlace): Attempt<Secret> {
  const found = secretPath(secret);
  if (!found.ok) return found;
  const path = found.value;
  try {
    const { text, mode } = readWhole(path, secret.limitBytes ?? LIMIT_BYTES);
    if (text === '') throw new Error('it is empty');
    rememberSecret(text);
    return { ok: true, value: { text, path, problems: exposure(secret.setting, path, mode) } };
  } catch (error) {
    return unreadable(secret.setting, path, reasonOf(error));
  }
}

/** The file that a secret is in, for programs that read it themselves. What systemd hands over is named, not found at a path of ours. */
export function secretPath({ setting, place }: SecretPlace): Attempt<string> {
  const name = CREDENTIAL.exec(place)?.[1];
  if (name === undefined)
    return isAbsolute(place) ? { ok: true, value: place } : unreadable(setting, place, 'it is no absolute path');
  // Systemd's own rules for names; nothing that leads elsewhere.
  if (!CREDENTIAL_NAME.test(name)) return unreadable(setting, place, 'that is no name of a credential');
  const directory = process.env['CREDENTIALS_DIRECTORY'];
  if (directory) return { ok: true, value: join(directory, name) };
  return {
    ok: false,
    sentence: `${setting}: there is no ${place}: CREDENTIALS_DIRECTORY is not set, which systemd does for a service`,
    hint: `write LoadCredential=${name}:PATH into the unit, or a path into ${setting}`,
  };
}

function readWhole(path: string, limit: number): { text: string; mode: number } {
  // A FIFO would be waited for.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new Error('it is no regular file');
    const bytes = Buffer.alloc(limit + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length <= limit; length += read)
      read = readSync(fd, bytes, length, bytes.length - length, null);
    if (length > limit) throw new Error(`it has more than ${limit} bytes, which no secret has`);
    const text = bytes.toString('utf8', 0, length).replace(/\r?\n$/, '');
    bytes.fill(0);
    return { text, mode: stats.mode };
  } finally {
    closeSync(fd);
  }
}

function unreadable(setting: string, path: string, why: string): Attempt<never> {
  return {
    ok: false,
    sentence: `${setting}: ${path} cannot be used: ${why}`,
    hint: "make it a file that the server's user may read and nobody else, with the secret in it",
  };
}

function exposure(setting: string, path: string, mode: number): Problem[] {
  const others = [...(mode & OTHERS_READ ? ['read'] : []), ...(mode & OTHERS_WRITE ? ['write'] : [])].join(' and ');
  if (others === '') return [];
  return [
    {
      id: `secret:exposed:${setting}`,
      severity: 'warning',
      sentence: `${setting}: every user of this machine may ${others} ${path}`,
      hint: `chmod o= ${path}, and replace the secret where somebody may have read it`,
    },
  ];
}
