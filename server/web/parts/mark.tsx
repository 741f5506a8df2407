import { MARK_WORDS, type ShownMark } from './mark-state.ts';

/** Drawn in a square of 16: a shape of its own for each, so that nobody needs the colour. */
const SHAPES: Readonly<Record<ShownMark, string>> = {
  good: 'M3.5 8.5l3 3 6-7',
  bad: 'M4.5 4.5l7 7m0-7l-7 7',
  badfwd: 'M3.5 4l4 4-4 4m5-8l4 4-4 4',
  none: 'M8 8h.01',
  broken: 'M9.5 2.5l-4 6h5l-4 5.5',
};

interface Props {
  readonly state: ShownMark;
  /** What it says stands beside it. */
  readonly words?: boolean;
  /** What it says stands there already: it is not read out. */
  readonly isOrnament?: boolean;
}

/** A mark as colour and shape. Without words, they are read out. */
export function Mark({ state, words = false, isOrnament = false }: Props) {
  return (
    <span class={`mark mark-${state}`} title={words || isOrnament ? undefined : MARK_WORDS[state]}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <rect class="mark-box" x="0.75" y="0.75" width="14.5" height="14.5" rx="3" />
        <path d={SHAPES[state]} />
      </svg>
      {isOrnament ? null : <span class={words ? 'mark-words' : 'unseen'}>{MARK_WORDS[state]}</span>}
    </span>
  );
}
