import type { Command } from 'commander';
import { parseHostname } from '../../protocol/names.ts';
import type { Decision } from '../core/decide.ts';
import { parseInstant } from '../core/pin-tag.ts';
import { type Explanation, explain } from '../operations/explain.ts';
import { type CommonOptions, type ExitCode, fail, misuse, type Run, succeed, withWorld } from './command.ts';
import { printable } from './terminal.ts';

export function addExplain(program: Command, run: Run): void {
  program
    .command('explain')
    .summary('why a host gets, got or will get what it does')
    .argument('<host>', 'host name')
    .option('--at <time>', 'in the past as it was, in the future with one unmarked tag an hour; e.g. 2026-11-20T14:00Z')
    .action((host: string, _options: object, command: Command) => run(explainCommand(host, command.optsWithGlobals())));
}

async function explainCommand(host: string, options: CommonOptions & { at?: string }): Promise<ExitCode> {
  const hostname = parseHostname(host);
  const at = options.at === undefined ? undefined : parseInstant(options.at);
  if (hostname === undefined)
    return misuse(
      options,
      `${JSON.stringify(host)} is no host name`,
      'letters, digits and hyphens, in labels of at most 63, separated by dots',
    );
  if (options.at !== undefined && at === undefined)
    return misuse(options, `"${options.at}" is no time`, 'write it like 2026-11-21T08:00Z');
  return withWorld('reader', options, async ({ context }) => {
    const explained = await explain(context, hostname, at).catch(historyUnreadable);
    return explained.ok
      ? succeed(options, explained.value, () => explanationLines(explained.value))
      : fail(options, explained);
  });
}

function historyUnreadable(error: unknown) {
  const sentence = `the history cannot be read: ${error instanceof Error ? error.message : String(error)}`;
  return { ok: false, sentence, hint: 'what holds now can be explained without' } as const;
}

function explanationLines({ hostname, at, environment, wave, groups, decision, notes }: Explanation): string[] {
  const where = wave === '' ? 'wave unknown' : `${environment}, wave ${wave}`;
  return [
    `${hostname} at ${at}: ${decisionText(decision)}`,
    `  ${where}; groups: ${groups.length === 0 ? 'none' : groups.join(', ')}`,
    ...decision.reasons.map((reason) => `  · ${printable(reason)}`),
    ...(decision.outcome === 'serve' ? [] : [`  → ${printable(decision.message)}`]),
    ...notes.map((note) => `  (${note})`),
  ];
}

function decisionText(decision: Decision): string {
  if (decision.outcome === 'serve') return decision.tag;
  return decision.outcome === 'hold' ? `hold ${decision.hold}` : 'killswitch';
}
