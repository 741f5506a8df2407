import { stripVTControlCharacters } from 'node:util';
import type { Command } from 'commander';
import type { Forecast } from '../../protocol/api/train.ts';
import { FARTHEST_FORECAST_HOURS, forecast } from '../operations/forecast.ts';
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
import { ink, type Line } from './ink.ts';
import { symbolsFor } from './map-symbols.ts';
import { table } from './table.ts';
import { plural } from './terminal.ts';

export function addForecast(program: Command, run: Run): void {
  program
    .command('forecast')
    .summary('what each wave gets now and at each of the next full hours')
    .option('--hours <count>', 'how many hours ahead', '6')
    .action((_options: object, command: Command) => run(forecastCommand(command.optsWithGlobals())));
}

async function forecastCommand(options: CommonOptions & { readonly hours: string }): Promise<ExitCode> {
  const hours = wholeNumber(options.hours, { min: 0, max: FARTHEST_FORECAST_HOURS });
  if (hours === undefined)
    return misuse(
      options,
      `"${options.hours}" is no number of hours`,
      `e.g. --hours 12, at most ${FARTHEST_FORECAST_HOURS}`,
    );
  return withWorld('reader', options, async ({ context }) => {
    const found = await forecast(context, hours);
    return 'kind' in found ? fail(options, found) : succeed(options, found, () => forecastLines(found));
  });
}

function forecastLines({ waves, notes }: Forecast): Line[] {
  const { columns, rows } = forecastTable(waves, symbolsFor(process.env));
  const held = waves.flatMap(({ wave, steps: [now] }) =>
    now === undefined || !/^(hold |killswitch)/.test(now.answer)
      ? []
      : [ink(`${wave}: ${now.answer}: ${now.reasons.at(-1) ?? ''}`, 'bad')],
  );
  const drawn = table(columns, rows);
  const head = stripVTControlCharacters(drawn.ink.split('\n')[0] ?? '');
  const left = columns.length - head.split(/ {2,}/).length;
  const more = `${plural(left, 'more hour does', 'more hours do')} not fit: --json shows all, or | cat`;
  return [drawn, ...(left > 0 ? [more] : []), ...held, ...notes.map((note) => ink(`(${note})`, 'quiet'))];
}
