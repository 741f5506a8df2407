import type { ShownPreview } from '../../../protocol/api/changes.ts';
import { duration } from '../words.ts';

/** When it would count. */
export function When({ preview: { takesEffect } }: { readonly preview: ShownPreview }) {
  const { isAtOnce, settleSeconds } = takesEffect;
  return (
    <p class="quiet">
      {isAtOnce
        ? 'It counts at once: from the next time that each node asks.'
        : `It counts ${duration(settleSeconds * 1000)} after it is written, from the next time that each node asks.`}
    </p>
  );
}
