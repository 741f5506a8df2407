import { chownSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Failure } from '../core/failure.ts';
import { isOurs } from '../core/installation.ts';
import { run } from './process.ts';
import { publish } from './publish.ts';

/** One thing that is to be so on this machine. */
export interface Step {
  /** What it is about, as it is told: a path, or a command. */
  readonly what: string;
  /** How it is told when it was done; default: changed. */
  readonly done?: 'removed';
  look(): Found | Promise<Found>;
  /** Makes it so. May throw `StepFailed`, or what the file system reports. */
  act(): void | Promise<void>;
  /** What is to be told of it once it was done. */
  more?(): string | undefined;
}

export type Found =
  /** Nothing to do; `silent` where nobody would ask. */
  | { readonly kind: 'right'; readonly silent?: boolean }
  | { readonly kind: 'to-do' }
  /** Left as it is on purpose. */
  | { readonly kind: 'kept'; readonly why: string }
  | { readonly kind: 'blocked'; readonly failure: Failure };

/** A command of the system did not do what it was to do. */
export class StepFailed extends Error {
  override readonly name = 'StepFailed';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.sentence);
    this.failure = failure;
  }
}

const RIGHT: Found = { kind: 'right' };
const SILENT: Found = { kind: 'right', silent: true };
const TO_DO: Found = { kind: 'to-do' };

/** A user without rights, made where there is none of this name. */
export function userStep(user: string, home: string): Step {
  return {
    what: `user ${user}`,
    look: async () => ((await idOf(user, '-u')) === undefined ? TO_DO : RIGHT),
    act: () =>
      command('useradd', ['--system', '--home-dir', home, '--shell', '/usr/sbin/nologin', user], {
        hint: `Make the user ${user} by the means of this system, and run this again.`,
      }),
  };
}

/** A user that is left, as files may still be theirs. */
export function keptUserStep(user: string): Step {
  return {
    what: `user ${user}`,
    look: async () =>
      (await idOf(user, '-u')) === undefined
        ? SILENT
        : { kind: 'kept', why: `files may still belong to it; 'userdel ${user}' removes it` },
    act: () => undefined,
  };
}

/** A directory that a user can write; undefined: whoever runs this. */
export function directoryStep(path: string, user: string | undefined): Step {
  return {
    what: path,
    async look() {
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats === undefined) return TO_DO;
      if (!stats.isDirectory())
        return blocked(`${path} is no directory`, 'Move it away, or give another one with --target.');
      const uid = user === undefined ? undefined : await idOf(user, '-u');
      if (uid === undefined || uid === stats.uid) return RIGHT;
      return blocked(
        `${path} belongs to another user than ${user}, who is to write it`,
        `Use 'chown -R ${user}: ${path}', or --user with its owner.`,
      );
    },
    async act() {
      mkdirSync(path, { recursive: true, mode: 0o755 });
      const ids = user === undefined ? undefined : await idsOf(user);
      if (ids !== undefined) chownSync(path, ids.uid, ids.gid);
    },
  };
}

/** A file of ours with this text. */
export function fileStep(path: string, text: string): Step {
  return {
    what: path,
    look() {
      const found = textOf(path);
      if (found === text) return RIGHT;
      return found === undefined || isOurs(found) ? TO_DO : notOurs(path);
    },
    act: () => write(path, text),
  };
}

/** A file that is only written where there is none. */
export function firstFileStep(path: string, text: string): Step {
  return {
    what: path,
    look() {
      const found = textOf(path);
      if (found === undefined) return TO_DO;
      return found === text ? RIGHT : { kind: 'kept', why: 'it was there before, and says something else' };
    },
    act: () => write(path, text),
  };
}

/** A file that is to be the same as another one. */
export function copyStep(from: string, path: string): Step {
  return {
    what: path,
    look() {
      const text = textOf(from);
      if (text === undefined) return blocked(`${from} does not exist`, 'Give the file that is meant.');
      return textOf(path) === text ? RIGHT : TO_DO;
    },
    act: () => write(path, textOf(from) ?? ''),
  };
}

/** A file of ours that is to be gone. */
export function goneStep(path: string): Step {
  return {
    what: path,
    done: 'removed',
    look() {
      const found = textOf(path);
      if (found === undefined) return SILENT;
      return isOurs(found) ? TO_DO : { kind: 'kept', why: 'somebody else wrote it' };
    },
    act: () => rmSync(path),
  };
}

/** A path that is to be gone, with everything in it. */
export function purgeStep(path: string): Step {
  return {
    what: path,
    done: 'removed',
    look: () => (lstatSync(path, { throwIfNoEntry: false }) === undefined ? SILENT : TO_DO),
    act: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** A directory that is to be gone, unless others keep something in it. */
export function emptyDirectoryStep(path: string): Step {
  return {
    what: path,
    done: 'removed',
    look() {
      if (!lstatSync(path, { throwIfNoEntry: false })?.isDirectory()) return SILENT;
      return readdirSync(path).length === 0 ? TO_DO : { kind: 'kept', why: 'there are other files in it' };
    },
    act: () => rmdirSync(path),
  };
}

const SYSTEMCTL = 'systemctl';

/** A unit of ours that is to run no more; its file is still there. */
export function stopStep(path: string): Step {
  return {
    what: `${SYSTEMCTL} disable --now ${basename(path)}`,
    look() {
      const found = textOf(path);
      return found !== undefined && isOurs(found) ? TO_DO : SILENT;
    },
    act: () => systemctl(['disable', '--now', basename(path)]),
  };
}

/** systemd knows the unit as it is written now, and what runs runs by it. */
export function reloadStep(path: string): Step {
  const unit = basename(path);
  return {
    what: `${SYSTEMCTL} daemon-reload`,
    async look() {
      const shown = await run({
        command: SYSTEMCTL,
        args: ['show', '--property', 'NeedDaemonReload', '--value', unit],
      });
      return shown.stdout.trim() === 'yes' ? TO_DO : SILENT;
    },
    async act() {
      await systemctl(['daemon-reload']);
      await systemctl(['try-restart', unit]);
    },
  };
}

/** A unit begins at every start of the machine, and now. */
export function startStep(path: string): Step {
  const unit = basename(path);
  const isSo = async (question: string): Promise<boolean> =>
    (await run({ command: SYSTEMCTL, args: [question, '--quiet', unit] })).code === 0;
  return {
    what: `${SYSTEMCTL} enable --now ${unit}`,
    look: async () => ((await isSo('is-enabled')) && (await isSo('is-active')) ? RIGHT : TO_DO),
    act: () => systemctl(['enable', '--now', unit]),
  };
}

/** systemd forgets the units whose files are gone. */
export function forgetStep(): Step {
  return { what: `${SYSTEMCTL} daemon-reload`, look: () => TO_DO, act: () => systemctl(['daemon-reload']) };
}

function systemctl(args: readonly string[]): Promise<void> {
  return command(SYSTEMCTL, args, { hint: "Look at 'systemctl status', and run this again." });
}

async function command(name: string, args: readonly string[], { hint }: { readonly hint: string }): Promise<void> {
  const { code, missing, stdout, stderr } = await run({ command: name, args, timeoutMs: 60_000 });
  if (code === 0) return;
  const why = missing ? 'there is no such command' : `exit ${code}: ${(stderr.trim() || stdout.trim()).slice(-500)}`;
  throw new StepFailed({ sentence: `${[name, ...args].join(' ')} failed (${why})`, hint });
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  publish(path, text);
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** The numbers of a user and their group; undefined where there is no such user. */
export async function idsOf(user: string): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  const [uid, gid] = [await idOf(user, '-u'), await idOf(user, '-g')];
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
}

async function idOf(user: string, which: '-u' | '-g'): Promise<number | undefined> {
  const { code, stdout } = await run({ command: 'id', args: [which, user] });
  return code === 0 && /^\d+\n$/.test(stdout) ? Number(stdout) : undefined;
}

function notOurs(path: string): Found {
  return blocked(
    `${path} is there, and 'tagwave install' did not write it`,
    'Look at it; where it is not needed, move it away and run this again.',
  );
}

function blocked(sentence: string, hint: string): Found {
  return { kind: 'blocked', failure: { sentence, hint } };
}
