import type { ShownExplanation } from '../../../../protocol/api/fleet.ts';
import { useData } from '../../data.ts';
import { Answer } from '../../parts/answer.tsx';
import { Loaded } from '../../parts/states.tsx';
import { Prose } from '../parts/prose.tsx';
import { answerOf } from './answer-of.ts';
import { Coming } from './coming.tsx';

interface Props {
  readonly hostname: string;
  /** RFC 3339; null = now. */
  readonly at: string | null;
  /** Whether it has never asked. */
  readonly isStranger?: boolean;
}

/** What a node gets at any time, and the steps that lead there. */
export function Decision({ hostname, at, isStranger = false }: Props) {
  const query = at === null ? '' : `?at=${encodeURIComponent(at)}`;
  const url = `v1/nodes/${encodeURIComponent(hostname)}/explain${query}`;
  const data = useData<ShownExplanation>(url, ['map', 'tags', 'killswitch', 'settings'], { keep: true });
  return (
    <section class="card decision" aria-labelledby="decision">
      <Loaded data={data} what="the decision" rem={10}>
        {({ tense, decision, environment, wave, notes }) => (
          <>
            <h2 id="decision">
              {isStranger && tense === 'now' ? 'Would be given' : VERBS[tense]} <Answer answer={answerOf(decision)} />
            </h2>
            <p class="quiet">
              {environment === '' ? 'In no wave' : `In ${wave === environment ? wave : `${wave}, ${environment}`}`}
            </p>
            {decision.outcome === 'serve' || decision.message === '' ? null : <p class="message">{decision.message}</p>}
            <ol class="step-list">
              {decision.reasons.map((reason) => (
                <li key={reason}>
                  <Prose text={reason} />
                </li>
              ))}
            </ol>
            {notes.map((note) => (
              <p key={note} class="quiet decision-note">
                <Prose text={note} />
              </p>
            ))}
          </>
        )}
      </Loaded>
      {at === null ? <Coming hostname={hostname} /> : null}
    </section>
  );
}

const VERBS: Readonly<Record<ShownExplanation['tense'], string>> = {
  past: 'Was given',
  now: 'Is given',
  future: 'Will be given',
};
