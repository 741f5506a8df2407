import type { Context } from '../operations/context.ts';
import { knownEnvironments } from '../operations/mark.ts';
import { type KillswitchStatus, killswitchStatus, knownSince, toldAnswer } from '../operations/overview.ts';
import type { Preview } from '../operations/preview.ts';
import type { Ready } from '../operations/world.ts';
import type { NodeRow } from '../ports/store.ts';
import { plural, someOf } from './terminal.ts';

/** Who of those that a change moves has been told, and who has been silent for long. */
export interface ToldSoFar {
  readonly concerned: number;
  readonly told: number;
  readonly waiting: readonly string[];
  readonly silent: readonly string[];
}

export async function toldSoFar(context: Context, ready: Ready, { moves }: Pick<Preview, 'moves'>): Promise<ToldSoFar> {
  const wanted = new Map(moves.flatMap((move) => move.nodes.map((hostname) => [hostname, move.to] as const)));
  const waiting: NodeRow[] = [];
  let concerned = 0;
  for await (const page of context.fleet.pages()) {
    const rows = page.filter((row) => wanted.has(row.hostname));
    concerned += rows.length;
    waiting.push(...rows.filter((row) => toldAnswer(row) !== wanted.get(row.hostname)));
  }
  const silentSince = context.time.now() - ready.controls.settings.fleet.silentAfterMinutes * 60_000;
  return {
    concerned,
    told: concerned - waiting.length,
    waiting: waiting.map((row) => row.hostname),
    silent: waiting.filter((row) => row.lastSeen < silentSince).map((row) => row.hostname),
  };
}

export function toldLines({ concerned, told, silent }: ToldSoFar, silentAfterMinutes: number): string[] {
  if (concerned === 0) return ['Nobody has to be told.'];
  const rest = told === concerned ? '' : '; the others learn it when they next ask';
  return [
    `Told so far: ${told} of ${plural(concerned, 'node')}${rest}.`,
    ...(silent.length === 0 ? [] : [`Silent for more than ${silentAfterMinutes} minutes: ${someOf(silent)}.`]),
  ];
}

/** For each killswitch that stands: who has been told, who is silent. */
export async function killswitchLines(
  context: Context,
  ready: Ready,
): Promise<{ stops: KillswitchStatus[]; lines: string[] }> {
  const stops = await killswitchStatus(context, knownSince(ready));
  const environments = [...knownEnvironments(context)].join(', ');
  const lines = stops.flatMap((stop) => [
    toldLine(stop),
    ...(stop.stopsAll && stop.environment !== null && environments !== ''
      ? [`→ rename it to one of ${environments}, or remove it with: tagwave-server resume ${stop.environment}`]
      : []),
  ]);
  return { stops, lines };
}

function toldLine(stop: KillswitchStatus): string {
  const known = stop.told + stop.silentCount;
  if (known === 0) return `${whatStops(stop)}; no node is known yet.`;
  const rest = stop.silentCount === 0 ? '' : `; not yet: ${someOf(stop.silent, 10, stop.silentCount)}`;
  const have = stop.told === 1 ? 'has' : 'have';
  return `${whatStops(stop)}: ${stop.told} of ${plural(known, 'known node')} ${have} been told so far${rest}.`;
}

function whatStops({ environment, stopsAll }: KillswitchStatus): string {
  if (environment === null) return 'Everything is stopped';
  if (!stopsAll) return `${environment} is stopped`;
  return `Everything is stopped, because "${environment}" is no environment of the schedule in effect`;
}
