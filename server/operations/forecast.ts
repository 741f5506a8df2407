import type { Forecast } from '../../protocol/api/train.ts';
import { forecastWaves } from '../core/forecast.ts';
import type { World } from '../core/world.ts';
import { countTold } from './census.ts';
import type { Context } from './context.ts';
import { knownSince } from './overview.ts';
import { type NotReady, worldNow } from './world.ts';

/** There is one tag for each hour until then. */
export const FARTHEST_FORECAST_HOURS = 24 * 14;

/** What each wave gets now and at each of the next full hours, if nobody does anything. */
export async function forecast(context: Context, hours: number): Promise<Forecast | NotReady> {
  const ready = worldNow(context);
  if (ready.kind === 'not-ready') return ready;
  const { world } = ready;
  const told = await countTold(context, knownSince(ready));
  const nodesIn = (wave: string) => told.filter((one) => one.wave === wave).reduce((sum, { nodes }) => sum + nodes, 0);
  return {
    at: new Date(world.now).toISOString(),
    hours,
    waves: forecastWaves(world, hours).map(({ wave: { name, environment, hours: lag }, steps }) => {
      return { wave: name, environment, hours: lag, nodes: nodesIn(name), steps };
    }),
    notes: assumptions(context, world),
  };
}

/** What a look ahead takes for granted, and what it leaves out. */
export function assumptions(context: Context, { killswitch, pins, schedule }: World): string[] {
  const { global, environments } = killswitch;
  const stopped = global === null ? [...environments.keys()].join(', ') : 'everything';
  return [
    "with today's marks and schedule, and one unmarked tag an hour from now on",
    ...(stopped === '' ? [] : [`as long as the killswitch stops ${stopped}`]),
    ...(schedule.waves.some(({ require }) => require === 'good')
      ? ['waves that take only good tags move when somebody marks one good']
      : []),
    ...(context.programs.nodetagger().kind === 'none'
      ? []
      : ["the nodetagger decides here: what is shown is the schedule's own rule, which it may not follow"]),
    ...(pins.exact.size + pins.globs.length === 0 ? [] : ['hosts that are pinned keep to their pins']),
  ];
}
