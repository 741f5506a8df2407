import type { ShownMove, ShownPreview } from '../../../protocol/api/changes.ts';
import { Answer } from '../parts/answer.tsx';
import { hrefOf } from '../router.ts';
import { count, sentence } from '../words.ts';

const SIGNS: Readonly<Record<ShownMove['direction'], string>> = {
  forward: '→',
  back: '←',
  stops: '■',
  resumes: '▶',
  changes: '→',
};
const WORDS: Readonly<Record<ShownMove['direction'], string>> = {
  forward: 'forward',
  back: 'goes back',
  stops: 'stops',
  resumes: 'goes on',
  changes: 'changes',
};

/** Who moves from what to what, by wave. `nothing`: what is said where nobody moves. */
export function MoveTable({ preview, nothing }: { readonly preview: ShownPreview; readonly nothing: string }) {
  const { moves, waves, pinned, unknown, staying } = preview;
  const total = moves.reduce((sum, { nodes }) => sum + nodes.length, 0);
  // A wave that has no nodes yet moves all the same.
  const empty = waves.filter((wave) => wave.from !== wave.to && moves.every((move) => move.wave !== wave.wave));
  return (
    <>
      {total + empty.length === 0 ? (
        <p>{nothing}</p>
      ) : (
        <Moves moves={[...moves, ...empty.map((wave) => ({ ...wave, nodes: [] }))]} />
      )}
      <p class="quiet">
        {count(total, 'node')} {total === 1 ? 'moves' : 'move'}, {staying} stay
        {pinned.length === 0 ? '' : `, ${count(pinned.length, 'pinned node')} among them`}.
      </p>
      {unknown.map((what) => (
        <p key={what} class="stale">
          {sentence(what)}
        </p>
      ))}
    </>
  );
}

function Moves({ moves }: { readonly moves: readonly ShownMove[] }) {
  return (
    <div class="table-room">
      <table class="moves">
        <thead>
          <tr>
            <th scope="col">Wave</th>
            <th scope="col" class="number">
              Nodes
            </th>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col" class="minor">
              <span class="unseen">Direction</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {moves.map((move) => (
            <tr key={`${move.wave} ${move.from} ${move.to}`} class={`move-${move.direction}`}>
              <th scope="row">
                <a href={hrefOf(['nodes'], { wave: move.wave })}>{move.wave}</a>
              </th>
              <td class="number">{move.nodes.length.toLocaleString('en')}</td>
              <td>
                <Answer answer={move.from} short />
              </td>
              <td>
                <span aria-hidden="true" class="move-sign">
                  {SIGNS[move.direction]}
                </span>{' '}
                <Answer answer={move.to} short />
              </td>
              <td class="minor">
                <span class="move-words">{WORDS[move.direction]}</span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
