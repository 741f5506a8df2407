import type { Stop } from '../../protocol/api/train.ts';
import type { StoredEvent } from '../core/event.ts';
import { lookFromText } from '../core/killswitch.ts';
import { type StoodSince, stoodSince } from '../core/stood-since.ts';
import type { Whereabouts } from '../core/whereabouts.ts';
import type { Context } from './context.ts';
import { killswitchStatus } from './overview.ts';

/** So many changes of the killswitch are looked through for when it began. */
const LOOK_BACK = 50;

/** The killswitches that stand, who has been told, and how long the slowest of those took. */
export async function standingStops(context: Context, seenSince: number): Promise<Stop[]> {
  const found = await killswitchStatus(context, seenSince);
  if (found.length === 0) return [];
  const events = await eventsUntil(context);
  return Promise.all(
    found.map(async ({ environment, stopsAll, message, version, told, silent, silentCount }) => {
      const stood = stoodSince(events, environment);
      return {
        environment,
        stopsAll,
        message,
        version,
        ...beginning(stood),
        nodes: told + silentCount,
        told,
        slowestSeconds:
          stood === undefined || told === 0 ? null : await slowest(context, stood, stopsAll ? null : environment),
        silent: [...silent],
      };
    }),
  );
}

/** Those that stood at an instant, by what is recorded; which nodes had not been told yet is not known any more. */
export async function stopsAt(context: Context, at: number, counts: readonly Whereabouts[]): Promise<Stop[]> {
  const text = await context.store.controlAt('killswitch', at);
  if (text == null) return [];
  const look = lookFromText(text);
  const events = await eventsUntil(context, at);
  const names = [...(look.global === null ? [] : [null]), ...look.environments.keys()];
  const known = new Set(counts.map((one) => one.environment));
  return names.map((environment) => {
    const stopsAll = environment === null || !known.has(environment);
    const concerned = counts.filter((one) => stopsAll || one.environment === environment);
    const sum = (some: readonly Whereabouts[]) => some.reduce((all, { nodes }) => all + nodes, 0);
    return {
      environment,
      stopsAll,
      message: (environment === null ? look.global : look.environments.get(environment)) ?? '',
      version: '',
      ...beginning(stoodSince(events, environment)),
      nodes: sum(concerned),
      told: sum(concerned.filter(({ told }) => told === 'killswitch')),
      slowestSeconds: null,
      silent: [],
    };
  });
}

function beginning(stood: StoodSince | undefined): Pick<Stop, 'since' | 'by'> {
  return stood === undefined ? { since: null, by: null } : { since: new Date(stood.since).toISOString(), by: stood.by };
}

async function slowest(
  context: Context,
  { wordsSince }: StoodSince,
  environment: string | null,
): Promise<number | null> {
  const heard = await context.store.lastStopped({ environment, since: wordsSince }).catch(() => null);
  return heard === null ? null : Math.max(0, heard - wordsSince) / 1000;
}

function eventsUntil(context: Context, until?: number): Promise<StoredEvent[]> {
  const query = { kinds: ['kill', 'resume'], subject: 'killswitch', limit: LOOK_BACK } as const;
  return context.store.events(until === undefined ? query : { ...query, until }).catch(() => []);
}
