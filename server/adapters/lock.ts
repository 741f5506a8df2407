import { closeSync, constants, ftruncateSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { execa } from 'execa';
import type { Attempt } from '../ports/common.ts';
import { reasonOf } from './files/failure.ts';

/**
 * A lock that the kernel keeps: it belongs to the open file behind `fd` and is gone when we release it or die, however we
 * die. A child process that inherits `fd` keeps it too, so that what it does ends before anybody else begins.
 */
export interface Lock {
  readonly fd: number;
  release(): void;
}

const CONFLICT = 75;

/** Takes the lock on a file, which is created where it is missing, or on an existing directory. Never waits. */
export async function tryLock(path: string): Promise<Attempt<Lock>> {
  return lock(path, { waitMs: 0 });
}

/** As `tryLock`, waiting up to `waitMs` for whoever holds it. A failure names the holder as far as that is known. */
export async function lock(path: string, { waitMs }: { readonly waitMs: number }): Promise<Attempt<Lock>> {
  const attempt = tryToOpen(path);
  if (!attempt.ok) return attempt;
  const opened = attempt.value;
  const outcome = await flock(opened.fd, waitMs);
  if (outcome.kind === 'taken') return { ok: true, value: taken(opened) };
  const holder = outcome.kind === 'conflict' ? holderOf(opened) : undefined;
  closeSync(opened.fd);
  return outcome.kind === 'failed' ? failed(path, outcome.why) : held(path, holder);
}

/** A command that takes a lock and then becomes another, which keeps it until it ends. */
export interface LockingCommand {
  readonly words: readonly [string, ...string[]];
  /** Tells others who has the lock. Call it once the command has it. */
  note(): void;
  /** What its exit code says of the lock; undefined where the command itself ran. */
  refusal(exitCode: number | undefined): Extract<Attempt<never>, { ok: false }> | undefined;
  /** Call it when the command has ended. Does not release the lock. */
  close(): void;
}

/** Makes one program of two where a single command needs the lock. The lock is on a file, which is created where it is missing. */
export function lockingCommand(
  path: string,
  { waitMs }: { readonly waitMs: number },
  command: readonly string[],
): Attempt<LockingCommand> {
  const opened = tryToOpen(path);
  if (!opened.ok) return opened;
  const { fd } = opened.value;
  const wait = ['--wait', String(waitMs / 1000), '--conflict-exit-code', String(CONFLICT)];
  return {
    ok: true,
    value: {
      words: ['flock', '--no-fork', ...wait, path, ...command],
      note: () => note(fd),
      refusal: (exitCode) => (exitCode === CONFLICT ? held(path, holderOf(opened.value)) : undefined),
      close: () => closeSync(fd),
    },
  };
}

interface Opened {
  readonly fd: number;
  readonly isFile: boolean;
}

function tryToOpen(path: string): Attempt<Opened> {
  try {
    return { ok: true, value: open(path) };
  } catch (error) {
    return failed(path, reasonOf(error));
  }
}

/** Node opens files so that children don't inherit them unless told to. */
function open(path: string): Opened {
  if (isDirectory(path)) return { fd: openSync(path, constants.O_RDONLY), isFile: false };
  return { fd: openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644), isFile: true };
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

type Outcome = { readonly kind: 'taken' | 'conflict' } | { readonly kind: 'failed'; readonly why: string };

/** Node has no flock(2); the util-linux command takes it on the open file that it inherits as number 3. */
async function flock(fd: number, waitMs: number): Promise<Outcome> {
  const waiting = waitMs > 0 ? ['--wait', String(waitMs / 1000)] : ['--nonblock'];
  const args = [...waiting, '--conflict-exit-code', String(CONFLICT), '3'];
  // execa's types know descriptors below 10 only; any is passed on.
  const result = await execa('flock', args, { stdio: ['ignore', 'ignore', 'pipe', fd as 3], reject: false });
  if (result.exitCode === 0) return { kind: 'taken' };
  if (result.exitCode === CONFLICT) return { kind: 'conflict' };
  const missing = result.code === 'ENOENT' ? "the command 'flock' (package util-linux) is not installed" : undefined;
  return { kind: 'failed', why: missing ?? (result.stderr.trim() || (result.shortMessage ?? '')) };
}

function taken({ fd, isFile }: Opened): Lock {
  if (isFile) note(fd);
  let open = true;
  return {
    fd,
    release() {
      if (!open) return;
      open = false;
      closeSync(fd);
    },
  };
}

/** Who holds it is told on a best effort: a full disk must not keep anybody from working. */
function note(fd: number): void {
  try {
    ftruncateSync(fd, 0);
    writeSync(fd, `${process.pid} ${process.title}\n`, 0);
  } catch {}
}

function holderOf({ fd, isFile }: Opened): string | undefined {
  if (!isFile) return undefined;
  const buffer = Buffer.alloc(200);
  const pid = /^\d+/.exec(buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, 0)))?.[0];
  return pid === undefined ? undefined : `process ${pid}`;
}

function held(path: string, holder: string | undefined): Extract<Attempt<never>, { ok: false }> {
  const who = holder ?? 'another process';
  return {
    ok: false,
    sentence: `${path} is locked by ${who}`,
    hint: `Wait for it to end; 'fuser -v ${path}' shows what has it open.`,
  };
}

function failed(path: string, why: string): Attempt<never> {
  return {
    ok: false,
    sentence: `${path} cannot be locked: ${why}`,
    hint: 'Look at its directory: it must exist and be writable.',
  };
}
