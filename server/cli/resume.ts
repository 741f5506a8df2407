import type { Command } from 'commander';
import type { Context } from '../operations/context.ts';
import { type KillswitchShown, killswitches, resume } from '../operations/kill.ts';
import { type Preview, preview } from '../operations/preview.ts';
import { actor, type CommonOptions, type ExitCode, fail, misuse, type Run, succeed, withWorld } from './command.ts';
import { previewLines } from './effect-lines.ts';
import { printable, terminal } from './terminal.ts';
import { toldLines, toldSoFar } from './told.ts';

interface Options extends CommonOptions {
  readonly reason?: string;
  readonly dryRun?: boolean;
}

export function addResume(program: Command, run: Run): void {
  program
    .command('resume')
    .summary('remove the killswitch')
    .description(
      'Shows what the killswitch says and which nodes will move, then removes the file, unless it changed in between.',
    )
    .argument('[environment]', 'the one in killswitch.d/ instead of the global one')
    .option('--reason <text>', 'why; it is kept in the history')
    .option('--dry-run', 'print the effect and stop there')
    .action((environment: string | undefined, _options: object, command: Command) =>
      run(resumeCommand(environment ?? null, command.optsWithGlobals())),
    );
}

async function resumeCommand(environment: string | null, options: Options): Promise<ExitCode> {
  if (environment !== null && (/[/\0]/.test(environment) || ['', '.', '..'].includes(environment)))
    return misuse(options, `${JSON.stringify(environment)} is no name of a file`, 'name a file in killswitch.d/');
  return withWorld('editor', options, async ({ context }, ready) => {
    const shown = context.editor.raised(environment);
    if (shown === null) {
      const line = `There is no ${nameOf(environment)}; ${stillStopped(context)}.`;
      return succeed(options, { ok: true, changed: false }, () => [line]);
    }
    const effect = await preview(context, { killswitch: [{ environment, on: false }] });
    if (!effect.ok) return fail(options, effect);
    show(options, shown, effect.value);
    if (options.dryRun)
      return succeed(options, { ok: true, dryRun: true, shown, preview: effect.value }, () => [
        'Nothing was changed (--dry-run).',
      ]);
    const { reason } = options;
    const order = { environment, shown: shown.version, actor: actor() };
    const removed = await resume(context, { ...order, ...(reason === undefined ? {} : { reason }) });
    if (!removed.ok) return fail(options, removed);
    const told = await toldSoFar(context, ready, effect.value);
    return succeed(options, { ok: true, changed: true, shown, preview: effect.value, told }, () => [
      `${removed.value.path} is removed; ${stillStopped(context)}.`,
      ...toldLines(told, ready.controls.settings.fleet.silentAfterMinutes),
    ]);
  });
}

function show({ json }: Options, { message }: Pick<KillswitchShown, 'message'>, effect: Preview): void {
  if (json) return;
  terminal.out(`It says: ${message === '' ? '(nothing)' : printable(message)}`);
  for (const line of previewLines(effect)) terminal.out(line);
}

/** What stops hosts now, in the middle of a sentence. */
function stillStopped(context: Context): string {
  const files = killswitches(context).map((stop) => nameOf(stop.environment));
  const { doubt } = context.files.killswitch();
  const stopping = [...files, ...(doubt === null ? [] : [doubt])];
  return stopping.length === 0 ? 'nothing is stopped' : `this stops hosts: ${stopping.join(', ')}`;
}

function nameOf(environment: string | null): string {
  return environment === null ? 'killswitch' : `killswitch.d/${environment}`;
}
