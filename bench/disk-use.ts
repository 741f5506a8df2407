import { execa } from 'execa';

/** Bytes: what the files hold, and what the file system keeps for them. */
export interface DiskUse {
  readonly apparent: number;
  readonly allocated: number;
}

/** As `du` counts it, files and directories together. */
export async function diskUse(directory: string): Promise<DiskUse> {
  const [apparent, allocated] = await Promise.all([du(['--apparent-size', directory]), du([directory])]);
  return { apparent, allocated };
}

async function du(args: readonly string[]): Promise<number> {
  const { stdout } = await execa('du', ['--summarize', '--block-size=1', ...args]);
  return Number.parseInt(stdout, 10);
}

export function added(before: DiskUse, after: DiskUse): DiskUse {
  return { apparent: after.apparent - before.apparent, allocated: after.allocated - before.allocated };
}
