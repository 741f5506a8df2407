import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { type CaseResult, parseCases, runCase } from '../core/cases.ts';
import { plainJson } from '../core/plain-json.ts';
import { sentenceOf } from '../core/problem.ts';
import { type CommonOptions, type ExitCode, failWith, type Run } from './command.ts';
import { plural, printable, terminal } from './terminal.ts';

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

/** A case that came out otherwise than expected. */
interface Difference extends Omit<CaseResult, 'passed'> {
  readonly file: string;
}

async function testCommand(files: readonly string[], options: CommonOptions): Promise<ExitCode> {
  const errors: string[] = [];
  const differences: Difference[] = [];
  let count = 0;
  for (const file of files) {
    const cases = await casesIn(file);
    if (!cases.ok) errors.push(...cases.sentences);
    else count += cases.value.length;
    for (const { passed, ...result } of cases.ok ? cases.value.map(runCase) : [])
      if (!passed) differences.push({ file, ...result });
  }
  if (errors.length > 0)
    return failWith(options, { sentences: errors, hint: 'correct the files of cases; none was judged' });
  const passed = count - differences.length;
  if (options.json)
    terminal.out(plainJson({ ok: differences.length === 0, passed, failed: differences.length, differences }));
  else {
    for (const difference of differences) for (const line of linesOf(difference)) terminal.out(printable(line));
    terminal.out(`${plural(count, 'case')}: ${passed} as expected, ${differences.length} not.`);
  }
  return differences.length === 0 ? 0 : 1;
}

function linesOf({ file, name, expected, got, reasons }: Difference): string[] {
  return [
    `${file}: ${name}`,
    `  expected  ${expected}`,
    `  got       ${got}`,
    ...reasons.map((reason) => `  · ${reason}`),
  ];
}

type Cases =
  | { readonly ok: true; readonly value: Parameters<typeof runCase>[0][] }
  | { readonly ok: false; readonly sentences: readonly string[] };

async function casesIn(file: string): Promise<Cases> {
  try {
    const cases = parseCases(await readFile(file, 'utf8'), file);
    return cases.ok ? cases : { ok: false, sentences: cases.errors.map(sentenceOf) };
  } catch (error) {
    return { ok: false, sentences: [`${file} cannot be read: ${error instanceof Error ? error.message : error}`] };
  }
}
