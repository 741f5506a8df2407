import type { EventKind } from '../../../core/event.ts';
import { Filter, FilterSet } from '../parts/filter.tsx';
import { toggled } from '../parts/list.ts';
import { GROUPS, KINDS, kindsOf } from './kinds.ts';

interface Props {
  readonly kinds: readonly EventKind[];
  readonly onChange: (kinds: readonly EventKind[]) => void;
}

/** Which kinds of events are shown. */
export function KindFilters({ kinds, onChange }: Props) {
  const inOrder = (words: readonly string[]): readonly EventKind[] => KINDS.filter((kind) => words.includes(kind));
  return (
    <div class="filters">
      {GROUPS.map((group) => (
        <FilterSet key={group} title={group}>
          {kindsOf(group).map((kind) => (
            <Filter key={kind} isOn={kinds.includes(kind)} onToggle={() => onChange(inOrder(toggled(kinds, kind)))}>
              {kind}
            </Filter>
          ))}
        </FilterSet>
      ))}
    </div>
  );
}
