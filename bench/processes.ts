import { readdir, readFile } from 'node:fs/promises';

export interface Process {
  readonly pid: number;
  readonly parent: number;
  /** Of the processor, its own and those of the processes that it waited for. */
  readonly ticks: number;
  /** Of those, what the processes took that it waited for. */
  readonly waitedTicks: number;
}

/** A process and all that it started, directly or not, as far as they run. */
export async function processTree(pid: number): Promise<Process[]> {
  const all = await everyProcess();
  const tree = all.filter((each) => each.pid === pid);
  // Grows while it is walked.
  for (const each of tree) tree.push(...all.filter(({ parent }) => parent === each.pid));
  return tree;
}

async function everyProcess(): Promise<Process[]> {
  const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger);
  // One that ended since it was listed has nothing more to say.
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')));
  return stats.flatMap((stat, index) => (stat === '' ? [] : [processOf(pids[index] ?? 0, stat)]));
}

/** The 4th field, and user and system time, the 14th to 17th. The second, the program's name, may hold anything. */
function processOf(pid: number, stat: string): Process {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user = 0, system = 0, waitedUser = 0, waitedSystem = 0] = fields.slice(11, 15).map(Number);
  const waitedTicks = waitedUser + waitedSystem;
  return { pid, parent: Number(fields[1]), ticks: user + system + waitedTicks, waitedTicks };
}
