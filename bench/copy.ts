import { mkdir, rm } from 'node:fs/promises';
import { execa } from 'execa';
import { GIT_ENVIRONMENT } from './source.ts';
import { stopwatch } from './stopwatch.ts';

export interface Copy {
  readonly gitDir: string;
  readonly commit: string;
  /** Must not exist yet. */
  readonly directory: string;
}

const LIMIT_MS = 60_000;

/** `git archive COMMIT | tar -x` into a fresh directory. Milliseconds. */
export async function copyTree({ gitDir, commit, directory }: Copy): Promise<number> {
  // A named pipe is a pipe without a shell, and nothing of it passes through this process.
  const pipe = `${directory}.pipe`;
  await execa('mkfifo', [pipe]);
  const copying = stopwatch();
  await mkdir(directory);
  const archive = ['--git-dir', gitDir, 'archive', '--format=tar', '--output', pipe, commit];
  await Promise.all([
    execa('git', archive, { env: GIT_ENVIRONMENT, timeout: LIMIT_MS }),
    execa('tar', ['-x', '-f', pipe, '-C', directory], { timeout: LIMIT_MS }),
  ]);
  const ms = copying.ms();
  await rm(pipe);
  return ms;
}
