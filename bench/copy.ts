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
  const args = ['--git-dir', gitDir, 'archive', '--format=tar', '--output', pipe, commit];
  const [archive] = await Promise.all([
    execa('git', args, { env: GIT_ENVIRONMENT, timeout: LIMIT_MS, reject: false }),
    execa('tar', ['-x', '-f', pipe, '-C', directory], { timeout: LIMIT_MS }),
  ]);
  // tar ends where the archive does, sometimes before git has written what fills up its last block.
  if (archive.failed && archive.signal !== 'SIGPIPE') throw archive;
  const ms = copying.ms();
  await rm(pipe);
  return ms;
}
