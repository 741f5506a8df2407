import type { Command } from 'commander';
import { parseHostPattern } from '../core/globs.ts';
import { parseInstant, parsePinTag } from '../core/pin-tag.ts';
import type { NewPin } from '../core/pins.ts';
import { pin } from '../operations/pin.ts';
import { preview } from '../operations/preview.ts';
import { actor, type CommonOptions, type ExitCode, fail, misuse, type Run, succeed, withWorld } from './command.ts';
import { previewLines } from './effect-lines.ts';
import { terminal } from './terminal.ts';
import { toldLines, toldSoFar } from './told.ts';

interface Options extends CommonOptions {
  readonly until?: string;
  readonly reason?: string;
  readonly dryRun?: boolean;
}

export function addPin(program: Command, run: Run): void {
  program
    .command('pin')
    .summary('give a host, or all that match a pattern, one tag')
    .description(
      'Edits pins. Prints first who moves from what to what, then acts. A pinned host gets its tag even when it is marked.',
    )
    .argument('<host>', 'host name, or pattern: * within a label, ** across dots')
    .argument('<tag>', 'etchautotag-YYYYMMDD-HH00, trunk, or trunk-YYYYMMDD-HHMM')
    .option('--until <time>', 'when it ends, e.g. 2026-11-21T08:00Z')
    .option('--reason <text>', 'why; it is kept in pins')
    .option('--dry-run', 'print the effect and stop there')
    .action((host: string, tag: string, _options: Options, command: Command) =>
      run(pinCommand(host, tag, command.optsWithGlobals())),
    );
  program
    .command('unpin')
    .summary('take the pin of a host or pattern off')
    .argument('<host>', 'as it stands in pins')
    .option('--reason <text>', 'why; it is kept in the history')
    .option('--dry-run', 'print the effect and stop there')
    .action((host: string, _options: Options, command: Command) =>
      run(changePin(host, null, command.optsWithGlobals())),
    );
}

async function pinCommand(host: string, tagText: string, options: Options): Promise<ExitCode> {
  const tag = parsePinTag(tagText);
  const until = options.until === undefined ? undefined : parseInstant(options.until);
  if (tag === undefined)
    return misuse(options, `"${tagText}" is nothing to pin to`, 'name a tag, trunk, or trunk-YYYYMMDD-HHMM');
  if (options.until !== undefined && until === undefined)
    return misuse(options, `"${options.until}" is no time`, 'write it like 2026-11-21T08:00Z');
  if (until !== undefined && until <= Date.now())
    return misuse(options, `${options.until} is over: the pin would not count`, 'name a time to come');
  const change: NewPin = {
    tag,
    ...(until === undefined ? {} : { until }),
    ...(options.reason === undefined ? {} : { reason: options.reason }),
  };
  return changePin(host, change, options);
}

async function changePin(hostText: string, change: NewPin | null, options: Options): Promise<ExitCode> {
  const host = hostText.toLowerCase();
  if (parseHostPattern(host) === undefined)
    return misuse(
      options,
      `"${hostText}" is neither a host name nor a pattern`,
      'a pattern is a host name with * within a label or ** across dots',
    );
  return withWorld('editor', options, async ({ context }, ready) => {
    const effect = await preview(context, { pins: [{ host, pin: change }] });
    if (!effect.ok) return fail(options, effect);
    if (!options.json) for (const line of previewLines(effect.value)) terminal.out(line);
    if (options.dryRun)
      return succeed(options, { ok: true, dryRun: true, preview: effect.value }, () => [
        'Nothing was changed (--dry-run).',
      ]);
    const edited = await pin(context, { host, pin: change, why: options.reason ?? null, actor: actor() });
    if (!edited.ok) return fail(options, edited);
    const told = await toldSoFar(context, ready, effect.value);
    return succeed(options, { ok: true, ...edited.value, preview: effect.value, told }, () => [
      pinLine(host, change, edited.value.changed),
      ...toldLines(told, ready.controls.settings.fleet.silentAfterMinutes),
    ]);
  });
}

function pinLine(host: string, change: NewPin | null, changed: boolean): string {
  if (!changed)
    return change === null
      ? `${host} has no pin of its own: nothing to change.`
      : `${host} is already pinned so: nothing to change.`;
  const counts = 'it counts once pins has been unchanged for a moment';
  return change === null
    ? `The pin of ${host} is taken off; ${counts}.`
    : `${host} is pinned to ${change.tag}; ${counts}.`;
}
