import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { type App, compose } from '../compose.ts';
import { sentenceOf } from '../core/problem.ts';
import { baseOf, type CommonOptions, type ExitCode, fail, failWith } from './command.ts';
import { terminal } from './terminal.ts';

interface Options extends CommonOptions {
  readonly listen?: string;
}

export function addServe(program: Command, run: (code: Promise<ExitCode>) => Promise<void>): void {
  program
    .command('serve')
    .summary('answer hosts, and make the hourly tags')
    .description('Prints http://HOST:PORT when it is ready. Ends on SIGTERM or SIGINT, after requests under way.')
    .option('--listen <host:port>', 'where to listen (default: 127.0.0.1:8420; port 0 = any free one)')
    .action((_options: object, command: Command) => run(serveCommand(command.optsWithGlobals())));
}

async function serveCommand(options: Options): Promise<ExitCode> {
  const flags = options.listen === undefined ? {} : { listen: options.listen };
  // Loaded here alone: the other commands start faster without the HTTP server.
  const { serverLog, startServer } = await import('../serve.ts');
  const log = serverLog();
  const stopped = stopSignal();
  const composed = await compose({ base: baseOf(options), env: process.env, flags, role: 'server', log });
  if (!composed.ok)
    return failWith(options, composed.errors.map(sentenceOf), 'correct them; "tagwave-server check" shows all errors');
  const { app } = composed;
  log.setLevel(app.settings.log.level);
  const started = await startServer(app);
  if (!started.ok) return fail(options, started);
  const running = started.value;
  const first = await Promise.race([settled(app), stopped]);
  if (first !== undefined && first.kind === 'refused') {
    await running.stop();
    return failWith(
      options,
      first.sentences,
      'there is no last valid text to go by: correct the files and start again',
    );
  }
  if (first !== undefined) terminal.out(running.url);
  await stopped;
  await running.stop();
  return 0;
}

/** The control files are settled, or invalid without anything to fall back on. */
async function settled({ context }: App): Promise<{ kind: 'ready' } | { kind: 'refused'; sentences: string[] }> {
  for (;;) {
    const state = context.desk.look();
    if (state.kind === 'ready') return { kind: 'ready' };
    if (state.kind === 'refused') return { kind: 'refused', sentences: state.errors.map(sentenceOf) };
    await delay(20);
  }
}

/** Settles, with nothing, on the first SIGTERM or SIGINT. A second one ends the process the usual way. */
function stopSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(undefined));
  });
}
