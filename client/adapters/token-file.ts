import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { Failure } from '../core/failure.ts';
import { parseToken, type TokenKind } from '../core/token.ts';

/** What a file with a secret has. */
export type Secret =
  | { readonly kind: 'read'; readonly text: string; readonly changedAtMs: number }
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed'; readonly failure: Failure };

export type TokenFound =
  | { readonly kind: 'token'; readonly token: string /** When it was made. */; readonly madeAtMs: number }
  | Exclude<Secret, { kind: 'read' }>;

const LIMIT_BYTES = 64 * 1024;
/** Something else in its place must not be waited for. */
const READ = constants.O_RDONLY | constants.O_NONBLOCK;

/** Reads a file that nobody but its owner may read. Never throws, and no failure shows any of what is in it. */
export function readSecret(path: string): Secret {
  let fd: number;
  try {
    fd = openSync(path, READ);
  } catch (error) {
    return unreadable(path, error);
  }
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) return failed(`${path} is no file`, 'Name the file that holds it.');
    if ((stats.mode & 0o077) !== 0)
      return failed(
        `${path} is a secret, and others on this host may read or change it (mode ${(stats.mode & 0o7777).toString(8).padStart(4, '0')})`,
        `Use 'chmod 600 ${path}'. If others can have read it, take it for known to them, and replace it.`,
      );
    if (stats.size > LIMIT_BYTES) return failed(`${path} is larger than 64 KiB`, 'Name the file that holds it.');
    const buffer = Buffer.alloc(stats.size);
    return {
      kind: 'read',
      text: buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0)),
      changedAtMs: stats.mtimeMs,
    };
  } catch (error) {
    return unreadable(path, error);
  } finally {
    closeSync(fd);
  }
}

/** Reads a token, of this kind and nothing else. */
export function readToken(path: string, kind: TokenKind = 'node'): TokenFound {
  const secret = readSecret(path);
  if (secret.kind !== 'read') return secret;
  const token = parseToken(kind, secret.text);
  if (token !== undefined) return { kind: 'token', token, madeAtMs: secret.changedAtMs };
  return kind === 'node'
    ? failed(`${path} holds no token of a host`, `Remove it, and get one with 'tagwave enroll'.`)
    : failed(
        `${path} holds no join token`,
        "Join tokens are made with 'tagwave-server token create --join', and begin with twj_.",
      );
}

/** Where a token waits that has not taken its place yet. */
export function nextOf(tokenFile: string): string {
  return `${tokenFile}.next`;
}

function unreadable(path: string, error: unknown): Secret {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return { kind: 'missing' };
  return code === 'EACCES'
    ? failed(`${path} may not be read by this user`, `It is to belong to whoever runs tagwave: 'chown USER ${path}'.`)
    : failed(`${path} cannot be read: ${code}`, 'Look at the file, and at its file system.');
}

function failed(sentence: string, hint: string): { readonly kind: 'failed'; readonly failure: Failure } {
  return { kind: 'failed', failure: { sentence, hint } };
}
