import { readFile } from 'node:fs/promises';
import { execa } from 'execa';

/**
 * Tells how much of the processor a process has used, all threads together, and the processes that it started and waited
 * for: seconds, as the operating system counts them.
 */
export type CpuTime = (pid: number) => Promise<number>;

export async function openCpuTime(): Promise<CpuTime> {
  const ticksPerSecond = Number((await execa('getconf', ['CLK_TCK'])).stdout);
  return async (pid) => ticksOf(await readFile(`/proc/${pid}/stat`, 'utf8')) / ticksPerSecond;
}

/** User and system time, the 14th to 17th field. The second, the program's name, may hold anything. */
function ticksOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
}
