import type { NodeRecord } from '../../../../protocol/api/nodes.ts';
import { Answer } from '../../parts/answer.tsx';
import { Time } from '../../parts/time.tsx';

/** What a pin says, and where it stands. */
export function PinNote({ pin }: { readonly pin: NonNullable<NodeRecord['pin']> }) {
  const { host, tag, until, reason, file, line } = pin;
  return (
    <p class="pin-note">
      Pinned to <Answer answer={tag} />
      {until === null ? '' : ', until '}
      {until === null ? null : <Time at={until} />}
      {reason === '' ? '' : `: ${reason}`}{' '}
      <span class="quiet">
        ({file}
        {line === null ? '' : ` line ${line}`}, {host})
      </span>
    </p>
  );
}
