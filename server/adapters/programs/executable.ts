import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import type { Hostname } from '../../../protocol/names.ts';
import { oneLine } from '../../core/wording.ts';
import { environmentForPrograms } from '../child-environment.ts';
import { reasonOf } from '../files/failure.ts';

const OUTPUT_LIMIT = 64 * 1024;

/**
 * Runs a site's executable the way etch does: the hostname as its only argument, in the base directory, with TZ=UTC, without
 * a shell. Answers its stdout, or its last line of stderr as the reason of a failure.
 */
export async function runExecutable(
  path: string,
  hostname: Hostname,
  { base, seconds }: { readonly base: string; readonly seconds: number },
): Promise<{ readonly text: string } | { readonly failed: string }> {
  const running = execa(path, [hostname], {
    cwd: base,
    env: { ...environmentForPrograms(), TZ: 'UTC' },
    extendEnv: false,
    maxBuffer: OUTPUT_LIMIT,
    stdin: 'ignore',
    reject: false,
    // A group of its own: a script is ended together with what it started, which would keep its output open.
    detached: true,
  });
  const timer = new AbortController();
  const late = delay(seconds * 1000, 'late' as const, { signal: timer.signal }).catch(() => undefined);
  const result = await Promise.race([running, late]);
  timer.abort();
  endGroup(running.pid);
  if (result === undefined || result === 'late') return { failed: `it did not answer within ${seconds} s` };
  if (!result.failed) return { text: result.stdout };
  const said = oneLine(result.stderr.trim().split('\n').at(-1) ?? '');
  return { failed: said === '' ? endOf(result) : `${endOf(result)}: ${said}` };
}

interface Ended {
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly isMaxBuffer: boolean;
  readonly cause?: unknown;
}

function endOf({ exitCode, signal, isMaxBuffer, cause }: Ended): string {
  if (isMaxBuffer) return `it printed more than ${OUTPUT_LIMIT / 1024} KiB`;
  if (signal !== undefined) return `it was ended by ${signal}`;
  return exitCode === undefined ? `it could not be started: ${reasonOf(cause)}` : `it exited with ${exitCode}`;
}

/** Also after an answer: nothing that a script left in the background stays. */
function endGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All have ended.
  }
}
