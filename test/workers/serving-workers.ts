import { readFileSync } from 'node:fs';
import { type Serving, serve } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';

export interface ServingWorkers extends Serving {
  /** The processes that it has now, by what they are. */
  parts(): { readonly head: number[]; readonly door: number[] };
  /** What was logged so far. Fails where a line is no JSON object. */
  logged(): Record<string, unknown>[];
}

/** Starts a server with several workers on a base, as a process of its own. */
export async function serveWorkers(base: string, env: Readonly<Record<string, string>> = {}): Promise<ServingWorkers> {
  const server = await serve(base, { env: { TAGWAVE_WORKERS: '2', ...env } });
  const pid = server.child.pid ?? 0;
  return {
    ...server,
    parts: () => partsOf(pid),
    logged: () =>
      server.said.stderr
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
  };
}

export function partsOf(pid: number): { readonly head: number[]; readonly door: number[] } {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
  const named = (name: string) => children.map(Number).filter((child) => titleOf(child) === `tagwave-server ${name}`);
  return { head: named('head'), door: named('door') };
}

function titleOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}

/** Waits until none of these processes is there any more. */
export async function gone(pids: readonly number[]): Promise<void> {
  await until('the processes to end', () => pids.every((pid) => !isAlive(pid)) || undefined);
}

export function isAlive(pid: number): boolean {
  return titleOf(pid) !== '';
}
