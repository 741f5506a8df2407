import type { Command } from 'commander';
import type { TrainMap } from '../../protocol/api/train.ts';
import { parseInstant } from '../core/pin-tag.ts';
import type { Context } from '../operations/context.ts';
import { refreshSignatureProblems } from '../operations/fetch.ts';
import { refreshTagProblems } from '../operations/refresh-shelf.ts';
import { refreshCredentialProblems } from '../operations/tokens-problems.ts';
import { type MapOutcome, trainMap } from '../operations/train-map.ts';
import {
  type CommonOptions,
  type ExitCode,
  fail,
  misuse,
  type Run,
  succeed,
  wholeNumber,
  withWorld,
} from './command.ts';
import { forecastTable } from './forecast-drawing.ts';
import { type Ink, ink, type Line } from './ink.ts';
import { commitsTable } from './map-commits.ts';
import { type Drawn, drawMap, type Sheet } from './map-drawing.ts';
import { symbolsFor } from './map-symbols.ts';
import { allProblems } from './server-problems.ts';
import { table } from './table.ts';
import { terminalWidth } from './terminal.ts';

interface Options extends CommonOptions {
  readonly hours: string;
  readonly ahead: string;
  readonly at?: string;
}

const MOST_HOURS = 720;
const MOST_AHEAD = 72;
/** A person waits for a map that says how much was changed; a large change takes longer. */
const PATIENCE_MS = 2_000;
const COMMITS = 8;

export function addMap(program: Command, run: Run): void {
  program
    .command('map')
    .summary('the train map: which tags there are, where each wave is, and what comes next')
    .option('--hours <count>', 'how many hours back, as far as they fit', '72')
    .option('--ahead <count>', 'how many hours ahead', '6')
    .option('--at <time>', 'as it was then; e.g. 2026-11-20T14:00Z')
    .action((_options: object, command: Command) => run(mapCommand(command.optsWithGlobals())));
}

async function mapCommand(options: Options): Promise<ExitCode> {
  const hours = wholeNumber(options.hours, { min: 1, max: MOST_HOURS });
  const ahead = wholeNumber(options.ahead, { min: 0, max: MOST_AHEAD });
  const at = options.at === undefined ? undefined : parseInstant(options.at);
  if (hours === undefined)
    return misuse(options, `"${options.hours}" is no number of hours`, `e.g. --hours 24, at most ${MOST_HOURS}`);
  if (ahead === undefined)
    return misuse(options, `"${options.ahead}" is no number of hours`, `e.g. --ahead 12, at most ${MOST_AHEAD}`);
  if (options.at !== undefined && at === undefined)
    return misuse(options, `"${options.at}" is no time`, 'write it like 2026-11-21T08:00Z');
  return withWorld('reader', options, async ({ context, settings }, { controls }) => {
    context.problems.set('control files', controls.problems);
    refreshTagProblems(context);
    refreshCredentialProblems(context);
    await refreshSignatureProblems(context);
    const map = await mapOf(context, { hours, ahead, at });
    if ('kind' in map || !map.ok) return fail(options, map);
    const { problems } = at === undefined ? await allProblems(context, settings.stateDir) : { problems: [] };
    const shown = at === undefined ? { ...map.value, problems: problems.length } : map.value;
    return succeed(options, shown, () => mapLines(shown, { width: terminalWidth(), symbols: symbolsFor(process.env) }));
  });
}

async function mapOf(context: Context, asked: Parameters<typeof trainMap>[1]): Promise<MapOutcome> {
  try {
    return await trainMap(context, { ...asked, patienceMs: PATIENCE_MS });
  } catch (error) {
    const sentence = `the history cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    return { ok: false, sentence, hint: 'what holds now can be shown without: leave --at away' };
  }
}

/** The drawing, what each wave gets next, and the commits that are under way. */
export function mapLines(map: TrainMap, sheet: Sheet): Line[] {
  const { width, symbols } = sheet;
  const coming = map.waves.map(({ wave, answer, reasons, path }) => ({
    wave,
    steps: [{ at: map.at, answer, reasons }, ...path],
  }));
  const forecast = forecastTable(coming, symbols);
  const commits = commitsTable(map, symbols, COMMITS);
  return [
    ...drawMap(map, sheet).map(inkOf),
    ...(map.tense === 'past' || coming[0]?.steps.length === 1
      ? []
      : ['', table(forecast.columns, forecast.rows, width)]),
    ...(commits.rows.length === 0 ? [] : ['', table(commits.columns, commits.rows, width)]),
    ...(commits.more === 0 ? [] : [ink(`and ${commits.more} more: "tagwave-server tags"`, 'quiet')]),
    ...(map.tense === 'past' ? ['', ...map.notes.map((note) => ink(`(${note})`, 'quiet'))] : []),
  ];
}

export function inkOf(drawn: Drawn): Ink {
  const text = drawn.map((span) => (typeof span === 'string' ? ink(span) : ink(...span)).ink).join('');
  return { ink: text.trimEnd() };
}
