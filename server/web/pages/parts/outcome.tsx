import type { BriefNode } from '../../../../protocol/api/nodes.ts';

export type ReportOutcome = NonNullable<BriefNode['outcome']>;

/** A shape of its own for each, so that nobody needs the colour. */
const SIGNS: Readonly<Record<ReportOutcome | 'none', string>> = {
  applied: '✓',
  unchanged: '=',
  failed: '✕',
  'rolled-back': '↩',
  refused: '⊘',
  disabled: '‖',
  none: '–',
};

/** What a node said of its last run; null = it has said nothing yet. */
export function OutcomeWord({ outcome }: { readonly outcome: ReportOutcome | null }) {
  const word = outcome ?? 'none';
  return (
    <span class={`outcome outcome-${word}`}>
      <span class="outcome-sign" aria-hidden="true">
        {SIGNS[word]}
      </span>
      {outcome ?? 'no report'}
    </span>
  );
}
