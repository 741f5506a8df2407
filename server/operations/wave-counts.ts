import { setImmediate as turn } from 'node:timers/promises';
import type { Report } from '../../protocol/assignment.ts';
import type { TagName } from '../../protocol/names.ts';
import { pinOf } from '../core/pins.ts';
import type { World } from '../core/world.ts';
import type { Told } from '../ports/store.ts';
import type { Context } from './context.ts';
import type { FleetSeat } from './fleet.ts';
import { knownSince } from './overview.ts';
import type { Ready } from './world.ts';

/** The nodes of one wave, as each was told it last. */
export interface WaveCount {
  readonly told: Record<Told['outcome'] | 'nothing', number>;
  readonly reported: Partial<Record<Report['outcome'], number>>;
  /** Have not asked for `fleet.silent_after_minutes`. */
  silent: number;
  /** Are not silent, and said that they run other content than they were told. */
  behind: number;
  /** Those that are not silent and that no pin names. */
  riding: number;
  /** The tag that all of these were told and run; null where they differ, or there are none. */
  runs: TagName | 'trunk' | null;
}

const SEATS_A_TURN = 5_000;

/** From memory: by the name of the wave; of those that were told nothing, or in a wave that is no more, under ''. */
export async function waveCounts({ fleet }: Context, ready: Ready): Promise<ReadonlyMap<string, WaveCount>> {
  const { world, controls } = ready;
  const counts = new Map<string, WaveCount>([...world.schedule.waves, { name: '' }].map(({ name }) => [name, none()]));
  const limits = {
    since: knownSince(ready),
    silentBefore: world.now - controls.settings.fleet.silentAfterMinutes * 60_000,
    world,
  };
  let seen = 0;
  for (const seat of fleet.seats()) {
    const count = counts.get(seat.told?.wave ?? '') ?? counts.get('');
    if (count !== undefined && seat.lastSeen >= limits.since) add(count, seat, limits);
    if (++seen % SEATS_A_TURN === 0) await turn();
  }
  return counts;
}

function none(): WaveCount {
  return {
    told: { serve: 0, hold: 0, killswitch: 0, nothing: 0 },
    reported: {},
    silent: 0,
    behind: 0,
    riding: 0,
    runs: null,
  };
}

interface Limits {
  readonly silentBefore: number;
  readonly world: World;
}

function add(count: WaveCount, seat: FleetSeat, { silentBefore, world }: Limits): void {
  const { told, running, outcome, lastSeen } = seat;
  count.told[told?.outcome ?? 'nothing']++;
  if (outcome !== null) count.reported[outcome] = (count.reported[outcome] ?? 0) + 1;
  if (lastSeen < silentBefore) {
    count.silent++;
    return;
  }
  const isServed = told?.outcome === 'serve';
  const isThere = isServed && running === told.digest;
  if (isServed && running !== null && !isThere) count.behind++;
  const tag = isThere ? told.tag : null;
  // Of those that go with the others nobody needs to know whether a pin names them.
  const goesAlong = count.riding > 0 && tag !== null && tag === count.runs;
  if (!goesAlong && pinOf(world, seat.hostname) !== undefined) return;
  count.runs = count.riding === 0 || goesAlong ? tag : null;
  count.riding++;
}
