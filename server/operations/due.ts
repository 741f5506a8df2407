import { chooseBySchedule, chooseFirst, judgeNodetagger, place } from '../core/choose.ts';
import { answerOf } from '../core/effect.ts';
import { judgePin } from '../core/pinned.ts';
import type { Placed, World } from '../core/world.ts';
import type { NodeRow } from '../ports/store.ts';
import type { Context } from './context.ts';
import { toldAnswer } from './overview.ts';

export interface Due {
  readonly placed: Placed;
  /** A tag, `trunk`, `hold CODE` or `killswitch`. */
  readonly answer: string;
  readonly pinned: boolean;
}

/**
 * What nodes get now, worked out for many of them: none of the site's programs is run. Where a nodetagger decides, its last answer
 * counts, as far as the marks let it; where a nodegrouper does, the groups of then.
 */
export function dueIn(context: Context, world: World): (row: Pick<NodeRow, 'hostname' | 'told'>) => Due {
  const isTagged = context.programs.nodetagger().kind !== 'none';
  const isGrouped = context.programs.nodegrouper().kind !== 'none';
  const byWave = new Map<string, string>();

  const scheduled = (placed: Placed): string => {
    const wave = placed.wave?.name ?? '';
    const known = byWave.get(wave);
    if (known !== undefined) return known;
    const answer = answerOf(chooseBySchedule(world, placed));
    byWave.set(wave, answer);
    return answer;
  };

  return (row) => {
    const placed = place(world, row.hostname, isGrouped ? (row.told?.groups ?? []) : []);
    const pinned = placed.wave !== null && judgePin(world, placed).kind === 'decided';
    const first = chooseFirst(world, placed);
    if (first !== undefined) return { placed, answer: answerOf(first), pinned };
    if (!isTagged) return { placed, answer: scheduled(placed), pinned };
    const last = row.told?.tag;
    return {
      placed,
      answer: last ? answerOf(judgeNodetagger(world, placed, { text: last })) : toldAnswer(row),
      pinned,
    };
  };
}
