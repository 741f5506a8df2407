import { hrefOf, type Place } from './router.ts';
import { useStatus } from './summary.ts';

const SECTIONS = [
  { path: [], name: 'Map' },
  { path: ['nodes'], name: 'Nodes' },
  { path: ['tags'], name: 'Tags' },
  { path: ['events'], name: 'Events' },
  { path: ['problems'], name: 'Problems' },
  { path: ['api'], name: 'API' },
] as const;

export function Navigation({ place }: { readonly place: Place }) {
  const problems = useStatus().value?.problems.length ?? 0;
  return (
    <nav aria-label="Pages">
      {SECTIONS.map(({ path, name }) => (
        <a key={name} href={hrefOf(path)} aria-current={place.path[0] === path[0] ? 'page' : undefined}>
          {name}
          {name === 'Problems' && problems > 0 ? (
            <span class="problem-count">
              {problems}
              <span class="unseen"> to look at</span>
            </span>
          ) : null}
        </a>
      ))}
    </nav>
  );
}
