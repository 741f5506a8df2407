import type { ComponentChildren } from 'preact';
import { shortTag } from '../../tag-name.ts';
import { Filter, FilterSet } from '../parts/filter.tsx';
import { toggled } from '../parts/list.ts';
import { OutcomeWord, type ReportOutcome } from '../parts/outcome.tsx';
import type { Facet, Matched } from './match.ts';
import type { PlacedWave } from './order.ts';
import { FLAGS, type Flag, type NodesQuery, OUTCOMES, type Outcome } from './query.ts';

interface Props {
  readonly query: NodesQuery;
  readonly matched: Matched | null;
  /** Outcomes that some node has, whatever is filtered. */
  readonly outcomes: readonly Outcome[];
  /** As in the schedule. */
  readonly waves: readonly PlacedWave[];
  readonly onChange: (changes: Partial<NodesQuery>) => void;
}

/** What the list can be narrowed to, each with how many there would be. */
export function Filters({ query, matched, outcomes, waves, onChange }: Props) {
  const environments = together(
    waves.map(({ environment }) => environment),
    query.environment,
    matched?.counts.environment,
  );
  const names = together(
    waves.map(({ wave }) => wave),
    query.wave,
    matched?.counts.wave,
  );
  const facet = (name: Facet, words: readonly string[], label: (word: string) => ComponentChildren = (word) => word) =>
    words.map((word) => (
      <Filter
        key={word}
        isOn={query[name].includes(word)}
        count={matched === null ? undefined : (matched.counts[name].get(word) ?? 0)}
        onToggle={() => onChange({ [name]: toggled(query[name], word) })}
      >
        {label(word)}
      </Filter>
    ));
  return (
    <div class="filters">
      <FilterSet title="State">
        {FLAGS.map((flag) => (
          <Filter
            key={flag}
            isOn={query.flags.has(flag)}
            count={matched?.flags.get(flag)}
            onToggle={() => onChange({ flags: new Set(toggled([...query.flags], flag) as Flag[]) })}
          >
            {flag}
          </Filter>
        ))}
      </FilterSet>
      <FilterSet title="Environment">{facet('environment', environments)}</FilterSet>
      {names.length === environments.length && query.wave.length === 0 ? null : (
        <FilterSet title="Wave">{facet('wave', names)}</FilterSet>
      )}
      <FilterSet title="Last outcome">
        {facet(
          'outcome',
          OUTCOMES.filter((word) => outcomes.includes(word) || query.outcome.includes(word)),
          (word) => (
            <OutcomeWord outcome={word === 'none' ? null : (word as ReportOutcome)} />
          ),
        )}
      </FilterSet>
      {query.told.length === 0 ? null : <FilterSet title="Told">{facet('told', query.told, shortTag)}</FilterSet>}
      {query.running.length === 0 ? null : (
        <FilterSet title="Running">{facet('running', query.running, shortTag)}</FilterSet>
      )}
    </div>
  );
}

/** Those of the schedule first, then any that nodes still have, or that is asked for. */
function together(
  known: readonly string[],
  asked: readonly string[],
  counts: ReadonlyMap<string, number> | undefined,
): readonly string[] {
  return [...new Set([...known, ...asked, ...(counts?.keys() ?? [])])].filter((word) => word !== '');
}
