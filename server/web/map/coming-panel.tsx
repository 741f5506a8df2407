import type { TrainMap } from '../../../protocol/api/train.ts';
import { Answer } from '../parts/answer.tsx';
import { clock, count } from '../words.ts';
import { type Coming, comingOf } from './coming.ts';
import { nameOf } from './wave-name.tsx';

/** What reaches whom at the next full hour, in the order of the waves. */
export function ComingPanel({ map }: { readonly map: TrainMap }) {
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
}

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
        {direction === 'stays' ? 'stays' : <Answer answer={to} short />}
        {direction === 'back' ? <strong> goes back</strong> : null}
      </span>
      <span class="coming-what quiet">
        {direction === 'stays'
          ? null
          : tags.length === 0
            ? 'nothing new in it'
            : subjects(tags.map(({ subject }) => subject))}
      </span>
    </li>
  );
}

function subjects(all: readonly string[]): string {
  const more = all.length - MOST;
  return `${all.slice(0, MOST).join(' · ')}${more > 0 ? ` and ${more} more` : ''}`;
}
