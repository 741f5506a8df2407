import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';

/** The user for whom permissions count where the tests run as root. */
export const NOBODY = 65_534;

export interface ServerAsNobody {
  readonly url: string;
  stop(): Promise<void>;
}

export interface ServerAsNobodyOptions {
  /** Given to that user with everything in it. */
  readonly root: string;
  readonly base: string;
  /** Where the clock stands at the start, RFC 3339. */
  readonly now: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A server in a process of its own that may read only what it is allowed to. */
export async function serverAsNobody({ root, base, now, env }: ServerAsNobodyOptions): Promise<ServerAsNobody> {
  if (process.getuid?.() === 0) await execa('chown', ['-R', `${NOBODY}:${NOBODY}`, root]);
  const script = join(import.meta.dirname, 'server-child.ts');
  const child = execa(process.execPath, ['--import', 'tsx', script, base, now], {
    env: { TAGWAVE_LISTEN: '127.0.0.1:0', TAGWAVE_HTTP_LOCAL_CHANGES: 'true', ...env },
    reject: false,
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL');
    await child;
  };
  onTestFinished(stop);
  const lines = createInterface({ input: child.stdout });
  const first = await Promise.race([
    once(lines, 'line'),
    child.then(({ stderr }) => Promise.reject(new Error(stderr))),
  ]);
  return { url: String(first[0]), stop };
}
