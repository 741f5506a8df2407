import { execa } from 'execa';
import type { Hostname } from '../../../protocol/names.ts';

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
  const result = await execa(path, [hostname], {
    cwd: base,
    env: { TZ: 'UTC' },
    timeout: seconds * 1000,
    killSignal: 'SIGKILL',
    maxBuffer: OUTPUT_LIMIT,
    stdin: 'ignore',
    reject: false,
    cleanup: true,
  });
  if (!result.failed) return { text: result.stdout };
  const said = result.stderr.trim().split('\n').at(-1) ?? '';
  const why = result.timedOut
    ? `it did not answer within ${seconds} s`
    : result.exitCode === undefined
      ? result.originalMessage || `it ended by ${result.signal ?? 'an unknown signal'}`
      : `it exited with ${result.exitCode}`;
  return { failed: said === '' ? why : `${why}: ${said}` };
}
