import { Command, CommanderError } from 'commander';
import { addCheck, addTest } from './check.ts';
import { DEFAULT_BASE, type ExitCode } from './command.ts';
import { addInit } from './init.ts';
import { addKill, addResume } from './kill.ts';
import { addEvents, addExplain, addNodes, addStatus, addTags } from './look.ts';
import { addMark } from './mark.ts';
import { addPin } from './pin.ts';
import { addPreview } from './preview.ts';
import { addServe } from './serve.ts';
import { addSnapshot } from './snapshot.ts';

/** Runs one command line and answers its exit code. */
export async function runProgram(argv: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = 0;
  const run = async (result: Promise<ExitCode>): Promise<void> => {
    code = await result;
  };
  try {
    await buildProgram(run).parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    throw error;
  }
}

export function buildProgram(run: (code: Promise<ExitCode>) => Promise<void>): Command {
  const program = new Command('tagwave-server')
    .description('Releases a git repository of configuration to a fleet in hourly tags, with a brake.')
    .exitOverride()
    .showSuggestionAfterError()
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true, sortSubcommands: false });
  const add = [
    addServe,
    addInit,
    addCheck,
    addTest,
    addSnapshot,
    addTags,
    addMark,
    addKill,
    addResume,
    addPin,
    addExplain,
    addPreview,
    addStatus,
    addNodes,
    addEvents,
  ];
  for (const addCommand of add) addCommand(program, run);
  for (const command of program.commands) {
    command
      .option('--base <dir>', `the directory of control files (default: TAGWAVE_BASE, or ${DEFAULT_BASE})`)
      .option('--json', 'print one JSON object');
    command.exitOverride().showHelpAfterError('(--help shows how it is called)');
  }
  return program;
}
