import { readFileSync } from 'node:fs';

/** As Linux tells programs, whatever it counts by itself. */
const TICKS_PER_SECOND = 100;

/** How long this thread has kept a processor busy, in milliseconds, to 10 of them; 0 where that is not to be known. */
export function threadCpuMs(): number {
  try {
    const stat = readFileSync('/proc/thread-self/stat', 'latin1');
    const [user, system] = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13)
      .map(Number);
    return (((user ?? 0) + (system ?? 0)) * 1000) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}
