import type { MapWave, TrainMap } from '../../../protocol/api/train.ts';
import { hrefOf } from '../router.ts';
import { clock, count } from '../words.ts';
import { cellsOf } from './cells.ts';
import { nameOf } from './wave-name.tsx';

/** One line a wave that has a tag now, or will have it within the hours that are foreseen. */
export function WhereList({ map, name }: { readonly map: TrainMap; readonly name: string }) {
  const at = map.tense === 'past' ? map.at : undefined;
  const lines = map.waves.flatMap((wave) => {
    const words = wordsOf(wave, name);
    const isThere = wave.cells.some((cell) => cell.at === name && cell.told > 0);
    return words === null ? [] : [{ wave, words, isThere }];
  });
  if (lines.length === 0) return <p class="quiet">No node was told it, and no wave gets it in the next hours.</p>;
  return (
    <ul class="plain-list where">
      {lines.map(({ wave, words, isThere }) => (
        <li key={wave.wave}>
          <a href={hrefOf(['nodes'], { wave: wave.wave, told: isThere ? name : undefined, at })}>{nameOf(wave)}</a>
          <span>{words}</span>
        </li>
      ))}
    </ul>
  );
}

function wordsOf(wave: MapWave, name: string): string | null {
  const cell = cellsOf(wave).get(name);
  const arrives = wave.path.findIndex(({ answer }) => answer === name);
  const at = wave.path[arrives];
  const leaves = wave.answer === name ? wave.path.find(({ answer }) => answer !== name) : undefined;
  const parts = [
    ...(cell === undefined ? [] : [cell.words]),
    ...(cell === undefined && wave.answer === name ? ['due now'] : []),
    ...(leaves === undefined ? [] : [`until ${clock(Date.parse(leaves.at))}`]),
    ...(wave.answer !== name && at !== undefined
      ? [`arrives at ${clock(Date.parse(at.at))}${cell === undefined ? ` (${count(wave.nodes, 'node')})` : ''}`]
      : []),
  ];
  return parts.length === 0 ? null : parts.join(', ');
}
