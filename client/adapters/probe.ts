import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Probe } from '../../protocol/hooks.ts';
import type { HookEnd, HookRun } from './hook-runner.ts';
import { runHook } from './hook-runner.ts';
import { open } from './http.ts';

export type ProbeContext = Pick<HookRun, 'cwd' | 'env' | 'signal' | 'note'>;

const GRACE_SECONDS = 0;
const RETRIES = 3;
const INTERVAL_SECONDS = 2;
const TIMEOUT_SECONDS = 10;

/** Asks until the answer is good, so often as the probe says. Throws when `signal` asks the run to stop. */
export async function askProbe(probe: Probe, context: ProbeContext): Promise<HookEnd> {
  const { grace_seconds = GRACE_SECONDS, retries = RETRIES, interval_seconds = INTERVAL_SECONDS } = probe;
  const wait = (seconds: number): Promise<void> => delay(seconds * 1000, undefined, { signal: context.signal });
  if (grace_seconds > 0) await wait(grace_seconds);
  let end = await askOnce(probe, context);
  for (let retry = 0; retry < retries && end.kind === 'failed'; retry++) {
    await wait(interval_seconds);
    end = await askOnce(probe, context);
  }
  if (end.kind === 'succeeded' || retries === 0) return end;
  return { ...end, why: `${end.why}, asked ${retries + 1} times` };
}

function askOnce(probe: Probe, context: ProbeContext): Promise<HookEnd> {
  const timeoutMs = (probe.timeout_seconds ?? TIMEOUT_SECONDS) * 1000;
  if (probe.command !== undefined) return runHook({ ...context, command: probe.command, timeoutMs });
  if (probe.http !== undefined) return askHttp(new URL(probe.http), probe.status, { ...context, timeoutMs });
  return askTcp(probe.tcp ?? '', { ...context, timeoutMs });
}

interface Asking {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
}

async function askHttp(url: URL, status: number | undefined, { signal, timeoutMs }: Asking): Promise<HookEnd> {
  const headers = { Accept: '*/*', 'User-Agent': 'tagwave-probe' };
  const opened = await open({ url, method: 'GET', headers, silenceMs: timeoutMs, totalMs: timeoutMs, signal });
  signal.throwIfAborted();
  if (opened.kind !== 'response') return failed(`failed: ${opened.why}`);
  opened.body.destroy();
  const isGood = status === undefined ? opened.status >= 200 && opened.status <= 299 : opened.status === status;
  return isGood ? SUCCEEDED : failed(`answered ${opened.status} instead of ${status ?? '2xx'}`);
}

async function askTcp(address: string, { signal, timeoutMs }: Asking): Promise<HookEnd> {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  const end = await new Promise<HookEnd>((resolve) => {
    const socket = connect({ host, port: Number(address.slice(colon + 1)), signal });
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error(`no connection within ${timeoutMs / 1000} s`)));
    socket.once('connect', () => {
      resolve(SUCCEEDED);
      socket.destroy();
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(failed(`failed: ${error.code ?? error.message}`)));
  });
  signal.throwIfAborted();
  return end;
}

const SUCCEEDED: HookEnd = { kind: 'succeeded', output: '' };

function failed(why: string): HookEnd {
  return { kind: 'failed', why, output: '' };
}
