import type { Step } from '../../protocol/api/train.ts';
import { floorHour, type Hour, type ObjectId, startOf, tagNameOf } from '../../protocol/names.ts';
import { chooseForWave } from './choose.ts';
import { answerOf } from './effect.ts';
import type { Wave } from './schedule.ts';
import type { TagRecord } from './tag.ts';
import type { World } from './world.ts';

/** A tag as it will be made for an hour to come, if nothing is committed until then. */
export function futureTag(hour: Hour, { trunk }: Pick<World, 'trunk'>): TagRecord {
  const id = trunk?.commit ?? ('0'.repeat(40) as ObjectId);
  return {
    name: tagNameOf(hour),
    hour,
    broken: null,
    commit: id,
    tree: trunk?.tree ?? id,
    author: '',
    subject: 'not made yet',
    created: new Date(startOf(hour)).toISOString(),
    fetched: null,
    origin: 'cron',
    stale: false,
    commits: null,
  };
}

/** The tags that there are, and one unmarked tag for each hour after now, up to one, that has none; oldest first. */
export function tagsUntil(world: World, until: Hour): TagRecord[] {
  const made = new Set(world.tags.map((record) => record.hour));
  const tags = [...world.tags];
  for (let hour = floorHour(world.now) + 1; hour <= until; hour++)
    if (!made.has(hour)) tags.push(futureTag(hour, world));
  return tags.sort((one, other) => one.hour - other.hour);
}

/** The world as it will be at an instant, if nobody does anything until then but commit things that are in order. */
export function worldLater(world: World, at: number): World {
  return { ...world, now: at, tags: tagsUntil(world, floorHour(at)) };
}

/** What a node of the wave gets at the instant of the world, and why. */
export function stepOf(world: World, wave: Wave): Step {
  const decision = chooseForWave(world, wave);
  return { at: new Date(world.now).toISOString(), answer: answerOf(decision), reasons: [...decision.reasons] };
}

/** What each wave gets now, and at each of the next so many full hours, in the schedule's order. */
export function forecastWaves(world: World, hours: number): { readonly wave: Wave; readonly steps: Step[] }[] {
  const first = floorHour(world.now);
  const worlds = [world];
  for (let hour = first + 1; hour <= first + hours; hour++) worlds.push(worldLater(world, startOf(hour)));
  return world.schedule.waves.map((wave) => ({ wave, steps: worlds.map((one) => stepOf(one, wave)) }));
}
