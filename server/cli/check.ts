import type { Command } from 'commander';
import { composeCheck } from '../compose-commands.ts';
import { plainJson } from '../core/plain-json.ts';
import { check } from '../operations/check.ts';
import { baseOf, type CommonOptions, type ExitCode, failWith, missingBase, type Run } from './command.ts';
import { plural, printable, terminal } from './terminal.ts';

export function addCheck(program: Command, run: Run): void {
  program
    .command('check')
    .summary('report everything that is wrong with the control files')
    .description('Looks at all control files as they are now. Exit 1 on any error, so that CI and hooks can use it.')
    .action((_options: object, command: Command) => run(checkCommand(command.optsWithGlobals())));
}

async function checkCommand(options: CommonOptions): Promise<ExitCode> {
  const base = baseOf(options);
  const missing = missingBase(options);
  if (missing !== undefined) return failWith(options, missing);
  const problems = check(await composeCheck({ base, env: process.env, flags: {} }));
  const errors = problems.filter(({ severity }) => severity === 'error').length;
  if (options.json) terminal.out(plainJson({ ok: errors === 0, base, problems }));
  else {
    for (const { sentence, hint } of problems) terminal.err(`${printable(sentence)}\n  → ${printable(hint)}`);
    if (errors === 0) terminal.out(`${base}: ${resultOf(problems.length)}.`);
  }
  return errors === 0 ? 0 : 1;
}

function resultOf(warnings: number): string {
  if (warnings === 0) return 'nothing is wrong with the control files';
  return `no errors in the control files, ${plural(warnings, 'warning')}`;
}
