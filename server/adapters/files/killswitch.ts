import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { KillswitchLook } from '../../core/killswitch.ts';
import { errorCode, reasonOf } from './failure.ts';

const MESSAGE_LIMIT_BYTES = 64 * 1024;

/**
 * `killswitch` exists if `lstat` says so, whatever it is: a directory, an unreadable file and a dangling link stop too.
 * It is absent only where the base directory can be listed; anything else is doubt, and doubt stops.
 */
export function lookAtKillswitch(base: string): KillswitchLook {
  const doubts: string[] = [];
  const global = present(join(base, 'killswitch'), doubts) ? messageOf(join(base, 'killswitch')) : null;
  if (global === null) {
    try {
      readdirSync(base);
    } catch (error) {
      doubts.push(`the base directory cannot be listed (${reasonOf(error)})`);
    }
  }
  const environments = new Map<string, string>();
  for (const name of stopped(join(base, 'killswitch.d'), doubts)) {
    environments.set(name, messageOf(join(base, 'killswitch.d', name)));
  }
  return { global, environments, doubt: doubts.length === 0 ? null : doubts.join('; ') };
}

/** Changes when `killswitch` comes, goes or is written to, or a name comes or goes in `killswitch.d`. */
export function traceOf(base: string): string {
  const directory = join(base, 'killswitch.d');
  const stamped = stamp(directory);
  return `${stamp(join(base, 'killswitch'))} ${stamped} ${stamped === '' ? '' : namesIn(directory)}`;
}

/** The clock of many file systems ticks so slowly that a name can come right after another change and leave the time as it was. */
function namesIn(directory: string): string {
  try {
    return readdirSync(directory).join('/');
  } catch (error) {
    return errorCode(error);
  }
}

function stamp(path: string): string {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats === undefined ? '' : `${stats.ino}:${stats.ctimeMs}`;
  } catch (error) {
    return errorCode(error);
  }
}

function present(path: string, doubts: string[]): boolean {
  try {
    return isThere(path);
  } catch (error) {
    doubts.push(`${path} cannot be looked at (${reasonOf(error)})`);
    return false;
  }
}

function stopped(directory: string, doubts: string[]): string[] {
  try {
    if (!isThere(directory)) return [];
    return readdirSync(directory)
      .filter((name) => !name.startsWith('.') && !name.endsWith('~'))
      .sort();
  } catch (error) {
    // It may have gone since.
    if (errorCode(error) !== 'ENOENT') doubts.push(`killswitch.d cannot be listed (${reasonOf(error)})`);
    else if (present(directory, doubts)) doubts.push('killswitch.d is a dangling link');
    return [];
  }
}

/** Mostly nothing is there, and to throw for that takes longer than to look. */
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** The first 64 KiB; empty for what is no readable file. Never blocks on a FIFO. */
export function messageOf(path: string): string {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch {
    return '';
  }
  try {
    if (!fstatSync(fd).isFile()) return '';
    const buffer = Buffer.alloc(MESSAGE_LIMIT_BYTES);
    return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0)).trimEnd();
  } catch {
    return '';
  } finally {
    closeSync(fd);
  }
}
