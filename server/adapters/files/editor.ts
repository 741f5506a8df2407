import { chmodSync, lstatSync, mkdirSync, readFileSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Attempt } from '../../ports/common.ts';
import type { ControlFileEditor } from '../../ports/files.ts';
import { lock } from '../lock.ts';
import { LIMIT_BYTES } from './control-files.ts';
import { errorCode, reasonOf } from './failure.ts';
import { killswitchPath, raised, raiseFile, release } from './killswitch-file.ts';
import { likeBefore } from './ownership.ts';
import { asCaller } from './privileges.ts';
import { publish } from './publish.ts';

/** Edits the control files of a base directory as the caller: whoever may write the files with a shell may do it here. */
export function openEditor(base: string): ControlFileEditor {
  return {
    async edit(file, change, { waitMs, insist }) {
      const wanted = join(base, file);
      try {
        const path = asCaller(() => followLinks(wanted));
        const held = await asCaller(() => lock(dirname(path), { waitMs }));
        if (!held.ok && !insist) return held;
        try {
          return asCaller(() => editLocked(path, change, held.ok ? undefined : withoutLock(held.sentence)));
        } finally {
          if (held.ok) held.value.release();
        }
      } catch (error) {
        return failed(wanted, error);
      }
    },
    async raise(environment, message) {
      const path = killswitchPath(base, environment);
      try {
        const warning = asCaller(() => {
          if (environment !== null) makeDirectory(dirname(path));
          return raiseFile(path, message);
        });
        return { ok: true, value: { path, ...(warning === undefined ? {} : { warning }) } };
      } catch (error) {
        return failed(path, error);
      }
    },
    raised: (environment) => asCaller(() => raised(killswitchPath(base, environment))),
    async release(environment, shown) {
      const path = killswitchPath(base, environment);
      try {
        return asCaller(() => release(path, shown));
      } catch (error) {
        return failed(path, error);
      }
    },
  };
}

type Change = (text: string | null) => string | undefined;

/** Somebody who edits without the lock, with a shell perhaps, may come in between: so often it is begun anew. */
const TRIES = 20;

function editLocked(path: string, change: Change, warning: string | undefined) {
  const noted = warning === undefined ? {} : { warning };
  for (let tries = 0; tries < TRIES; tries++) {
    const stamp = stampOf(path);
    const { text: before, encode } = readText(path);
    const after = change(before);
    if (after === undefined || after === before)
      return { ok: true, value: { before, after: before, ...noted } } as const;
    const bytes = encode(after);
    refuseUnreadable(bytes);
    const confirm = () => stampOf(path) === stamp;
    if (publish(path, bytes, { prepare: (fd) => likeBefore(path, fd), confirm }))
      return { ok: true, value: { before, after, ...noted } } as const;
  }
  throw new Error('somebody else writes to it all the time');
}

function stampOf(path: string): string {
  const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? 'absent' : `${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
}

/**
 * A file's text, and how to make bytes of an edited one so that the lines which were not edited stay as they are: a file that
 * is no UTF-8 is taken byte by byte.
 */
function readText(path: string): { text: string | null; encode: (text: string) => Uint8Array } {
  const encode = (text: string) => Buffer.from(text);
  if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return { text: null, encode };
  // A FIFO would be waited for.
  if (!statSync(path).isFile()) throw new Error('it is no regular file');
  const bytes = readFileSync(path);
  const text = bytes.toString('utf8');
  if (Buffer.from(text).equals(bytes)) return { text, encode };
  return { text: bytes.toString('latin1'), encode: encodeBytewise };
}

function encodeBytewise(text: string): Uint8Array {
  return Buffer.concat([...text].map((character) => Buffer.from(character, character > '\u00FF' ? 'utf8' : 'latin1')));
}

/** An edit that the server would not read must not look as if it counted. */
function refuseUnreadable(bytes: Uint8Array): void {
  if (bytes.length > LIMIT_BYTES)
    throw new Error(`it would have ${bytes.length} bytes, and over 1 MiB it does not count: move old lines elsewhere`);
  if (bytes.includes(0)) throw new Error('it holds NUL bytes, and does not count as long as they are there');
}

/** The file that a chain of links ends at, existing or not, so that an edit keeps the links. */
function followLinks(path: string, depth = 0): string {
  const real = realParent(path);
  const stats = lstatSync(real, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isSymbolicLink() || depth > 40) return real;
  return followLinks(resolve(dirname(real), readlinkSync(real)), depth + 1);
}

/** A link's `..` is the parent of the directory that holds it, not of a link to that directory. */
function realParent(path: string): string {
  return join(realpathSync(dirname(path)), basename(path));
}

/**
 * Only the last one: where the base is missing, something is mistyped or not mounted. Whatever the caller's umask, the server
 * must be able to list it, or it would stop everything.
 */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path);
    chmodSync(path, 0o755);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error;
  }
}

function withoutLock(sentence: string): string {
  return `${sentence}: it was edited all the same; see that nobody saves an older text over it`;
}

function failed(path: string, error: unknown): Attempt<never> {
  return {
    ok: false,
    sentence: `${path} could not be changed: ${reasonOf(error)}`,
    hint: 'nothing was changed; edit the file as a user who may write it and its directory',
  };
}
