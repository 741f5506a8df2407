import { spawn, spawnSync } from 'node:child_process';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  /** Handed on as descriptor 3. */
  readonly inherit?: number;
  readonly timeoutMs?: number;
}

/** How a command ended; `code` is null when it could not be started (`missing`) or was ended by a signal. */
export interface Ended {
  readonly code: number | null;
  readonly missing: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a short command without a shell. Never rejects. */
export function run({ command, args, inherit, timeoutMs }: Command): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe', ...(inherit === undefined ? [] : [inherit])],
      ...(timeoutMs === undefined ? {} : { timeout: timeoutMs, killSignal: 'SIGKILL' }),
    });
    const texts = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
        texts[name] = (texts[name] + chunk).slice(0, 10_000);
      });
    }
    child.once('error', () => resolve({ code: null, missing: true, ...texts }));
    child.once('close', (code) => resolve({ code, missing: false, ...texts }));
  });
}

/**
 * The same for a command that is done at once. Everything waits for it, which costs a third of what it takes to watch pipes: for
 * most runs that is more than all the rest of their work. Never throws.
 */
export function runNow({ command, args, inherit, timeoutMs }: Command): Ended {
  const { pid, status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe', ...(inherit === undefined ? [] : [inherit])],
    ...(timeoutMs === undefined ? {} : { timeout: timeoutMs, killSignal: 'SIGKILL' }),
  });
  // Nothing is there to be read of what could not be started.
  return { code: status, missing: pid === 0, stdout: stdout ?? '', stderr: stderr ?? '' };
}
