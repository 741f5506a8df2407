import type { MapWave } from '../../../protocol/api/train.ts';
import { kindOf } from '../tag-name.ts';
import { compact, count } from '../words.ts';

interface Props {
  readonly wave: MapWave;
  readonly isChosen: boolean;
  readonly isStopped: boolean;
  readonly onChoose: () => void;
}

/** What a row is about, and what is wrong in it. Stays where it is while the hours scroll. */
export function WaveName({ wave, isChosen, isStopped, onChoose }: Props) {
  return (
    <th scope="row" class={isChosen ? 'map-name is-chosen' : 'map-name'}>
      <button type="button" class="map-wave" aria-pressed={isChosen} onClick={onChoose}>
        <span class="map-wave-name">{nameOf(wave)}</span>
        <span class="map-wave-lag quiet">+{wave.hours} h</span>
      </button>
      <span class="map-wave-facts">
        <span class="quiet">{count(wave.nodes, 'node')}</span>
        <Troubles wave={wave} isStopped={isStopped} />
      </span>
    </th>
  );
}

/** The name that a wave has by itself says the environment and the hours, which stand beside it. */
export function nameOf({ wave, environment, hours }: Pick<MapWave, 'wave' | 'environment' | 'hours'>): string {
  return wave === `${environment}+${hours}h` ? environment : wave;
}

const SIGNS = { failing: '▲', held: '‖', silent: '○', drifted: '≠' } as const;
const WORDS = { failing: 'failing', held: 'held', silent: 'silent', drifted: 'drifted' } as const;

function Troubles({ wave, isStopped }: Pick<Props, 'wave' | 'isStopped'>) {
  const kinds = (['failing', 'held', 'silent', 'drifted'] as const).filter((kind) => wave[kind] > 0);
  const holds = kindOf(wave.answer) === 'hold';
  return (
    <>
      {isStopped ? <span class="chip chip-bad">■ stopped</span> : null}
      {holds ? <span class="chip chip-bad" title={wave.answer}>{`${SIGNS.held} ${wave.answer}`}</span> : null}
      {kinds.map((kind) => (
        <span key={kind} class={`chip chip-${kind}`} title={`${count(wave[kind], 'node')} ${WORDS[kind]}`}>
          <span aria-hidden="true">{SIGNS[kind]}</span> {compact(wave[kind])}{' '}
          <span class="chip-word">{WORDS[kind]}</span>
        </span>
      ))}
    </>
  );
}
