import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';
import { serverBundle } from './server-bundle.ts';
import { until } from './until.ts';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Started {
  readonly child: ChildProcess;
  /** What it said so far. */
  readonly said: { readonly stdout: string; readonly stderr: string };
  readonly ended: Promise<Ended>;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Runs as this user, and group unless another one is given. */
  readonly uid?: number;
  readonly gid?: number;
}

/** Starts `tagwave-server` as a process of its own, with a scrubbed environment. It is killed when the test ends. */
export async function startCommand(
  args: readonly string[],
  { env = {}, uid, gid = uid }: RunOptions = {},
): Promise<Started> {
  const script = await serverBundle();
  const child = spawn(process.execPath, [script, ...args], {
    cwd: '/',
    env: {
      PATH: process.env['PATH'],
      HOME: '/nonexistent',
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_SYSTEM: '/dev/null',
      TAGWAVE_SETTLE_SECONDS: '0.1',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (chunk: string) => (said[name] += chunk));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, ...said }));
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, said, ended };
}

export async function runCommand(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return (await startCommand(args, options)).ended;
}

export interface Serving extends Started {
  readonly url: string;
}

/** Starts `serve` on a base, on a free port, and waits until it is ready. */
export async function serve(base: string, options: RunOptions = {}): Promise<Serving> {
  const started = await startCommand(['serve', '--base', base, '--listen', '127.0.0.1:0'], options);
  const url = await until('the server to be ready', () => {
    if (started.child.exitCode !== null) throw new Error(`it ended: ${started.said.stderr}`);
    return /^(https?:\S+)\n/.exec(started.said.stdout)?.[1];
  });
  return { ...started, url };
}

/** Ends a process as a power cut would, and waits until it is gone. */
export async function kill9({ child, ended }: Pick<Started, 'child' | 'ended'>): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await ended;
}
