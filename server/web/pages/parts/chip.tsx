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
export function Chip({ isOn, count, onToggle, children }: Props) {
  return (
    <button type="button" class={count === 0 ? 'chip chip-none' : 'chip'} aria-pressed={isOn} onClick={onToggle}>
      {children}
      {count === undefined ? null : <span class="chip-count">{grouped(count)}</span>}
    </button>
  );
}

/** Chips of which one or several may be on. */
export function Chips({ title, children }: { readonly title: string; readonly children: ComponentChildren }) {
  return (
    <fieldset class="chips">
      <legend>{title}</legend>
      {children}
    </fieldset>
  );
}
