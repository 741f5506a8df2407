import type { MapWave, TrainMap } from '../../../protocol/api/train.ts';
import { Answer } from '../parts/answer.tsx';
import { becomeWith } from '../place.ts';
import { hrefOf } from '../router.ts';
import { clock, count } from '../words.ts';
import { nameOf } from './wave-name.tsx';

/** What a wave gets, why, and what it will get. */
export function WavePanel({ map, wave }: { readonly map: TrainMap; readonly wave: MapWave }) {
  const at = map.tense === 'past' ? map.at : undefined;
  return (
    <section class="card panel" aria-label={`Wave ${nameOf(wave)}`}>
      <header class="panel-head">
        <h2>{nameOf(wave)}</h2>
        <button type="button" class="plain" onClick={() => becomeWith({ wave: undefined })}>
          Clear
        </button>
      </header>
      <p>
        {map.tense === 'past' ? 'Was given' : 'Is given'} <Answer answer={wave.answer} />
        {wave.require === 'good' ? <span class="quiet"> · takes tags marked good alone</span> : null}
      </p>
      <h3>Why</h3>
      <ol class="reasons">
        {wave.reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
      </ol>
      {wave.path.length === 0 ? null : <Path wave={wave} />}
      <Others wave={wave} />
      <p class="panel-links">
        <a href={hrefOf(['nodes'], { wave: wave.wave, at })}>Its {count(wave.nodes, 'node')}</a>
        {wave.failing > 0 ? (
          <a href={hrefOf(['nodes'], { wave: wave.wave, failing: 'yes' })}>{wave.failing} failing</a>
        ) : null}
        {wave.silent > 0 ? (
          <a href={hrefOf(['nodes'], { wave: wave.wave, silent: 'yes' })}>{wave.silent} silent</a>
        ) : null}
        {wave.drifted > 0 ? (
          <a href={hrefOf(['nodes'], { wave: wave.wave, drifted: 'yes' })}>{wave.drifted} drifted</a>
        ) : null}
      </p>
    </section>
  );
}

function Path({ wave }: { readonly wave: MapWave }) {
  return (
    <>
      <h3>The next hours, under today's marks</h3>
      <ol class="plain-list steps">
        {wave.path.map((step, index) => (
          <li key={step.at}>
            <span class="numbers quiet">{clock(Date.parse(step.at))}</span>
            {step.answer === (wave.path[index - 1]?.answer ?? wave.answer) ? (
              <span class="quiet">stays</span>
            ) : (
              <Answer answer={step.answer} />
            )}
          </li>
        ))}
      </ol>
    </>
  );
}

const NOT_ON_THE_MAP = /^(hold .*|trunk|killswitch|nothing|unknown)$/;

/** Nodes that stand in no column. */
function Others({ wave }: { readonly wave: MapWave }) {
  const others = wave.cells.filter(({ at }) => NOT_ON_THE_MAP.test(at));
  if (others.length === 0) return null;
  return (
    <>
      <h3>Not on a tag</h3>
      <ul class="plain-list">
        {others.map(({ at, told, running }) => (
          <li key={at}>
            {told > 0 ? `${count(told, 'node')} told ` : `${count(running, 'node')} running `}
            <Answer answer={at} />
          </li>
        ))}
      </ul>
    </>
  );
}
