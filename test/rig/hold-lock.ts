import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';

/** A process that holds the lock on a file or directory, until the test ends or it is let go. */
export async function holdLock(path: string): Promise<() => Promise<void>> {
  const holder = spawn('flock', [path, 'sh', '-c', 'echo held; cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(holder, 'exit');
  const letGo = async (): Promise<void> => {
    holder.stdin.end();
    await ended;
  };
  onTestFinished(letGo);
  await once(holder.stdout, 'data');
  return letGo;
}
