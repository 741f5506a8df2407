import { execa } from 'execa';

/** What a command took, with everything that it started and waited for. */
export interface Timed {
  readonly wallMs: number;
  /** User and system time. */
  readonly cpuMs: number;
}

/** bash reads what the operating system counted, to the millisecond; a process cannot ask for that of its own children. */
const SCRIPT = 'TIMEFORMAT="%3R %3U %3S"; time "$@" >/dev/null 2>&3';

/** Runs a command to its end. Throws, with what it wrote to stderr, where it fails. */
export async function timed(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Timed> {
  const result = await execa('bash', ['-c', SCRIPT, 'bench', ...command], {
    env,
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    timeout: 120_000,
    reject: false,
  });
  if (result.exitCode !== 0) throw new Error(`${command.join(' ')} ended with ${result.exitCode}: ${result.stdio[3]}`);
  const seconds = String(result.stderr).trim().split(' ').map(Number);
  const [real, user, system] = seconds;
  if (real === undefined || user === undefined || system === undefined || seconds.some(Number.isNaN))
    throw new Error(`bash told no times of ${command.join(' ')}: ${String(result.stderr)}`);
  return { wallMs: real * 1000, cpuMs: (user + system) * 1000 };
}
