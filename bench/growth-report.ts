import { textTable as table } from '../server/cli/table.ts';
import { figureOf, shown } from './figure.ts';
import type { Growing } from './growth.ts';
import { slopeOf } from './slope.ts';

export function growthLines({ fleet, tags }: Readonly<Record<'fleet' | 'tags', readonly Growing[]>>): string[] {
  return [
    '',
    'How costs grow. Exponent: 0 where the size does not matter, 1 where the cost follows it',
    '',
    ...tableOf('known nodes', fleet),
    '',
    ...tableOf('tags', tags),
    '',
    'With the files of the repository: see the tags above, which are made at three sizes of it',
  ];
}

function tableOf(what: string, rows: readonly Growing[]): string[] {
  const sizes = rows[0]?.sizes ?? [];
  const head = ['', ...sizes.map((size) => `${size.toLocaleString('en-US')} ${what}`), 'exponent'];
  return [
    table(
      head,
      rows.map(({ of, unit, costs }) => [
        of,
        ...costs.map((cost) => shown(figureOf([cost]), ` ${unit}`)),
        exponentOf(sizes, costs),
      ]),
    ),
  ];
}

/** What took too little to be counted says nothing of how it grows. */
function exponentOf(sizes: readonly number[], costs: readonly number[]): string {
  if (costs.some((cost) => cost === 0)) return 'too little to tell';
  return slopeOf(costs.map((cost, index) => ({ size: sizes[index] ?? 1, cost }))).toFixed(2);
}
