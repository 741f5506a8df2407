import { chmodSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Lock, lock } from '../adapters/lock.ts';
import type { Attempt } from '../ports/common.ts';

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
