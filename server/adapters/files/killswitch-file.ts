import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  lstatSync,
  openSync,
  readdirSync,
  rmdirSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Attempt } from '../../ports/common.ts';
import { errorCode, reasonOf } from './failure.ts';
import { messageOf } from './killswitch.ts';
import { syncDirectory } from './publish.ts';

/** Throws a `RangeError` for what is no name of a file: no other file may be created or removed by this way. */
export function killswitchPath(base: string, environment: string | null): string {
  if (environment === null) return join(base, 'killswitch');
  if (['', '.', '..'].includes(environment) || /[/\0]/.test(environment))
    throw new RangeError(`${JSON.stringify(environment)} cannot be the name of a file`);
  return join(base, 'killswitch.d', environment);
}

/** What a killswitch file says, and a version that changes with it; null where there is none, or none can be seen. */
export function raised(path: string): { message: string; version: string } | null {
  try {
    const stats = lstatSync(path, { bigint: true });
    const message = messageOf(path);
    const version = createHash('sha256').update(`${stats.ino} ${stats.mtimeNs} ${message}`).digest('hex').slice(0, 16);
    return { message, version };
  } catch {
    return null;
  }
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
  if (lstatSync(path).isDirectory() && readdirSync(path).length > 0)
    return {
      ok: false,
      sentence: `${path} is a directory with something in it`,
      hint: 'look what it is, and move it away by hand',
    };
  if (lstatSync(path).isDirectory()) rmdirSync(path);
  else rmSync(path);
  syncDirectory(dirname(path));
  return { ok: true, value: { path } };
}

/**
 * The killswitch must work with a full disk and whatever is there: an empty file is created first, the message comes after.
 * Answers why the message could not be written; the file exists all the same, which is what stops.
 */
export function raiseFile(path: string, message: string): string | undefined {
  const created = createEmpty(path);
  if (message !== '') {
    try {
      writeMessage(path, message);
    } catch (error) {
      return `the message could not be written to it: ${reasonOf(error)}`;
    }
  }
  if (created) tryToSync(dirname(path));
  return undefined;
}

const READABLE = 0o644;

/** False where something of that name is there already, whatever it is. */
function createEmpty(path: string): boolean {
  try {
    const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, READABLE);
    // Whatever the caller's umask: hosts are to be told what it says.
    fchmodSync(fd, READABLE);
    closeSync(fd);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Never through a link: what it points to is nobody's message. Never waits for a reader of a FIFO. */
function writeMessage(path: string, message: string): void {
  if (!lstatSync(path).isFile()) throw new Error('it is no regular file');
  const fd = openSync(path, constants.O_WRONLY | constants.O_TRUNC | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    writeSync(fd, `${message}\n`);
  } finally {
    closeSync(fd);
  }
}

/** Against a power cut; it counts at once in any case. */
function tryToSync(directory: string): void {
  try {
    syncDirectory(directory);
  } catch {
    // Some file systems cannot.
  }
}
