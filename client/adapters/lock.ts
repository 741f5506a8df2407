import { closeSync, constants, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { type Failure, systemFailure } from '../core/failure.ts';
import { runNow } from './process.ts';

export type Locking =
  | { readonly kind: 'taken'; release(): void }
  | { readonly kind: 'busy'; readonly failure: Failure }
  | { readonly kind: 'failed'; readonly failure: Failure };

const BUSY = 75;

/**
 * Takes the target's lock, without waiting. Node has no flock(2); the util-linux command takes it on the open file that it
 * inherits. The lock belongs to that open file, so it is gone when we close it or die, however we die.
 */
export function takeLock(path: string): Locking {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o644);
  } catch (error) {
    const failure = systemFailure(error);
    if (failure === undefined) throw error;
    return { kind: 'failed', failure };
  }
  const locking = lockOpened(fd, path, () => holderOf(fd));
  if (locking.kind === 'taken') note(fd);
  return locking;
}

/** The same for a directory, in which nothing is left behind. */
export function lockDirectory(path: string): Locking {
  return lockOpened(openSync(path, constants.O_RDONLY | constants.O_DIRECTORY), path, () => '');
}

function lockOpened(fd: number, path: string, holderOf: () => string): Locking {
  const { code, missing, stderr } = runNow({
    command: 'flock',
    args: ['--nonblock', '--conflict-exit-code', String(BUSY), '3'],
    inherit: fd,
  });
  if (code === 0) return { kind: 'taken', release: () => closeSync(fd) };
  const holder = code === BUSY ? holderOf() : '';
  closeSync(fd);
  return code === BUSY ? busy(path, holder) : broken(path, missing ? "the command 'flock' is missing" : stderr.trim());
}

/** Who holds it is told on a best effort: a full disk must not keep a run from freeing space. */
function note(fd: number): void {
  try {
    ftruncateSync(fd, 0);
    writeSync(fd, `${process.pid}\n`, 0);
  } catch {}
}

function holderOf(fd: number): string {
  const buffer = Buffer.alloc(20);
  const pid = /^\d+/.exec(buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, 0)))?.[0];
  return pid === undefined ? '' : ` (process ${pid})`;
}

function busy(path: string, holder: string): Locking {
  return {
    kind: 'busy',
    failure: {
      sentence: `another run${holder} holds the lock ${path}`,
      hint: `Nothing to do: it finishes the work. If it never ends, 'fuser -v ${path}' shows it.`,
    },
  };
}

function broken(path: string, why: string): Locking {
  return {
    kind: 'failed',
    failure: {
      sentence: `cannot lock ${path}: ${why}`,
      hint: "It takes the command 'flock' of util-linux and a local file system.",
    },
  };
}
