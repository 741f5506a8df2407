import { readFileSync, rmSync, writeFileSync } from 'node:fs';

export function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/** The kernel's number for the process and the moment it began, which no other process has. */
export function noteStart(note: string, pid: number | undefined): void {
  const began = pid === undefined ? undefined : beginningOf(pid);
  try {
    if (began !== undefined) writeFileSync(note, `${pid} ${began}\n`);
  } catch {
    // Only a later run after a crash would have needed it.
  }
}

function beginningOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** Ends a hook that outlived the run that started it: the same hook is about to run again. Only under the lock. */
export function endForgottenHook(note: string): void {
  let text: string;
  try {
    text = readFileSync(note, 'latin1');
  } catch {
    return;
  }
  const [, pid, began] = /^(\d+) (\d+)\n$/.exec(text) ?? [];
  if (pid !== undefined && began === beginningOf(Number(pid))) killGroup(Number(pid), 'SIGKILL');
  rmSync(note, { force: true });
}
