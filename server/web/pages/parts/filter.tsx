import type { ComponentChildren } from 'preact';
import { grouped } from '../../words.ts';

interface Props {
  readonly isOn: boolean;
  /** How many there are with it; none where that is not known yet. */
  readonly count?: number | undefined;
  readonly onToggle: () => void;
  readonly children: ComponentChildren;
}

/** A filter that is switched on and off. */
export function Filter({ isOn, count, onToggle, children }: Props) {
  return (
    <button type="button" class={count === 0 ? 'filter filter-none' : 'filter'} aria-pressed={isOn} onClick={onToggle}>
      {children}
      {count === undefined ? null : <span class="filter-count">{grouped(count)}</span>}
    </button>
  );
}

/** Chips of which one or several may be on. */
export function FilterSet({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <fieldset class="filter-set">
      <legend>{title}</legend>
      {children}
    </fieldset>
  );
}
