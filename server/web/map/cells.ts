import type { Cell, MapWave } from '../../../protocol/api/train.ts';
import { count } from '../words.ts';

/** What stands in one cell of the map. */
export interface ShownCell {
  readonly nodes: number;
  /** How much of it is there already, 0 to 1: of those that were told this, those that run it. */
  readonly filled: number;
  readonly failing: number;
  /** Nobody was told this; they run it all the same. */
  readonly isLeftOver: boolean;
  readonly words: string;
}

/** Cells by what they are about: a tag, `trunk`, `hold CODE`, … Those without nodes are left out. */
export function cellsOf({ cells }: Pick<MapWave, 'cells'>): Map<string, ShownCell> {
  // Who does not say what it runs is taken at what it was told.
  const unknown = cells.find(({ at }) => at === 'unknown')?.running ?? 0;
  return new Map(cells.filter((cell) => cell.told + cell.running > 0).map((cell) => [cell.at, shown(cell, unknown)]));
}

function shown(cell: Cell, unknown: number): ShownCell {
  const { told, running, failing } = cell;
  const there = Math.min(told, running + unknown);
  return {
    nodes: told === 0 ? running : told,
    filled: told === 0 ? 0 : there / told,
    failing,
    isLeftOver: told === 0,
    words: words(cell, there),
  };
}

function words({ told, running, failing }: Cell, there: number): string {
  if (told === 0) return `${count(running, 'node')} still run it, told otherwise`;
  const parts = [`${count(told, 'node')} told`];
  if (there < told) parts.push(`${there} run it`);
  if (running > told) parts.push(`${running - told} more run it`);
  if (failing > 0) parts.push(`${failing} failing`);
  return parts.join(', ');
}
