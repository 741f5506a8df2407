import { useEffect, useState } from 'preact/hooks';
import { becomeWith } from '../place.ts';
import { useStore } from '../store.ts';
import { tick } from '../ticking.ts';
import { absolute, day, relative } from '../words.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const STEP = 5 * MINUTE;
/** While somebody drags, no more often than this is asked for what was. */
const PAUSE_MS = 120;

interface Props {
  /** The earliest instant that is known of. */
  readonly since: number | null;
  /** What is looked at; null = now. */
  readonly at: number | null;
}

/** Goes back in time. At its right end it is now, and stays so. */
export function TimeSlider({ since, at }: Props) {
  const now = useStore(tick);
  const [dragged, setDragged] = useState<number | null>(null);
  useEffect(() => {
    if (dragged === null) return;
    const timer = setTimeout(() => {
      look(dragged, now);
      setDragged(null);
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [dragged, now]);
  const first = Math.floor((since ?? now) / STEP) * STEP;
  const last = Math.ceil(now / STEP) * STEP;
  const shown = dragged ?? at ?? last;
  const isNow = shown >= last;
  return (
    <div class={isNow ? 'slider' : 'slider is-past'}>
      <button type="button" class="plain" disabled={shown - HOUR < first} onClick={() => look(shown - HOUR, now)}>
        −1 h<span class="unseen">, back</span>
      </button>
      <input
        type="range"
        aria-label="Time that is shown"
        aria-valuetext={isNow ? 'now' : absolute(shown)}
        min={first}
        max={last}
        step={STEP}
        value={shown}
        disabled={since === null || last - first < STEP}
        onInput={(event) => setDragged(Number(event.currentTarget.value))}
      />
      <button type="button" class="plain" disabled={isNow} onClick={() => look(shown + HOUR, now)}>
        +1 h<span class="unseen">, forward</span>
      </button>
      <span class="slider-words numbers">
        {isNow ? 'Now' : `${day(shown)} ${absolute(shown).slice(11)}, ${relative(shown, now)}`}
      </span>
      <button
        type="button"
        class={isNow ? 'unshown' : ''}
        disabled={isNow}
        onClick={() => becomeWith({ at: undefined })}
      >
        Back to now
      </button>
    </div>
  );
}

function look(at: number, now: number): void {
  becomeWith({ at: at >= now ? undefined : new Date(at).toISOString().replace('.000Z', 'Z') });
}
