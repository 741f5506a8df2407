import type { ShownPreview } from '../../../protocol/api/changes.ts';
import { duration } from '../words.ts';

/** When it would count. */
export function When({ preview: { takesEffect } }: { readonly preview: ShownPreview }) {
  const { settleSeconds } = takesEffect;
  return (
    <p class="quiet">
      {settleSeconds < 1
        ? 'It counts from the next time that each node asks.'
        : `It counts ${duration(settleSeconds * 1000)} after it is written, from the next time that each node asks.`}
    </p>
  );
}
