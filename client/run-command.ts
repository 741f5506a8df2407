import type { StopSignals } from './adapters/stop-signals.ts';
import { poll } from './commands/poll.ts';
import { readRequest } from './commands/program.ts';
import { openTerminal, type Streams, withTimes } from './terminal.ts';

export interface Invocation {
  /** Without the program's own name. */
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly streams: Streams;
  /** Called when there is something that can be stopped. */
  listenForStop(): StopSignals;
  /** The file that Node was started with. */
  readonly script?: string | undefined;
}

const QUIET = { verbose: false, json: false } as const;

/** Carries out one command line. Answers the exit code. All but `poll`, which starts most often, is loaded when it is wanted. */
export async function runCommand({ args, env, streams, listenForStop, script }: Invocation): Promise<number> {
  const request = await readRequest(args, env);
  switch (request.kind) {
    case 'help':
      openTerminal(QUIET, streams).out(request.text);
      return 0;
    case 'usage':
      openTerminal(QUIET, streams).err(request.text);
      return 2;
    case 'command':
      break;
  }
  const { settings, own } = request;
  const terminal = openTerminal({ ...settings, isPlain: isWithoutColour(env) }, streams);
  switch (request.command) {
    case 'status':
      return (await import('./commands/status.ts')).status(settings, terminal);
    case 'watch': {
      const { watch } = await import('./commands/watch.ts');
      const { listenForWake } = await import('./adapters/wake-signal.ts');
      const isPlain = settings.json || env['JOURNAL_STREAM'] !== undefined;
      return watch({
        settings,
        terminal: isPlain ? terminal : withTimes(terminal, () => new Date()),
        stop: listenForStop(),
        wake: listenForWake(process.stderr.isTTY),
        random: Math.random,
      });
    }
    case 'rollback': {
      const { rollback } = await import('./commands/rollback.ts');
      return rollback({ settings, terminal, stop: listenForStop(), own });
    }
    case 'resume':
      return (await import('./commands/resume.ts')).resume({ settings, terminal, stop: listenForStop() });
    case 'restore':
      return (await import('./commands/restore.ts')).restoreCommand({ settings, own, words: request.words, terminal });
    case 'enroll':
      return (await import('./commands/enroll.ts')).enroll({ settings, own, terminal, stop: listenForStop() });
    case 'update':
      return (await import('./commands/update.ts')).update({ settings, own, terminal, stop: listenForStop(), script });
    case 'install':
      return (await import('./commands/install.ts')).install({ settings, own, terminal });
    case 'diff':
    case 'poll':
      return poll({ settings, terminal, stop: listenForStop(), retry: own['retry'] === true });
  }
}

/** https://no-color.org: whatever it says, if it says anything. */
function isWithoutColour(env: NodeJS.ProcessEnv): boolean {
  return (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
}
