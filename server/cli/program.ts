import { Command, CommanderError, Option } from 'commander';
import { VERSION } from '../version.ts';
import { addCheck } from './check.ts';
import { DEFAULT_BASE, type ExitCode, misuse, type Run } from './command.ts';
import { addCompletion } from './completion.ts';
import { addDiff } from './diff.ts';
import { addEnrolments } from './enrolments.ts';
import { addEvents } from './events.ts';
import { addExplain } from './explain.ts';
import { addForecast } from './forecast.ts';
import { addImportEtch } from './import-etch.ts';
import { addInit } from './init.ts';
import { addKill } from './kill.ts';
import { addMap } from './map.ts';
import { addMark } from './mark.ts';
import { addNodes } from './nodes.ts';
import { addNotify } from './notify.ts';
import { addPin } from './pin.ts';
import { addPreview } from './preview.ts';
import { addResume } from './resume.ts';
import { addServe } from './serve.ts';
import { addSnapshot } from './snapshot.ts';
import { addStatus } from './status.ts';
import { addTags } from './tags.ts';
import { terminal } from './terminal.ts';
import { addTest } from './test.ts';
import { addToken } from './token.ts';
import { addView } from './view.ts';
import { addWait } from './wait.ts';

/** Runs one command line and answers its exit code. */
export async function runProgram(argv: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = 0;
  let said = '';
  const run: Run = async (result) => {
    code = await result;
  };
  const program = buildProgram(run, (text) => {
    said += text;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return 0;
    return sayMisuse(said, argv.includes('--json'));
  }
}

function sayMisuse(said: string, json: boolean): 2 {
  const [first = '', ...rest] = said.trim().split(/\n+/);
  if (json) return misuse({ json }, first.replace(/^error: /, ''), rest.join(' '));
  terminal.err(said.trimEnd());
  return 2;
}

const ADD = [
  addServe,
  addInit,
  addImportEtch,
  addCheck,
  addTest,
  addSnapshot,
  addTags,
  addMark,
  addKill,
  addResume,
  addPin,
  addExplain,
  addView,
  addPreview,
  addDiff,
  addStatus,
  addMap,
  addForecast,
  addNodes,
  addWait,
  addEvents,
  addNotify,
  addToken,
  addEnrolments,
  addCompletion,
];

const BASE = `the directory of control files (default: TAGWAVE_BASE, or ${DEFAULT_BASE})`;
const JSON_OUTPUT = 'print one JSON object';

/** `writeErr` gets what commander says of a wrong call. */
export function buildProgram(run: Run, writeErr: (text: string) => void = terminal.err): Command {
  const program = new Command('tagwave-server')
    .description('Releases a git repository of configuration to a fleet in hourly tags, with a brake.')
    .version(VERSION, '--version', 'print the version')
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError('(--help shows how it is called)')
    .helpCommand(false)
    .configureOutput({ writeErr })
    .configureHelp({ sortSubcommands: false })
    // They are told with the commands, and may stand before them, too.
    .addOption(new Option('--base <dir>', BASE).hideHelp())
    .addOption(new Option('--json', JSON_OUTPUT).hideHelp());
  for (const addCommand of ADD) addCommand(program, run);
  for (const command of withParts(program)) command.option('--base <dir>', BASE).option('--json', JSON_OUTPUT);
  return program;
}

/** The commands, and those that are parts of one, as of `token`. */
function withParts({ commands }: Command): Command[] {
  return commands.flatMap((command) => [command, ...withParts(command)]);
}
