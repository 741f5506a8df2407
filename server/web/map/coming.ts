import type { MapTag, MapWave, TrainMap } from '../../../protocol/api/train.ts';
import { hourOfTag } from '../tag-name.ts';

/** What one wave does at the next full hour. */
export interface Coming {
  readonly wave: MapWave;
  readonly from: string;
  readonly to: string;
  readonly direction: 'stays' | 'forward' | 'back' | 'changes';
  /** Going forward: the tags with new commits that it then has; going back: those that it has no more. Newest first. */
  readonly tags: readonly MapTag[];
}

export function comingOf({ waves, tags }: Pick<TrainMap, 'waves' | 'tags'>): Coming[] {
  return waves.flatMap((wave) => {
    const [next] = wave.path;
    if (next === undefined) return [];
    const from = wave.answer;
    const to = next.answer;
    return [{ wave, from, to, direction: directionOf(from, to), tags: newBetween(tags, from, to) }];
  });
}

export function directionOf(from: string, to: string): Coming['direction'] {
  if (from === to) return 'stays';
  const before = hourOfTag(from);
  const after = hourOfTag(to);
  if (before === null || after === null) return 'changes';
  return after > before ? 'forward' : 'back';
}

function newBetween(tags: readonly MapTag[], from: string, to: string): MapTag[] {
  const one = hourOfTag(from);
  const other = hourOfTag(to);
  if (one === null || other === null) return [];
  const [low, high] = [Math.min(one, other), Math.max(one, other)];
  const between = tags.filter((tag) => tag.isNew && Date.parse(tag.hour) > low && Date.parse(tag.hour) <= high);
  return between.reverse();
}
