import type { ShownExplanation } from '../../../../protocol/api/fleet.ts';

/** A decision in the words of the lists: a tag, `trunk`, `hold CODE` or `killswitch`. */
export function answerOf(decision: ShownExplanation['decision']): string {
  if (decision.outcome === 'serve') return decision.tag;
  return decision.outcome === 'hold' ? `hold ${decision.hold}` : 'killswitch';
}
