import { onTestFinished } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { until } from '../rig/until.ts';
import { HOSTS } from '../stories/train.ts';
import { currentTree, startClient } from './run-client.ts';

/** Lags no hours. */
export const DEV = HOSTS.dev;

export interface Watcher {
  readonly target: string;
  /** What it said so far. */
  readonly said: { readonly stdout: string; readonly stderr: string };
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<{ readonly code: number | null }>;
  /** Waits until its target has a file with this text. */
  has(path: string, text: string): Promise<void>;
  says(which: 'stdout' | 'stderr', pattern: RegExp): Promise<void>;
}

/** The real client, watching, as a process of its own. Applies at once unless told otherwise. */
export async function watching(url: string, { flags = ['--splay', '0'], target = '' } = {}): Promise<Watcher> {
  const place = target === '' ? await disposableDirectory() : target;
  const args = ['watch', '--server', url, '--hostname', DEV, '--target', place, ...flags];
  const { child, ended } = await startClient(args, { env: { JOURNAL_STREAM: '8:1' } });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const said = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name]?.on('data', (chunk: string) => (said[name] += chunk));
  return {
    target: place,
    said,
    kill: (signal) => void child.kill(signal),
    ended,
    async has(path, text) {
      await until(`${path} to be ${JSON.stringify(text)}`, async () => {
        if (child.exitCode !== null) throw new Error(`it ended: ${said.stderr}`);
        return (await currentTree(place))?.[path] === text || undefined;
      });
    },
    says: (which, pattern) =>
      until(`${pattern} on ${which}`, () => pattern.test(said[which]) || undefined).then(() => {}),
  };
}

/** What the repository of a train holds when an hour's tag is made. */
export const hour = (number: number): string => `hour ${number}\n`;
