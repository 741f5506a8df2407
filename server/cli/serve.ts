import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { type Command, Option } from 'commander';
import { compose, settingsAtStart } from '../compose.ts';
import { sentenceOf } from '../core/problem.ts';
import type { Settings } from '../settings/settings.ts';
import { type ExitCode, fail, failWith, missingBase, type Run, succeed } from './command.ts';
import { stopSignal } from './signals.ts';
import { refuse, type ServeOptions, settled, sourceOf, tellOfProcess } from './starting.ts';

export function addServe(program: Command, run: Run): void {
  program
    .command('serve')
    .summary('answer hosts, and make the hourly tags')
    .description(
      'Prints http://HOST:PORT when it is ready. Ends on SIGTERM or SIGINT, after requests under way. With several workers, SIGHUP restarts them one after the other.',
    )
    .option('--listen <host:port>', 'where to listen (default: 127.0.0.1:8420; port 0 = any free one)')
    .addOption(new Option('--as <part>').choices(['head', 'door']).hideHelp())
    .action((_options: object, command: Command) => run(serveCommand(command.optsWithGlobals())));
}

async function serveCommand(options: ServeOptions): Promise<ExitCode> {
  const missing = missingBase(options);
  if (missing !== undefined) return failWith(options, missing);
  setFlagsFromString(LITTLE_GARBAGE);
  // Each loaded alone: the other commands start faster without the HTTP server, and a door without what it does not need.
  if (options.as === 'head') return (await import('./serve-head.ts')).serveHead(options);
  if (options.as === 'door') return (await import('./serve-door.ts')).serveDoor();
  const settings = await settingsAtStart(sourceOf(options));
  const doors = doorsOf(settings);
  if (settings === undefined || doors === 1) return serveAlone(options);
  return (await import('./serve-workers.ts')).serveWorkers(options, { settings, doors });
}

/** In percent of what is in use: V8 would let garbage grow to several times that, and a server seldom has reason to collect it. */
const LITTLE_GARBAGE = '--heap-growing-percent=30';

const NOTHING_RESTARTED = {
  message: 'nothing was restarted on SIGHUP: one process does everything here; control files are read without it, too',
  hint: 'to restart without a failed poll, write workers: 2 (or more, or auto) in server.yml and restart once',
};

/** How many processes are to answer. */
function doorsOf(settings: Settings | undefined): number {
  const workers = settings?.workers ?? 1;
  return workers === 'auto' ? availableParallelism() : workers;
}

/** One process that does everything. */
async function serveAlone(options: ServeOptions): Promise<ExitCode> {
  const { startServer } = await import('../serve.ts');
  const { serverLog } = await import('../server-log.ts');
  const log = serverLog();
  const stopped = stopSignal();
  const composed = await compose({ ...sourceOf(options), role: 'server', log });
  if (!composed.ok) return refuse(options, composed.errors.map(sentenceOf));
  const { app } = composed;
  log.setLevel(app.settings.log.level);
  tellOfProcess(app);
  process.on('SIGHUP', () => log.warn(NOTHING_RESTARTED.message, { hint: NOTHING_RESTARTED.hint }));
  const started = await startServer(app);
  if (!started.ok) return fail(options, started);
  const { url, stop } = started.value;
  const first = await Promise.race([settled(app), stopped]);
  if (first?.kind === 'refused') {
    await stop();
    return refuse(options, first.sentences);
  }
  if (first !== undefined) succeed(options, { ok: true, url }, () => [url]);
  await stopped;
  await stop();
  return 0;
}
