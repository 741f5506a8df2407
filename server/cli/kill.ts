import type { Command } from 'commander';
import { parseEnvironment } from '../../protocol/names.ts';
import { editorOf } from '../compose.ts';
import { killswitches, noteKillswitch, resume } from '../operations/kill.ts';
import { preview } from '../operations/preview.ts';
import { actor, baseOf, type CommonOptions, type ExitCode, fail, succeed, withApp, withWorld } from './command.ts';
import { previewLines } from './effect-lines.ts';
import { printable, terminal } from './terminal.ts';
import { killswitchLines, toldLines, toldSoFar } from './told.ts';

type Run = (code: Promise<ExitCode>) => Promise<void>;

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

async function killCommand(
  environment: string | null,
  options: CommonOptions & { message: string },
): Promise<ExitCode> {
  if (environment !== null && parseEnvironment(environment) === undefined) {
    fail(options, {
      sentence: `${JSON.stringify(environment)} cannot be an environment`,
      hint: 'tagwave-server kill, without a name, stops everything',
    });
    return 2;
  }
  const raised = await editorOf(baseOf(options)).raise(environment, options.message);
  if (!raised.ok) return fail(options, raised);
  if (!options.json) terminal.out(`${raised.value.path} exists: no host is given anything by it from now on.`);
  return withApp('editor', options, async ({ context }) => {
    noteKillswitch(context, actor());
    const { stops, lines } = await killswitchLines(context);
    const problems = context.desk.look();
    const warnings =
      problems.kind === 'ready'
        ? problems.controls.problems.filter((problem) => problem.id.startsWith('killswitch'))
        : [];
    return succeed(options, { ok: true, path: raised.value.path, killswitch: stops }, () => [
      ...warnings.map((problem) => `${problem.sentence} → ${problem.hint}`),
      ...lines,
      `To go on: tagwave-server resume${environment === null ? '' : ` ${environment}`}`,
    ]);
  });
}

export function addResume(program: Command, run: Run): void {
  program
    .command('resume')
    .summary('remove the killswitch')
    .description(
      'Shows what the killswitch says and which nodes will move, then removes the file, unless it changed in between.',
    )
    .argument('[environment]', 'the one in killswitch.d/ instead of the global one')
    .option('--dry-run', 'print the effect and stop there')
    .action((environment: string | undefined, _options: object, command: Command) =>
      run(resumeCommand(environment ?? null, command.optsWithGlobals())),
    );
}

function resumeCommand(environment: string | null, options: CommonOptions & { dryRun?: boolean }): Promise<ExitCode> {
  return withWorld('editor', options, async ({ context }, ready) => {
    const shown = context.editor.raised(environment);
    if (shown === null) {
      const others = killswitches(context).map((stop) => stop.environment ?? 'the global one');
      const hint = others.length === 0 ? 'nothing is stopped' : `stopped are: ${others.join(', ')}`;
      return succeed(options, { ok: true, changed: false }, () => [
        `There is no ${environment === null ? 'killswitch' : `killswitch.d/${environment}`}; ${hint}.`,
      ]);
    }
    const effect = await preview(context, { killswitch: [{ environment, on: false }] });
    if (!effect.ok) return fail(options, effect);
    if (!options.json) {
      terminal.out(`It says: ${shown.message === '' ? '(nothing)' : printable(shown.message)}`);
      for (const line of previewLines(effect.value)) terminal.out(line);
    }
    if (options.dryRun)
      return succeed(options, { ok: true, dryRun: true, shown, preview: effect.value }, () => [
        'Nothing was changed (--dry-run).',
      ]);
    const removed = await resume(context, { environment, shown: shown.version, by: actor() });
    if (!removed.ok) return fail(options, removed);
    const told = await toldSoFar(context, ready, effect.value);
    return succeed(options, { ok: true, changed: true, preview: effect.value, told }, () => [
      `${removed.value.path} is removed.`,
      ...toldLines(told, ready.controls.settings.fleet.silentAfterMinutes),
    ]);
  });
}
