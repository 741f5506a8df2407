import type { Step } from '../../protocol/api/train.ts';
import { directionOf } from '../core/effect.ts';
import type { Style } from './ink.ts';
import { answerLabel, clockLabel, type Symbols } from './map-symbols.ts';
import type { Cell, Column } from './table.ts';

/** What one wave gets: now, and at each of the next full hours. */
export interface Coming {
  readonly wave: string;
  readonly steps: readonly Step[];
}

/** Waves by hours, as columns and rows of a table. What goes backwards or stops stands out, what stays is quiet. */
export function forecastTable(waves: readonly Coming[], symbols: Symbols): { columns: Column[]; rows: Cell[][] } {
  const hours = waves[0]?.steps.slice(1) ?? [];
  const columns: Column[] = [
    'next',
    'now',
    ...hours.map(({ at }, index) => ({ name: clockLabel(Date.parse(at)), drop: index + 1 })),
  ];
  const rows = waves.map(({ wave, steps }) => [
    wave,
    ...steps.map((step, index) => stepCell(step, steps[index - 1], symbols)),
  ]);
  return { columns, rows };
}

function stepCell({ at, answer }: Step, before: Step | undefined, symbols: Symbols): Cell {
  const label = answerLabel(answer, Date.parse(at));
  const stops = answer === 'killswitch' || answer.startsWith('hold ');
  if (before === undefined) return [label, stops ? 'bad' : 'strong'];
  const direction = directionOf(before.answer, answer);
  if (before.answer === answer) return [label, stops ? 'bad' : 'quiet'];
  if (direction === 'back') return [`${symbols.back} ${label}`, 'bad'];
  return [label, STYLES[direction] ?? 'note'];
}

const STYLES: Readonly<Record<string, Style>> = { stops: 'bad', resumes: 'good', changes: 'warn' };
