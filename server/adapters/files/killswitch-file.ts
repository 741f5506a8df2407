import { createHash } from 'node:crypto';
import { closeSync, constants, lstatSync, openSync, rmdirSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Attempt } from '../../ports.ts';
import { errorCode } from './failure.ts';
import { messageOf } from './killswitch.ts';
import { syncDirectory } from './publish.ts';

export function killswitchPath(base: string, environment: string | null): string {
  return environment === null ? join(base, 'killswitch') : join(base, 'killswitch.d', environment);
}

/** What a killswitch file says, and a version that changes with it; null where there is none. */
export function raised(path: string): { message: string; version: string } | null {
  const stats = lstatSync(path, { throwIfNoEntry: false, bigint: true });
  if (stats === undefined) return null;
  const message = messageOf(path);
  const version = createHash('sha256').update(`${stats.ino} ${stats.mtimeNs} ${message}`).digest('hex').slice(0, 16);
  return { message, version };
}

export function release(path: string, shown: string): Attempt<{ readonly path: string }> {
  const now = raised(path);
  if (now === null) return { ok: false, sentence: `there is no ${path}`, hint: 'nothing needs to be done' };
  if (now.version !== shown)
    return {
      ok: false,
      sentence: `${path} changed since it was shown; it now says: ${JSON.stringify(now.message)}`,
      hint: 'somebody else stopped things too: talk to them, look again, and then release it',
    };
  if (lstatSync(path).isDirectory()) rmdirSync(path);
  else rmSync(path);
  syncDirectory(dirname(path));
  return { ok: true, value: { path } };
}

/** The killswitch must work with a full disk and whatever is there: an empty file is created first, the message comes after. */
export function raiseFile(path: string, message: string): void {
  try {
    closeSync(openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o644));
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
    if (message === '' || !(lstatSync(path).isFile() || lstatSync(path).isSymbolicLink())) return;
  }
  if (message === '') return;
  try {
    const fd = openSync(path, constants.O_WRONLY | constants.O_TRUNC | constants.O_NONBLOCK);
    try {
      writeSync(fd, `${message}\n`);
    } finally {
      closeSync(fd);
    }
  } catch {
    // It exists, which is what stops; a message that could not be written must not make it look as if it did not.
  }
}
