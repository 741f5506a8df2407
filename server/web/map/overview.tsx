import type { TrainMap } from '../../../protocol/api/train.ts';
import { hrefOf } from '../router.ts';
import { grouped } from '../words.ts';

/** The whole fleet in one line: what is wrong stands out, and leads to who it is. */
export function Overview({ map }: { readonly map: TrainMap }) {
  const sum = (key: 'nodes' | 'failing' | 'held' | 'silent' | 'drifted'): number =>
    map.waves.reduce((total, wave) => total + wave[key], 0);
  const at = map.tense === 'past' ? map.at : undefined;
  const figures = [
    { key: 'nodes', number: sum('nodes'), href: hrefOf(['nodes'], { at }) },
    { key: 'failing', number: sum('failing'), href: hrefOf(['nodes'], { failing: 'yes', at }) },
    { key: 'held', number: sum('held'), href: hrefOf(['nodes'], { held: 'yes', at }) },
    { key: 'silent', number: sum('silent'), href: hrefOf(['nodes'], { silent: 'yes', at }) },
    { key: 'drifted', number: sum('drifted'), href: hrefOf(['nodes'], { drifted: 'yes', at }) },
  ];
  return (
    <ul class="figures" aria-label="The fleet">
      {figures.map(({ key, number, href }) => (
        <li key={key} class={number === 0 ? 'figure is-none' : `figure figure-${key}`}>
          <a href={href}>
            <strong class="numbers">{grouped(number)}</strong> {key}
          </a>
        </li>
      ))}
    </ul>
  );
}
