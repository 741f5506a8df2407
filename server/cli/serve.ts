import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { type App, compose, composeCheck } from '../compose.ts';
import { sentenceOf } from '../core/problem.ts';
import { check } from '../operations/check.ts';
import {
  baseOf,
  type CommonOptions,
  type ExitCode,
  fail,
  failWith,
  missingBase,
  type Run,
  succeed,
} from './command.ts';

interface Options extends CommonOptions {
  readonly listen?: string;
}

export function addServe(program: Command, run: Run): void {
  program
    .command('serve')
    .summary('answer hosts, and make the hourly tags')
    .description('Prints http://HOST:PORT when it is ready. Ends on SIGTERM or SIGINT, after requests under way.')
    .option('--listen <host:port>', 'where to listen (default: 127.0.0.1:8420; port 0 = any free one)')
    .action((_options: object, command: Command) => run(serveCommand(command.optsWithGlobals())));
}

async function serveCommand(options: Options): Promise<ExitCode> {
  const missing = missingBase(options);
  if (missing !== undefined) return failWith(options, missing);
  // Loaded here alone: the other commands start faster without the HTTP server.
  const { serverLog, startServer } = await import('../serve.ts');
  const log = serverLog();
  const stopped = stopSignal();
  const source = { base: baseOf(options), env: process.env, flags: flagsOf(options) };
  const composed = await compose({ ...source, role: 'server', log });
  if (!composed.ok) return refuse(options, source, composed.errors.map(sentenceOf));
  const { app } = composed;
  log.setLevel(app.settings.log.level);
  const started = await startServer(app);
  if (!started.ok) return fail(options, started);
  const { url, stop } = started.value;
  const first = await Promise.race([settled(app), stopped]);
  if (first?.kind === 'refused') {
    await stop();
    return refuse(options, source, first.sentences);
  }
  if (first !== undefined) succeed(options, { ok: true, url }, () => [url]);
  await stopped;
  await stop();
  return 0;
}

function flagsOf({ listen }: Options): { readonly listen?: string } {
  return listen === undefined ? {} : { listen };
}

/** All errors at once: also those of files that were not looked at when the first one was found. */
async function refuse(
  options: Options,
  source: Parameters<typeof composeCheck>[0],
  sentences: readonly string[],
): Promise<ExitCode> {
  const found = check(await composeCheck(source)).filter(({ severity }) => severity === 'error');
  const all = new Set([...sentences, ...found.map(({ sentence }) => sentence)]);
  return failWith(options, {
    sentences: [...all],
    hint: 'correct them and start again; "tagwave-server check" shows what is wrong with the control files',
  });
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

/**
 * Settles, with nothing, on the first SIGTERM or SIGINT; a second one ends the process. The listeners stay: a library that
 * cleans up after its child processes would else take it that nobody listens, and end us in the middle of stopping.
 */
function stopSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    let isStopping = false;
    const stop = (): void => {
      if (isStopping) process.exit(1);
      isStopping = true;
      resolve(undefined);
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  });
}
