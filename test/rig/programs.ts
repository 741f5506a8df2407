import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { onTestFinished } from 'vitest';

/** Every program that this process starts from now on, in order. `look` sees each as soon as it runs. */
export function programsStarted(look: (program: ChildProcess) => void = () => undefined): readonly ChildProcess[] {
  const started: ChildProcess[] = [];
  const note = (message: unknown): void => {
    if (!hasProcess(message)) return;
    const { process: program } = message;
    started.push(program);
    program.once('spawn', () => look(program));
  };
  subscribe('child_process', note);
  onTestFinished(() => {
    unsubscribe('child_process', note);
  });
  return started;
}

function hasProcess(message: unknown): message is { readonly process: ChildProcess } {
  return typeof message === 'object' && message !== null && 'process' in message;
}

/** What a program was started with, less the options of what only starts another: `git update-ref`, `flock`. */
export function wordsOf({ spawnargs }: ChildProcess): string {
  const git = spawnargs.indexOf('git');
  if (git === -1) return spawnargs[0] ?? '';
  const command = spawnargs.find((word, at) => at > git && !word.startsWith('-') && spawnargs[at - 1] !== '-c');
  return `git ${command}`;
}
