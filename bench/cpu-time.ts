import { execa } from 'execa';
import { processTree } from './processes.ts';

/**
 * Tells how much of the processor a process has used, all threads together, with the processes that it started, those that
 * still run and those that it waited for: seconds, as the operating system counts them.
 */
export type CpuTime = (pid: number) => Promise<number>;

export async function openCpuTime(): Promise<CpuTime> {
  const ticksPerSecond = await clockTicks();
  return async (pid) => (await processTree(pid)).reduce((sum, { ticks }) => sum + ticks, 0) / ticksPerSecond;
}

/** The same of the commands that this process has started and that have ended. */
export function openEndedCpuTime(): Promise<() => Promise<number>> {
  return openEndedCpuTimeOf(process.pid);
}

/** The same of the commands that another process has started and that have ended. */
export async function openEndedCpuTimeOf(pid: number): Promise<() => Promise<number>> {
  const ticksPerSecond = await clockTicks();
  return async () => ((await processTree(pid))[0]?.waitedTicks ?? 0) / ticksPerSecond;
}

async function clockTicks(): Promise<number> {
  return Number((await execa('getconf', ['CLK_TCK'])).stdout);
}
