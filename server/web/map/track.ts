import type { MapWave } from '../../../protocol/api/train.ts';
import { kindOf } from '../tag-name.ts';

/** Where a wave arrives, in so many hours. */
export interface Arrival {
  readonly column: number;
  readonly inHours: number;
}

export interface Leg {
  readonly from: number;
  readonly to: number;
  /** Of the coming hour. */
  readonly isNext: boolean;
  readonly isBack: boolean;
}

/** A wave's way through the columns: where it is, where it arrives when, and from when on it is held. */
export interface Track {
  readonly now: number | null;
  readonly arrivals: readonly Arrival[];
  readonly legs: readonly Leg[];
  readonly heldInHours: number | null;
}

/** By the steps of the next full hours. A step to where it is already is no arrival; one to a tag that is not shown neither. */
export function trackOf(
  { answer, path }: Pick<MapWave, 'answer' | 'path'>,
  columnOf: ReadonlyMap<string, number>,
): Track {
  const now = columnOf.get(answer) ?? null;
  const arrivals: Arrival[] = [];
  const legs: Leg[] = [];
  let at = now;
  for (const [index, step] of path.entries()) {
    const column = columnOf.get(step.answer) ?? null;
    if (column === null || column === at) continue;
    arrivals.push({ column, inHours: index + 1 });
    if (at !== null) legs.push({ from: at, to: column, isNext: index === 0, isBack: column < at });
    at = column;
  }
  const held = path.findIndex((step) => kindOf(step.answer) === 'hold');
  return { now, arrivals, legs, heldInHours: held < 0 ? null : held + 1 };
}

/** In pixels. */
export const COLUMN_WIDTH = 36;
export const ROW_HEIGHT = 56;
/** Half of what stands where a wave arrives: lines begin and end beside it. Where it is now, what stands there covers the line. */
const CLEARANCE = 10;
const HOP = 15;

export function centreOf(column: number): number {
  return (column + 0.5) * COLUMN_WIDTH;
}

/** A line to the next column; over columns that are left out it hops in an arc. `d` of an SVG path. */
export function legLine({ from, to }: Pick<Leg, 'from' | 'to'>, isFromNow: boolean): string {
  const y = ROW_HEIGHT / 2;
  const sign = to > from ? 1 : -1;
  const start = centreOf(from) + sign * (isFromNow ? 0 : CLEARANCE);
  const end = centreOf(to) - sign * CLEARANCE;
  if (Math.abs(to - from) === 1) return `M${start} ${y}H${end}`;
  return `M${start} ${y}C${start + sign * HOP} ${y - HOP * 1.4} ${end - sign * HOP} ${y - HOP * 1.4} ${end} ${y}`;
}
