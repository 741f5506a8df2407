import { textTable as table } from '../server/cli/table.ts';
import type { QueryFigures } from './queries.ts';

export function queryLines(figures: readonly QueryFigures[]): string[] {
  const [first] = figures;
  if (first === undefined) return [];
  const { fleets, reportsEach } = first;
  const sizes = fleets.map((nodes) => nodes.toLocaleString('en-US'));
  const reports = ((fleets.at(-1) ?? 0) * reportsEach).toLocaleString('en-US');
  return [
    '',
    `What looking at a fleet takes, with ${reportsEach} reports of each node: ${reports} at the last size`,
    'Medians. The slope says how much faster the cost grows than the fleet: 0 not at all, 1 as the fleet does',
    '',
    table(
      ['', ...sizes.map((size) => `${size} nodes`), 'slope'],
      figures.map(({ of, ms }) => [of, ...ms.map((each) => `${each.toFixed(2)} ms`), slope(fleets, ms).toFixed(2)]),
    ),
  ];
}

/** Of the line through the first and the last on a scale of powers. */
function slope(sizes: readonly number[], costs: readonly number[]): number {
  const ratio = (values: readonly number[]) => Math.log((values.at(-1) ?? 1) / (values[0] ?? 1));
  return ratio(costs) / ratio(sizes);
}
