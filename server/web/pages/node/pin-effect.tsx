import type { ShownPreview } from '../../../../protocol/api/changes.ts';
import { usePreview } from '../../mark/use-preview.ts';
import { Answer } from '../../parts/answer.tsx';
import { count } from '../../words.ts';

interface Props {
  readonly hostname: string;
  /** Null = without a pin. */
  readonly tag: string | null;
}

/** What a pin would move, before it is made. */
export function PinEffect({ hostname, tag }: Props) {
  const { value, failure } = usePreview(
    tag === '' ? null : { pins: [{ host: hostname, pin: tag === null ? null : { tag } }] },
  );
  return (
    <p class="effect" role="status">
      <b>{tag === null ? 'Without the pin: ' : 'With the pin: '}</b>
      {tag === '' ? (
        'choose a tag to see what would move.'
      ) : value !== null ? (
        <Effect preview={value} />
      ) : (
        (failure?.title ?? '…')
      )}
    </p>
  );
}

function Effect({ preview: { moves, changes, takesEffect } }: { readonly preview: ShownPreview }) {
  const [move] = moves;
  if (move === undefined) return <>it stays with what it has.</>;
  const [change] = changes;
  return (
    <>
      from <Answer answer={move.from} /> to <Answer answer={move.to} />
      {move.direction === 'back' ? ', which is backwards' : ''}
      {change === undefined
        ? ''
        : `; ${count(change.size.files, 'file')} of the repository ${change.size.files === 1 ? 'differs' : 'differ'}`}
      . It counts {takesEffect.settleSeconds} s after the file was changed.
    </>
  );
}
