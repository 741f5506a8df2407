import type { ShownExplanation } from '../../../../protocol/api/fleet.ts';
import { useData } from '../../data.ts';
import { Answer } from '../../parts/answer.tsx';
import { hrefOf } from '../../router.ts';
import { useStore } from '../../store.ts';
import { tick } from '../../ticking.ts';
import { clock } from '../../words.ts';
import { answerOf } from './answer-of.ts';

const HOUR_MS = 3_600_000;
const HOURS = [1, 2, 3, 4];

/** What the node will be given at the next full hours: asked of the decision itself, so that pins and programs count. */
export function Coming({ hostname }: { readonly hostname: string }) {
  const hour = Math.floor(useStore(tick) / HOUR_MS);
  return (
    <ol class="coming-hours" aria-label="The next hours">
      {HOURS.map((ahead) => (
        <Step key={ahead} hostname={hostname} at={(hour + ahead) * HOUR_MS} />
      ))}
    </ol>
  );
}

function Step({ hostname, at }: { readonly hostname: string; readonly at: number }) {
  const instant = `${new Date(at).toISOString().slice(0, 16)}Z`;
  const url = `v1/nodes/${encodeURIComponent(hostname)}/explain?at=${instant}`;
  const { value } = useData<ShownExplanation>(url, ['tags', 'killswitch', 'settings'], { keep: true });
  return (
    <li class="coming-hour">
      <a href={hrefOf(['nodes', hostname], { at: instant })} title="Explain it as of then">
        {clock(at)}
      </a>
      {value === null ? <span class="quiet">…</span> : <Answer answer={answerOf(value.decision)} short />}
    </li>
  );
}
