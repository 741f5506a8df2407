import type { Command } from 'commander';
import { hourOf, parseTagName } from '../../protocol/names.ts';
import { backfill, snapshotByHand } from '../operations/snapshot.ts';
import {
  actor,
  type CommonOptions,
  type ExitCode,
  fail,
  misuse,
  type Run,
  succeed,
  wholeNumber,
  withWorld,
} from './command.ts';
import { table } from './table.ts';
import { plural } from './terminal.ts';

interface Options extends CommonOptions {
  readonly hour?: string;
  readonly commit?: string;
  readonly backfill?: string;
}

export function addSnapshot(program: Command, run: Run): void {
  program
    .command('snapshot')
    .summary('make a tag by hand, or the tags of past hours from history')
    .description('Fetches, then makes one tag. It never replaces one. The server makes the hourly tags by itself.')
    .option('--hour <YYYYMMDDHH>', 'which hour, UTC (default: the current one)')
    .option('--commit <id>', 'which commit (default: the tip as it was at that hour)')
    .option('--backfill <hours>', 'make the tags of so many past hours from history; only before the first regular tag')
    .action((_options: object, command: Command) => run(snapshotCommand(command.optsWithGlobals())));
}

async function snapshotCommand(options: Options): Promise<ExitCode> {
  if (options.backfill !== undefined && (options.hour !== undefined || options.commit !== undefined))
    return misuse(options, '--backfill takes neither --hour nor --commit', 'its tags and commits follow from history');
  if (options.backfill !== undefined) return backfillCommand(options, options.backfill);
  const hour = options.hour === undefined ? undefined : parseHour(options.hour);
  if (options.hour !== undefined && hour === undefined)
    return misuse(options, `"${options.hour}" is no hour`, 'write it as YYYYMMDDHH, UTC, e.g. 2026112008');
  return withWorld('worker', options, async ({ context }) => {
    const made = await snapshotByHand(context, {
      ...(hour === undefined ? {} : { hour }),
      ...(options.commit === undefined ? {} : { commit: options.commit }),
      actor: actor(),
    });
    if (made.kind !== 'made') return fail(options, made);
    const { outcome, record } = made.made;
    return succeed(options, { outcome, record }, () => [
      `${record.name} ${outcome === 'created' ? 'is made' : 'exists already'}: ${record.commit.slice(0, 12)} "${record.subject}"${
        record.broken === null ? '' : `; it is broken and never served: ${record.broken}`
      }`,
    ]);
  });
}

/** More than a year of tags is no start. */
export const BACKFILL_HOURS = { min: 1, max: 9_999 };

async function backfillCommand(options: Options, text: string): Promise<ExitCode> {
  const hours = wholeNumber(text, BACKFILL_HOURS);
  if (hours === undefined)
    return misuse(options, `"${text}" is no number of hours`, `e.g. --backfill 24, at most ${BACKFILL_HOURS.max}`);
  return withWorld('worker', options, async ({ context }) => {
    const filled = await backfill(context, hours, actor());
    if (filled.kind === 'refused') return fail(options, filled);
    const made = filled.tags.filter((tag) => tag.outcome === 'created');
    return succeed(options, { tags: filled.tags, without: filled.without }, () => [
      `${plural(made.length, 'tag')} made from history.`,
      ...filled.without.map((sentence) => `No tag where the tip was another: ${sentence}.`),
      ...(made.length === 0
        ? []
        : [
            table(
              ['tag', 'commit', 'what'],
              made.map(({ record }) => [record.name, record.commit.slice(0, 12), record.subject]),
            ),
          ]),
    ]);
  });
}

function parseHour(text: string): number | undefined {
  const tag = /^\d{10}$/.test(text)
    ? parseTagName(`etchautotag-${text.slice(0, 8)}-${text.slice(8)}00`)
    : parseTagName(text);
  return tag === undefined ? undefined : hourOf(tag);
}
