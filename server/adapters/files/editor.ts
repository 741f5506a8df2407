import {
  fchmodSync,
  fchownSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Attempt, ControlFileEditor } from '../../ports.ts';
import { lock } from '../lock.ts';
import { reasonOf } from './failure.ts';
import { killswitchPath, raised, raiseFile, release } from './killswitch-file.ts';
import { asCaller } from './privileges.ts';
import { publish } from './publish.ts';

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
          raiseFile(path, message);
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

type Change = (text: string | null) => string | undefined;

function editLocked(path: string, change: Change, warning: string | undefined) {
  const { text: before, encode } = readText(path);
  const after = change(before);
  const noted = warning === undefined ? {} : { warning };
  if (after === undefined || after === before) return { ok: true, value: { before, after: before, ...noted } } as const;
  publish(path, encode(after), { prepare: (fd) => likeBefore(path, fd) });
  return { ok: true, value: { before, after, ...noted } } as const;
}

/**
 * A file's text, and how to make bytes of an edited one so that the lines which were not edited stay as they are: a file that
 * is no UTF-8 is taken byte by byte.
 */
function readText(path: string): { text: string | null; encode: (text: string) => Uint8Array } {
  const encode = (text: string) => Buffer.from(text);
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return { text: null, encode };
  const bytes = readFileSync(path);
  const text = bytes.toString('utf8');
  if (Buffer.from(text).equals(bytes)) return { text, encode };
  return { text: bytes.toString('latin1'), encode: encodeBytewise };
}

function encodeBytewise(text: string): Uint8Array {
  return Buffer.concat([...text].map((character) => Buffer.from(character, character > '\u00FF' ? 'utf8' : 'latin1')));
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
