import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import { disposableDirectory } from './disposable.ts';

/** Why no disk can be mounted here, as the end of a title; empty where one can. */
export const noDisks: string =
  process.platform === 'linux' && process.getuid?.() === 0 ? '' : ' (skipped: only root can mount a small disk)';

export interface SmallDisk {
  readonly path: string;
  /** Leaves no free byte. */
  fill(): Promise<void>;
  /** Gives back what `fill` took. */
  free(): Promise<void>;
  setReadOnly(): Promise<void>;
  setWritable(): Promise<void>;
}

/** A file system of its own with so many MiB, which takes over what the directory holds; a disposable one by default. */
export async function smallDisk(mebibytes: number, directory?: string): Promise<SmallDisk> {
  const path = directory ?? (await disposableDirectory());
  const kept = await disposableDirectory();
  await execa('cp', ['--archive', '--no-target-directory', path, kept]);
  await execa('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tagwave-test', path]);
  onTestFinished(async () => {
    while (!(await execa('umount', ['--lazy', path], { reject: false })).failed);
  });
  await execa('cp', ['--archive', '--no-target-directory', kept, path]);
  const ballast = join(path, 'ballast');
  return {
    path,
    async fill() {
      await execa('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=4k'], { reject: false });
    },
    free: () => rm(ballast),
    // A second mount on top, because a file system with files that are open for writing cannot be made read-only.
    async setReadOnly() {
      await execa('mount', ['--bind', path, path]);
      await execa('mount', ['-o', 'remount,bind,ro', path]);
    },
    async setWritable() {
      await execa('umount', ['--lazy', path]);
    },
  };
}
