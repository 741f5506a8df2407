import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { composeCheck } from '../compose.ts';
import { type CaseResult, parseCases, runCase } from '../core/cases.ts';
import { sentenceOf } from '../core/problem.ts';
import { check } from '../operations/check.ts';
import { baseOf, type CommonOptions, type ExitCode, fail, failWith, succeed } from './command.ts';
import { plural, printable, terminal } from './terminal.ts';

type Run = (code: Promise<ExitCode>) => Promise<void>;

export function addCheck(program: Command, run: Run): void {
  program
    .command('check')
    .summary('report everything that is wrong with the control files')
    .description('Looks at all control files as they are now. Exit 1 on any error, so that CI and hooks can use it.')
    .action((_options: object, command: Command) => run(checkCommand(command.optsWithGlobals())));
}

async function checkCommand(options: CommonOptions): Promise<ExitCode> {
  const base = baseOf(options);
  const problems = check(await composeCheck({ base, env: process.env, flags: {} }));
  if (problems.length === 0)
    return succeed(options, { ok: true, problems }, () => [`${base}: nothing is wrong with the control files.`]);
  if (options.json) terminal.out(JSON.stringify({ ok: false, problems }));
  else for (const { sentence, hint } of problems) terminal.err(`${printable(sentence)}\n  → ${printable(hint)}`);
  return 1;
}

export function addTest(program: Command, run: Run): void {
  program
    .command('test')
    .summary('run decision cases against the decision')
    .description('Each file holds cases: now, tags, tagstate, wave, and what is expected. Exit 1 on any difference.')
    .argument('<file...>', 'JSON or YAML')
    .action((files: string[], _options: object, command: Command) =>
      run(testCommand(files, command.optsWithGlobals())),
    );
}

async function testCommand(files: readonly string[], options: CommonOptions): Promise<ExitCode> {
  const results: CaseResult[] = [];
  for (const file of files) {
    const text = await readText(file);
    if (typeof text !== 'string') return fail(options, text);
    const cases = parseCases(text, file);
    if (!cases.ok) return failWith(options, cases.errors.map(sentenceOf), `correct ${file}`);
    results.push(...cases.value.map(runCase));
  }
  const failed = results.filter((result) => !result.passed);
  if (options.json)
    terminal.out(
      JSON.stringify({ passed: results.length - failed.length, failed: failed.length, differences: failed }),
    );
  else {
    for (const result of failed) for (const line of differenceLines(result)) terminal.out(printable(line));
    terminal.out(
      `${plural(results.length, 'case')}: ${results.length - failed.length} as expected, ${failed.length} not.`,
    );
  }
  return failed.length === 0 ? 0 : 1;
}

function differenceLines({ name, expected, got, reasons }: CaseResult): string[] {
  return [
    name,
    `  expected  ${wordsOf(expected)}`,
    `  got       ${wordsOf(got)}`,
    ...reasons.map((reason) => `  · ${reason}`),
  ];
}

function wordsOf(answer: string | object): string {
  return typeof answer === 'string' ? answer : Object.values(answer).join(' ');
}

async function readText(file: string): Promise<string | { sentence: string; hint: string }> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    return {
      sentence: `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      hint: 'name a file of cases',
    };
  }
}
