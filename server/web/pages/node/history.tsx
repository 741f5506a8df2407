import type { NodeRecord } from '../../../../protocol/api/nodes.ts';
import { Answer } from '../../parts/answer.tsx';
import { Empty } from '../../parts/states.tsx';
import { Time } from '../../parts/time.tsx';
import { hrefOf } from '../../router.ts';
import { Prose } from '../parts/prose.tsx';

interface Props {
  readonly hostname: string;
  readonly history: NodeRecord['history'];
}

/** What a node was told, since when, and why; newest first. */
export function History({ hostname, history }: Props) {
  if (history.length === 0) return <Empty title="It has not been told anything yet" />;
  return (
    <ol class="entries">
      {history.map(({ at, answer, wave, reasons }) => (
        <li key={at} class="entry">
          <div class="entry-head">
            <Answer answer={answer} />
            <span class="quiet">{wave}</span>
            <a
              class="entry-time"
              href={hrefOf(['nodes', hostname], { at, show: 'history' })}
              title="Explain it as of then"
            >
              <Time at={at} />
            </a>
          </div>
          <ul class="step-list">
            {reasons.map((reason) => (
              <li key={reason}>
                <Prose text={reason} />
              </li>
            ))}
          </ul>
        </li>
      ))}
    </ol>
  );
}
