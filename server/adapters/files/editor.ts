import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Attempt, ControlFileEditor } from '../../ports.ts';
import { lock } from '../lock.ts';
import { errorCode, reasonOf } from './failure.ts';
import { messageOf } from './killswitch.ts';
import { asCaller } from './privileges.ts';
import { publish, syncDirectory } from './publish.ts';

/** Edits the control files of a base directory as the caller: whoever may write the files with a shell may do it here. */
export function openEditor(base: string): ControlFileEditor {
  return {
    edit: (file, change, { waitMs, insist }) =>
      asCaller(async () => {
        const path = followLinks(join(base, file));
        const held = await lock(dirname(path), { waitMs });
        if (!held.ok && !insist) return held;
        try {
          return editLocked(path, change, held.ok ? undefined : held.sentence);
        } catch (error) {
          return failed(path, error);
        } finally {
          if (held.ok) held.value.release();
        }
      }),
    raise: (environment, message) =>
      asCaller(async () => {
        const path = killswitchPath(base, environment);
        try {
          if (environment !== null) mkdirSync(dirname(path), { recursive: true });
          raise(path, message);
          return { ok: true, value: { path } };
        } catch (error) {
          return failed(path, error);
        }
      }),
    raised: (environment) => raised(killswitchPath(base, environment)),
    release: (environment, shown) =>
      asCaller(async () => {
        const path = killswitchPath(base, environment);
        try {
          return release(path, shown);
        } catch (error) {
          return failed(path, error);
        }
      }),
  };
}

function killswitchPath(base: string, environment: string | null): string {
  return environment === null ? join(base, 'killswitch') : join(base, 'killswitch.d', environment);
}

function raised(path: string): { message: string; version: string } | null {
  const stats = lstatSync(path, { throwIfNoEntry: false, bigint: true });
  if (stats === undefined) return null;
  const message = messageOf(path);
  const version = createHash('sha256').update(`${stats.ino} ${stats.mtimeNs} ${message}`).digest('hex').slice(0, 16);
  return { message, version };
}

function release(path: string, shown: string): Attempt<{ readonly path: string }> {
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

type Change = (text: string | null) => string | null | undefined;

function editLocked(path: string, change: Change, warning: string | undefined) {
  const before = readText(path);
  const after = change(before);
  const noted = warning === undefined ? {} : { warning };
  if (after === undefined || after === before) return { ok: true, value: { before, after: before, ...noted } } as const;
  if (after === null) {
    rmSync(path);
    syncDirectory(dirname(path));
  } else {
    publish(path, after, { prepare: (fd) => likeBefore(path, fd) });
  }
  return { ok: true, value: { before, after, ...noted } } as const;
}

/** Null where it does not exist; empty for what is no readable text, e.g. a directory named `killswitch`. */
function readText(path: string): string | null {
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return null;
  if (!(statSync(path, { throwIfNoEntry: false })?.isFile() ?? false)) return '';
  return readFileSync(path, 'utf8');
}

/** Owner, group and mode stay. A caller who may not give the file back to its owner at least keeps the group and the mode. */
function likeBefore(path: string, fd: number): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  const mine = fstatSync(fd);
  if (stats.uid !== mine.uid || stats.gid !== mine.gid) {
    try {
      fchownSync(fd, stats.uid, stats.gid);
    } catch {
      tryToKeepGroup(fd, stats.gid);
    }
  }
  fchmodSync(fd, stats.mode & 0o7777);
}

function tryToKeepGroup(fd: number, gid: number): void {
  try {
    fchownSync(fd, fstatSync(fd).uid, gid);
  } catch {
    // The caller is not in that group either; the mode is kept all the same.
  }
}

/** The killswitch must work with a full disk and whatever is there: an empty file is created first, the message comes after. */
function raise(path: string, message: string): void {
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

/** The file that a chain of links ends at, existing or not, so that an edit keeps the links. */
function followLinks(path: string, depth = 0): string {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isSymbolicLink() || depth > 40) return realParent(path);
  return followLinks(resolve(dirname(path), readlinkSync(path)), depth + 1);
}

function realParent(path: string): string {
  try {
    return join(realpathSync(dirname(path)), path.slice(dirname(path).length + 1));
  } catch {
    return path;
  }
}

function failed(path: string, error: unknown): Attempt<never> {
  return {
    ok: false,
    sentence: `${path} could not be changed: ${reasonOf(error)}`,
    hint: 'nothing was changed; edit the file as a user who may write it and its directory',
  };
}
