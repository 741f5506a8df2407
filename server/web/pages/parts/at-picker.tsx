import { useId } from 'preact/hooks';
import { absolute } from '../../words.ts';

const HOUR_MS = 3_600_000;
const PATTERN = '\\d{4}-\\d{2}-\\d{2}[ T]\\d{2}:\\d{2}';

interface Props {
  /** RFC 3339; null = now. */
  readonly at: string | null;
  readonly onAt: (at: string | null) => void;
  /** Whether times ahead can be asked for, too. */
  readonly isAhead?: boolean;
}

/** Goes back in time, and forward: by the hour, or to any minute. UTC. */
export function AtPicker({ at, onAt, isAhead = false }: Props) {
  const id = useId();
  const shown = at === null ? Date.now() : Date.parse(at);
  const isEnd = at === null && !isAhead;
  const step = (hours: number): void => {
    const next = Math.floor(shown / HOUR_MS) * HOUR_MS + hours * HOUR_MS;
    onAt(next >= Date.now() && !isAhead ? null : minutes(next));
  };
  return (
    <fieldset class="at-picker">
      <legend class="unseen">Time that is shown</legend>
      <button
        type="button"
        aria-label="An hour earlier"
        onClick={() => step(at !== null && shown % HOUR_MS === 0 ? -1 : 0)}
      >
        <span aria-hidden="true">←</span>
      </button>
      <label for={id} class="unseen">
        Shown as of, in UTC
      </label>
      <input
        id={id}
        type="text"
        inputMode="numeric"
        size={16}
        maxLength={16}
        pattern={PATTERN}
        title="YYYY-MM-DD HH:MM, in UTC"
        key={at ?? 'now'}
        defaultValue={minutes(shown).slice(0, 16).replace('T', ' ')}
        onChange={(event) => {
          const input = event.currentTarget;
          const chosen = `${input.value.trim().replace(' ', 'T')}Z`;
          if (input.reportValidity() && !Number.isNaN(Date.parse(chosen))) onAt(chosen);
        }}
      />
      <span class="quiet at-utc" aria-hidden="true">
        UTC
      </span>
      <button type="button" aria-label="An hour later" disabled={isEnd} onClick={() => step(1)}>
        <span aria-hidden="true">→</span>
      </button>
      <button type="button" aria-pressed={at === null} onClick={() => onAt(null)}>
        Now
      </button>
    </fieldset>
  );
}

/** `2026-11-20T08:00Z` */
function minutes(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16)}Z`;
}

/** Says that it is not now that is shown. */
export function Then({ at }: { readonly at: string }) {
  const instant = Date.parse(at);
  if (Number.isNaN(instant)) return null;
  return (
    <p class="then" role="status">
      As of {absolute(instant)}, {instant > Date.now() ? 'by what is known today' : 'as it was then'}.
    </p>
  );
}
