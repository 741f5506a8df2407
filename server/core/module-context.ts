import { floorHour, type TagName } from '../../protocol/names.ts';
import { decideBySchedule } from './decide.ts';
import { type MarkState, markOf } from './marks.ts';
import { newestAtOrBefore } from './tag.ts';
import type { PlacedNode, World } from './world.ts';

/** What a site's nodetagger module is given beside the hostname, so that its rule is a few lines. */
export interface ModuleContext {
  readonly groups: readonly string[];
  /** Existing tags whose hour has come, oldest first. */
  readonly tags: readonly TagName[];
  /** State of each marked tag in the node's environment. */
  readonly marks: Readonly<Record<string, MarkState>>;
  readonly now: Date;
  /** The tag that the schedule's rule gives at so many hours' lag, or undefined where it would hold. Throws a `RangeError` for anything but whole hours. */
  scheduled(hours: number, options?: { readonly require?: 'not-bad' | 'good' }): TagName | undefined;
}

export function moduleContextOf(world: World, placed: PlacedNode): ModuleContext {
  const { wave } = placed;
  const tags = world.tags.slice(0, newestAtOrBefore(world.tags, floorHour(world.now)) + 1);
  const marked = tags.flatMap(({ name }) => {
    const mark = markOf(world.marks, name, wave.environment);
    return mark === undefined ? [] : [[name, mark.state] as const];
  });
  return {
    groups: [...placed.groups],
    tags: tags.map((record) => record.name),
    marks: Object.fromEntries(marked),
    now: new Date(world.now),
    scheduled(hours, { require = 'not-bad' } = {}) {
      if (!Number.isInteger(hours) || hours < 0)
        throw new RangeError(`scheduled(${hours}): expected a whole number of hours, at least 0`);
      const lookbackHours = Math.max(wave.lookbackHours, hours + 1);
      const decision = decideBySchedule({
        now: world.now,
        tags: world.tags,
        marks: world.marks,
        wave: { ...wave, hours, require, lookbackHours },
      });
      return decision.outcome === 'serve' && decision.tag !== 'trunk' ? decision.tag : undefined;
    },
  };
}
