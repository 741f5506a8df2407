import { chmodSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Lock, lock } from '../adapters/lock.ts';
import type { Attempt } from '../ports.ts';

/** The place that only one head has at a time: its socket, and the lock that says that it is there. */
export interface HeadSocket {
  readonly path: string;
  /** Only this user may connect. */
  protect(): void;
  release(): void;
}

/** A head whose supervisor was killed notices it and ends; a new one waits for that. */
const PREDECESSOR_MS = 20_000;

/** Takes the place in a state directory as soon as nobody else has it. */
export async function takeHeadSocket(stateDir: string): Promise<Attempt<HeadSocket>> {
  const directory = join(stateDir, 'head');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  const locked = await lock(join(directory, 'lock'), { waitMs: PREDECESSOR_MS });
  if (!locked.ok)
    return {
      ok: false,
      sentence: `another server works in ${stateDir}: ${locked.sentence}`,
      hint: `stop it first, or give this one a state directory of its own. ${locked.hint}`,
    };
  const path = join(directory, 'socket');
  rmSync(path, { force: true });
  return { ok: true, value: socketAt(path, locked.value) };
}

function socketAt(path: string, { release }: Lock): HeadSocket {
  return { path, protect: () => chmodSync(path, 0o600), release };
}

/** Beside the socket on which the head is asked, the one on which it tells doors what stands. */
export function bulletinOf(socket: string): string {
  return join(dirname(socket), 'bulletin');
}

/** As much as the kernel takes as the address of a socket. */
const LONGEST_BYTES = 107;

/**
 * A name by which the socket can be bound or reached, also where its path is longer than the kernel takes: then through its
 * open directory, which stays open as long as the process lives.
 */
export function addressOf(path: string): string {
  if (Buffer.byteLength(path) <= LONGEST_BYTES) return path;
  return `/proc/self/fd/${directoryOf(dirname(path))}/${basename(path)}`;
}

const directories = new Map<string, number>();

function directoryOf(directory: string): number {
  const known = directories.get(directory);
  if (known !== undefined) return known;
  const fd = openSync(directory, 'r');
  directories.set(directory, fd);
  return fd;
}
