import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { HookCommand } from '../../protocol/hooks.ts';
import { killGroup, noteStart } from './running-hook.ts';

export interface HookRun {
  readonly command: HookCommand;
  readonly cwd: string;
  /** All of it. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Where it is noted while it runs, so that a run after a crash can end it. */
  readonly note: string;
}

export type HookEnd =
  | { readonly kind: 'succeeded'; readonly output: string }
  /** `why` as in `failed with exit 1`; the output's end, both streams. */
  | { readonly kind: 'failed'; readonly why: string; readonly output: string };

/** So much of the end of what a hook prints is kept. */
const OUTPUT_LIMIT_BYTES = 6 * 1024;
/** From the polite signal to the one that cannot be ignored. */
const PATIENCE_MS = 2_000;
/** What a hook left running may hold its output open for ever: when the hook itself has ended, what is there by then counts. */
const DRAIN_MS = 250;

/**
 * Runs one command in a process group of its own, to its end or its time limit, at which the whole group is ended. What it
 * starts in the background and leaves behind goes on. Throws when `signal` asks the run to stop, which ends the group too.
 */
export async function runHook(hook: HookRun): Promise<HookEnd> {
  const { timeoutMs, signal, note } = hook;
  signal.throwIfAborted();
  const child = start(hook);
  if (typeof child === 'string') return { kind: 'failed', why: child, output: '' };
  const tail = tailOf(OUTPUT_LIMIT_BYTES);
  for (const stream of [child.stdout, child.stderr]) stream.on('data', tail.add).on('error', () => undefined);
  noteStart(note, child.pid);
  const ended = endOf(child);
  let isLate = false;
  const limit = setTimeout(() => {
    isLate = true;
    void endGroup(child, ended);
  }, timeoutMs);
  const stop = (): void => void endGroup(child, ended);
  signal.addEventListener('abort', stop);
  try {
    const end = await ended;
    await drained(child);
    if (isLate || signal.aborted) killGroup(child.pid, 'SIGKILL');
    signal.throwIfAborted();
    if (isLate) return { kind: 'failed', why: `was not done within ${timeoutMs / 1000} s`, output: tail.text() };
    return end === null
      ? { kind: 'succeeded', output: tail.text() }
      : { kind: 'failed', why: end, output: tail.text() };
  } finally {
    clearTimeout(limit);
    signal.removeEventListener('abort', stop);
    rmSync(note, { force: true });
  }
}

/** Answers why it cannot be started where that is known at once, as for arguments that are too long. */
function start({ command, cwd, env }: HookRun): ReturnType<typeof spawnHook> | string {
  const [program = '', ...args] = typeof command === 'string' ? ['/bin/sh', '-c', command] : command;
  try {
    return spawnHook(program, args, { cwd, env });
  } catch (error) {
    return `cannot be started: ${(error as NodeJS.ErrnoException).code ?? String(error)}`;
  }
}

function spawnHook(program: string, args: readonly string[], { cwd, env }: Pick<HookRun, 'cwd' | 'env'>) {
  return spawn(program, args, { cwd, env: { ...env }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
}

/** How the process itself ended, whatever it left behind: null for success. */
function endOf(child: ChildProcess): Promise<string | null> {
  return new Promise((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      resolve(
        error.code === 'ENOENT' ? 'cannot be started: there is no such program' : `cannot be started: ${error.code}`,
      ),
    );
    child.once('exit', (code, signal) => {
      if (code === 0) resolve(null);
      else resolve(code === null ? `was ended by ${signal}` : `failed with exit ${code}`);
    });
  });
}

async function endGroup(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  killGroup(child.pid, 'SIGTERM');
  const patience = new AbortController();
  await Promise.race([ended, delay(PATIENCE_MS, undefined, { signal: patience.signal }).catch(() => undefined)]);
  patience.abort();
  killGroup(child.pid, 'SIGKILL');
}

async function drained({ stdout, stderr }: ChildProcess): Promise<void> {
  const enough = new AbortController();
  const streams = [stdout, stderr].filter((stream): stream is Readable => stream !== null);
  const closed = Promise.all(
    streams.map(
      (stream) => new Promise<void>((resolve) => (stream.closed ? resolve() : stream.once('close', resolve))),
    ),
  );
  await Promise.race([closed, delay(DRAIN_MS, undefined, { signal: enough.signal }).catch(() => undefined)]);
  enough.abort();
  for (const stream of streams) stream.destroy();
}

interface Tail {
  add(chunk: Buffer): void;
  text(): string;
}

/** Keeps the end of what flows by. */
function tailOf(limit: number): Tail {
  let kept = Buffer.alloc(0);
  let total = 0;
  return {
    add(chunk) {
      total += chunk.length;
      kept = Buffer.concat([kept, chunk.subarray(-limit)]).subarray(-limit);
    },
    text() {
      const dropped = total - kept.length;
      return `${dropped === 0 ? '' : `[${dropped} bytes before this are left out]\n`}${kept.toString('utf8')}`.trimEnd();
    },
  };
}
