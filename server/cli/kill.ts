import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { parseEnvironment } from '../../protocol/names.ts';
import { editorOf } from '../compose-commands.ts';
import { noteKillswitch } from '../operations/kill.ts';
import type { KillswitchStatus } from '../operations/overview.ts';
import {
  actor,
  baseOf,
  type CommonOptions,
  type ExitCode,
  fail,
  failWith,
  missingBase,
  openApp,
  type Run,
  readyWorld,
  succeed,
} from './command.ts';
import { printable, terminal } from './terminal.ts';
import { killswitchLines } from './told.ts';

interface Options extends CommonOptions {
  readonly message: string;
}

export function addKill(program: Command, run: Run): void {
  program
    .command('kill')
    .summary('stop everything, or one environment, at once')
    .description('Creates the killswitch file first, reading nothing else, and tells afterwards who is stopped.')
    .argument('[environment]', 'only this one; a name that is no environment stops everything')
    .option('--message <text>', 'what hosts and people are told', '')
    .action((environment: string | undefined, _options: object, command: Command) =>
      run(killCommand(environment ?? null, command.optsWithGlobals())),
    );
}

async function killCommand(named: string | null, options: Options): Promise<ExitCode> {
  const environment = named === null ? null : (parseEnvironment(named.trim().toLowerCase()) ?? null);
  if (named !== null && environment === null && !options.json)
    terminal.err(`${JSON.stringify(printable(named))} cannot be an environment, so everything is stopped.`);
  const raised = await editorOf(baseOf(options)).raise(environment, options.message);
  if (!raised.ok) {
    const missing = missingBase(options);
    return missing === undefined ? fail(options, raised) : failWith(options, missing);
  }
  const { path, warning } = raised.value;
  if (!options.json) terminal.out(`${path} exists: no host is given anything by it from now on.`);
  if (!options.json && warning !== undefined) terminal.err(`${path}: ${warning}`);
  const told = await whoIsStopped(options);
  return succeed(options, { ok: true, path, ...(warning === undefined ? {} : { warning }), ...resultOf(told) }, () => [
    ...told.lines,
    `To go on: tagwave-server resume${environment === null ? '' : ` ${environment}`}${baseFlag(options)}`,
  ]);
}

/** So that the line can be pasted as it is. */
function baseFlag({ base }: Options): string {
  return base === undefined ? '' : ` --base ${base}`;
}

interface Telling {
  readonly killswitch: readonly KillswitchStatus[];
  /** Why it could not be worked out; null where it was. */
  readonly unknown: string | null;
  readonly lines: readonly string[];
}

function resultOf({ killswitch, unknown }: Telling): Omit<Telling, 'lines'> {
  return { killswitch, unknown };
}

/** Everything is stopped by now: whoever asked need not wait for a fleet that cannot be counted. */
const PATIENCE_MS = 5_000;

async function whoIsStopped(options: Options): Promise<Telling> {
  const timer = new AbortController();
  const late = delay(PATIENCE_MS, undefined, { signal: timer.signal }).catch(() => undefined);
  const told = await Promise.race([tell(options), late]);
  timer.abort();
  return told ?? notKnown(`it took longer than ${PATIENCE_MS / 1000} s`);
}

async function tell(options: Options): Promise<Telling> {
  try {
    const opened = await openApp('editor', options);
    if (!opened.ok) return notKnown(opened.sentences.join('; '));
    const { context } = opened.app;
    noteKillswitch(context, { actor: actor(), why: options.message === '' ? null : options.message });
    const ready = await readyWorld(opened.app);
    if (ready.kind === 'not-ready') return notKnown(ready.sentence);
    const { stops, lines } = await killswitchLines(context, ready);
    await opened.app.close();
    return { killswitch: stops, unknown: null, lines };
  } catch (error) {
    return notKnown(error instanceof Error ? error.message : String(error));
  }
}

function notKnown(why: string): Telling {
  const lines = [
    `Who has been told is not known: ${why}.`,
    '→ "tagwave-server status" shows it when it can be read again',
  ];
  return { killswitch: [], unknown: why, lines };
}
