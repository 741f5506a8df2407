import type { MapWave, TrainMap } from '../../../../protocol/api/train.ts';
import { hrefOf } from '../../router.ts';
import { count, grouped } from '../../words.ts';
import { joinList } from '../parts/list.ts';

interface Props {
  readonly name: string;
  /** How many were told it last. */
  readonly nodes: number;
  readonly map: TrainMap | null;
}

/** Who is on a tag, wave by wave. */
export function Whereabouts({ name, nodes, map }: Props) {
  const rows = (map?.waves ?? []).map((wave) => ({ wave, cell: wave.cells.find(({ at }) => at === name) }));
  return (
    <section class="card" aria-labelledby="where">
      <h2 id="where">{nodes === 0 ? 'No node was told it last' : `${count(nodes, 'node')} told it last`}</h2>
      <table class="whereabouts">
        <thead>
          <tr>
            <th scope="col">Wave</th>
            <th scope="col" class="number">
              Told
            </th>
            <th scope="col" class="number">
              Running
            </th>
            <th scope="col" class="number">
              Failing
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(({ wave, cell }) => (
            <tr key={wave.wave}>
              <th scope="row">
                {wave.wave}
                {wave.answer === name ? <span class="flag flag-pinned given">given now</span> : null}
              </th>
              <Amount wave={wave} number={cell?.told} query={{ told: name }} />
              <Amount wave={wave} number={cell?.running} query={{ running: name }} />
              <Amount wave={wave} number={cell?.failing} query={{ told: name, failing: 'yes' }} isBad />
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface AmountProps {
  readonly wave: MapWave;
  readonly number: number | undefined;
  readonly query: Readonly<Record<string, string>>;
  readonly isBad?: boolean;
}

function Amount({ wave, number = 0, query, isBad = false }: AmountProps) {
  if (number === 0) return <td class="number quiet">–</td>;
  return (
    <td class={isBad ? 'number is-bad' : 'number'}>
      <a href={hrefOf(['nodes'], { wave: joinList([wave.wave]), ...query })}>{grouped(number)}</a>
    </td>
  );
}
