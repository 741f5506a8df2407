import { readFile } from 'node:fs/promises';
import { processTree } from './processes.ts';

/** Bytes of memory that a process and all that it started have resident now. */
export async function residentBytes(pid: number): Promise<number> {
  const tree = await processTree(pid);
  const sizes = await Promise.all(tree.map(async (each) => residentOf(await statusOf(each.pid))));
  return sizes.reduce((sum, size) => sum + size, 0);
}

function statusOf(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
}

function residentOf(status: string): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}
