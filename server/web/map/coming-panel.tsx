import type { MapTag, TrainMap } from '../../../protocol/api/train.ts';
import { memo } from '../memo.ts';
import { Answer } from '../parts/answer.tsx';
import { kindOf } from '../tag-name.ts';
import { clock, count, personOf } from '../words.ts';
import { type Coming, comingOf } from './coming.ts';
import { nameOf } from './wave-name.tsx';

/** What reaches whom at the next full hour, in the order of the waves. */
export const ComingPanel = memo(function ComingPanel({ map }: { readonly map: TrainMap }) {
  const coming = comingOf(map);
  const at = coming[0]?.wave.path[0]?.at;
  if (at === undefined) return null;
  return (
    <section class="card panel" aria-label="At the next full hour">
      <header class="panel-head">
        <h2>At {clock(Date.parse(at))} UTC</h2>
      </header>
      <ul class="coming">
        {coming.map((one) => (
          <Line key={one.wave.wave} coming={one} />
        ))}
      </ul>
    </section>
  );
});

const SIGNS: Readonly<Record<Coming['direction'], string>> = { stays: '·', forward: '→', back: '←', changes: '→' };
const MOST = 3;

function Line({ coming: { wave, to, direction, tags } }: { readonly coming: Coming }) {
  return (
    <li class={`coming-line coming-${direction}`}>
      <span class="coming-wave">
        {nameOf(wave)} <span class="quiet">{count(wave.nodes, 'node')}</span>
      </span>
      <span class="coming-to">
        <span aria-hidden="true">{SIGNS[direction]}</span>{' '}
        {direction === 'stays' && kindOf(to) === 'tag' ? 'stays' : <Answer answer={to} short />}
        {direction === 'back' ? <strong> goes back</strong> : null}
      </span>
      {direction === 'stays' || tags.length === 0 ? (
        <span class="coming-what quiet">{direction === 'stays' ? null : 'nothing new'}</span>
      ) : (
        <span class="coming-what">{subjects(tags)}</span>
      )}
    </li>
  );
}

/** What is new, by whom. */
function subjects(tags: readonly MapTag[]): string {
  const more = tags.length - MOST;
  const named = tags.slice(0, MOST).map(({ subject, author }) => `${subject} (${personOf(author)})`);
  return `${named.join(' · ')}${more > 0 ? ` and ${more} more` : ''}`;
}
