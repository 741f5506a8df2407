import type { ErrorCode } from '../../protocol/errors.ts';
import type { NewEvent } from '../core/event.ts';
import type { Actor } from './context.ts';

export interface Refusal {
  readonly code: ErrorCode;
  /** As the list of routes calls it, `PUT /v1/tags/:tag/mark`: never a path that the caller made up. */
  readonly route: string;
  /** Who was believed to ask, `HTTP` where that is not known, and from which address. */
  readonly actor: Actor;
}

/** Keeps those who are refused over and over from filling the history: the first counts at once, the others once a minute. */
export interface Refusals {
  note(refusal: Refusal): void;
  /** Records what was counted for a minute. Called every second. */
  flush(): void;
}

export interface RefusalsPorts {
  readonly now: () => number;
  /** Milliseconds since some start. */
  readonly monotonic: () => number;
  readonly record: (event: NewEvent) => void;
}

interface Counted {
  readonly refusal: Omit<Refusal, 'code'> & { readonly code: string };
  /** Not yet recorded. */
  more: number;
  since: number;
}

const MINUTE_MS = 60_000;
/** So many different (address, code, route) are told apart at a time. The others are counted together, as from `many addresses`. */
const MOST_KEYS = 200;
/** So many records may come at once, and so many a minute in the long run: some thousands a day, whoever tries whatever. */
const MOST_RECORDS = 200;
const RECORDS_A_MINUTE = 2;

export function openRefusals({ now, monotonic, record }: RefusalsPorts): Refusals {
  const counted = new Map<string, Counted>();
  const others: Counted = { refusal: OTHERS, more: 0, since: monotonic() };
  let left = MOST_RECORDS;
  let refilled = monotonic();

  const mayRecord = (): boolean => {
    const at = monotonic();
    left = Math.min(MOST_RECORDS, left + ((at - refilled) / MINUTE_MS) * RECORDS_A_MINUTE);
    refilled = at;
    if (left < 1) return false;
    left -= 1;
    return true;
  };

  const tellMore = (one: Counted): void => {
    record(eventOf(one.refusal, { at: now(), more: one.more, forMs: monotonic() - one.since }));
    one.more = 0;
    one.since = monotonic();
  };

  return {
    note(refusal) {
      const { code, route, actor } = refusal;
      const key = JSON.stringify([actor.from, code, route]);
      const known = counted.get(key);
      if (known !== undefined) known.more += 1;
      else if (counted.size >= MOST_KEYS || !mayRecord()) others.more += 1;
      else {
        counted.set(key, { refusal, more: 0, since: monotonic() });
        record(eventOf(refusal, { at: now(), more: 0, forMs: 0 }));
      }
    },
    flush() {
      const minuteAgo = monotonic() - MINUTE_MS;
      for (const [key, one] of counted) {
        if (one.since > minuteAgo) continue;
        // Who has been quiet for a minute is new when they come again.
        if (one.more === 0) counted.delete(key);
        else if (mayRecord()) tellMore(one);
      }
      if (others.since > minuteAgo) return;
      if (others.more > 0) tellMore(others);
      else others.since = monotonic();
    },
  };
}

const OTHERS = {
  code: 'different reasons',
  route: 'different routes',
  actor: { by: 'different callers', from: 'many addresses' },
};

function eventOf(
  { code, route, actor }: Counted['refusal'],
  { at, more, forMs }: { readonly at: number; readonly more: number; readonly forMs: number },
): NewEvent {
  const often =
    more === 0 ? '' : `, ${more} more ${more === 1 ? 'time' : 'times'} within ${Math.round(forMs / 1000)} s`;
  const summary = `${route} was refused: ${code}${often}`;
  return { at, kind: 'refusal', ...actor, subject: route, before: null, after: code, why: null, summary };
}
