import type { ShownPreview } from '../../../protocol/api/changes.ts';
import { Mark } from '../parts/mark.tsx';
import { clock, count, day } from '../words.ts';
import type { State } from './order.ts';

interface AdviceProps {
  readonly advice: NonNullable<ShownPreview['advice']>;
  readonly state: State;
  readonly onTake: (state: State) => void;
}

/** Whether `bad` or `badfwd` fits. */
export function Advice({ advice, state, onTake }: AdviceProps) {
  const fits = advice.state === state;
  const [first, ...rest] = advice.sentences;
  return (
    <div class={fits ? 'advice' : 'advice is-other'}>
      <p>
        <Mark state={advice.state} /> <strong>{first}</strong>
      </p>
      {rest.map((sentence) => (
        <p key={sentence}>{sentence}</p>
      ))}
      {fits ? null : (
        <button type="button" onClick={() => onTake(advice.state)}>
          Make it {advice.state}
        </button>
      )}
    </div>
  );
}

/** What would come of it in the hours after. */
export function Later({ later }: { readonly later: ShownPreview['later'] }) {
  if (later.length === 0) return null;
  return (
    <section class="advice is-other" aria-label="Later">
      <p>
        <strong>Later</strong>
      </p>
      <ul class="plain-list">
        {later.map(({ wave, at, sentence, nodes }) => (
          <li key={`${wave} ${at}`}>
            <span class="numbers">
              {day(Date.parse(at))} {clock(Date.parse(at))}
            </span>{' '}
            · {sentence} <span class="quiet">({count(nodes, 'node')})</span>
          </li>
        ))}
      </ul>
    </section>
  );
}
