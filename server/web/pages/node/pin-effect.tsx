import { useEffect, useState } from 'preact/hooks';
import type { ShownPreview } from '../../../../protocol/api/changes.ts';
import { ask, type Result } from '../../api.ts';
import { Answer } from '../../parts/answer.tsx';
import { count } from '../../words.ts';

interface Props {
  readonly hostname: string;
  /** Null = without a pin. */
  readonly tag: string | null;
}

/** What a pin would move, before it is made. */
export function PinEffect({ hostname, tag }: Props) {
  const [effect, setEffect] = useState<Result<ShownPreview> | null>(null);
  useEffect(() => {
    setEffect(null);
    const over = new AbortController();
    const body = { pins: [{ host: hostname, pin: tag === null ? null : { tag } }] };
    ask<ShownPreview>('v1/preview', { method: 'POST', body, signal: over.signal })
      .then(setEffect)
      .catch(() => undefined);
    return () => over.abort();
  }, [hostname, tag]);
  return (
    <p class="effect" role="status">
      <b>{tag === null ? 'Without the pin: ' : 'With this pin: '}</b>
      {effect === null ? '…' : effect.ok ? <Effect preview={effect.value} /> : effect.title}
    </p>
  );
}

function Effect({ preview: { moves, changes, takesEffect } }: { readonly preview: ShownPreview }) {
  const [move] = moves;
  if (move === undefined) return <>it stays with what it has.</>;
  const [change] = changes ?? [];
  return (
    <>
      from <Answer answer={move.from} /> to <Answer answer={move.to} />
      {move.direction === 'back' ? ', which is backwards' : ''}
      {change === undefined ? '' : `; ${count(change.size.files, 'file')} of the repository differ`}
      {takesEffect === undefined ? '.' : `. It counts ${takesEffect.settleSeconds} s after the file was changed.`}
    </>
  );
}
