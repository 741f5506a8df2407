import { execa } from 'execa';
import type { Attempt } from '../../ports/common.ts';
import type { LockingCommand } from '../lock.ts';
import { GitFailed } from './git-failed.ts';

/** The repository's lock could not be had; the message says who has it, and what to do. */
export class LockedOut extends Error {
  override readonly name = 'LockedOut';
}

export function lockedOut({ sentence, hint }: Extract<Attempt<never>, { ok: false }>): LockedOut {
  return new LockedOut(`${sentence}. ${hint}`);
}

export interface Transaction {
  /** Resolves when git has the lock and waits for lines. Rejects with `LockedOut` where somebody else keeps it. */
  begun(): Promise<void>;
  /** Resolves when all lines have taken effect, the lock still being held; rejects with `GitFailed` where none has. */
  apply(lines: readonly string[]): Promise<void>;
  /** Releases the lock, and gives up what was not applied. Resolves when git has ended; never rejects. */
  end(): Promise<void>;
}

/**
 * A `git update-ref --stdin` that holds the repository's lock for as long as it runs. Where we are killed its input ends, by
 * which it ends too: an open transaction has no effect then.
 */
export function beginTransaction(command: LockingCommand, env: Readonly<Record<string, string>>): Transaction {
  const [program, ...args] = command.words;
  const child = execa(program, args, {
    env,
    extendEnv: false,
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
    buffer: { stdout: false, stderr: true },
    reject: false,
  });
  // Where git has died, its end says so.
  child.stdin.on('error', () => undefined);
  const said = linesOf(child.stdout);

  // A pipe that nobody reads to its end would never let go.
  const ended = async () => {
    while ((await said.next()).done !== true);
    return child;
  };
  const expect = async (line: string): Promise<void> => {
    if ((await said.next()).value === line) return;
    const result = await ended();
    const refusal = command.refusal(result.exitCode);
    if (refusal !== undefined) throw lockedOut(refusal);
    const end = result.originalMessage ?? result.signal ?? `exit code ${result.exitCode}`;
    throw new GitFailed({
      args: args.slice(args.indexOf('git') + 1),
      end: `${end}`,
      stdout: '',
      stderr: result.stderr,
    });
  };
  const started = expect('start: ok');
  // Whoever asks is told.
  started.catch(() => undefined);
  child.stdin.write('start\n');

  return {
    begun: () => started,
    async apply(lines) {
      child.stdin.write(`${lines.map((line) => `${line}\n`).join('')}commit\n`);
      await expect('commit: ok');
    },
    async end() {
      child.stdin.end();
      await ended();
    },
  };
}

async function* linesOf(stream: AsyncIterable<Buffer | string>): AsyncGenerator<string, undefined> {
  let held = '';
  for await (const chunk of stream) {
    held += chunk.toString();
    const lines = held.split('\n');
    held = lines.pop() ?? '';
    yield* lines;
  }
  return undefined;
}
