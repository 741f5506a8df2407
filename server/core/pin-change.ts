import { stampOf } from './pin-tag.ts';
import type { World } from './world.ts';

/** When the next pin begins or ends to count: milliseconds since 1970, `Infinity` where none will. Hours change more than that. */
export function nextPinChange({ now, pins, nodes }: Pick<World, 'now' | 'pins' | 'nodes'>): number {
  let next = Number.POSITIVE_INFINITY;
  const consider = (instant: number | null | undefined): void => {
    if (instant != null && instant > now && instant < next) next = instant;
  };
  for (const line of [...[...pins.exact.values()].flat(), ...pins.globs]) {
    consider(line.until);
    if (line.kind === 'pin') consider(stampOf(line.tag));
  }
  for (const { tag } of [...nodes.exact.values(), ...nodes.globs]) if (tag !== null) consider(stampOf(tag));
  return next;
}
