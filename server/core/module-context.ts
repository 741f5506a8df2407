import type { TagName } from '../../protocol/names.ts';

import { decideBySchedule } from './decide.ts';
import { type MarkState, markOf } from './marks.ts';
import type { PlacedNode, World } from './world.ts';

/** What a site's nodetagger module is given beside the hostname, so that its rule is a few lines. */
export interface ModuleContext {
  readonly groups: readonly string[];
  /** Existing tags, oldest first. */
  readonly tags: readonly TagName[];
  /** State of each marked tag in the node's environment. */
  readonly marks: Readonly<Record<string, MarkState>>;
  readonly now: Date;
  /** The tag that the schedule's rule gives at so many hours' lag, or undefined where it would hold. */
  scheduled(hours: number, options?: { readonly require?: 'not-bad' | 'good' }): TagName | undefined;
}

export function moduleContextOf(world: World, placed: PlacedNode): ModuleContext {
  const { wave } = placed;
  const marked = world.tags.flatMap(({ name }) => {
    const mark = markOf(world.marks, name, wave.environment);
    return mark === undefined ? [] : [[name, mark.state] as const];
  });
  return {
    groups: placed.groups,
    tags: world.tags.map((record) => record.name),
    marks: Object.fromEntries(marked),
    now: new Date(world.now),
    scheduled(hours, { require = 'not-bad' } = {}) {
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
