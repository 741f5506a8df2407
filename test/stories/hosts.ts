import { readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { type Ended, runClient } from '../client/run-client.ts';
import { disposableDirectory } from '../rig/disposable.ts';

/** A machine with the real client on it. */
export interface Host {
  readonly target: string;
  /** What cron would run. `servers` in the order given. */
  poll(servers: string | readonly string[], ...flags: readonly string[]): Promise<Ended>;
  /** Where `current` points; undefined before anything was ever in use. */
  current(): Promise<string | undefined>;
}

export async function host(name: string): Promise<Host> {
  const target = await disposableDirectory();
  return {
    target,
    poll(servers, ...flags) {
      const urls = (typeof servers === 'string' ? [servers] : servers).flatMap((url) => ['--server', url]);
      return runClient(['poll', ...urls, '--hostname', name, '--target', target, ...flags]);
    },
    current: () => readlink(join(target, 'current')).catch(() => undefined),
  };
}
