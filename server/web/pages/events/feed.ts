import type { ShownEvent } from '../../../../protocol/api/events.ts';
import { day } from '../../words.ts';

/** Newest first, each once, whatever was known before and came now. */
export function merged(known: readonly ShownEvent[], come: readonly ShownEvent[]): readonly ShownEvent[] {
  const byId = new Map([...known, ...come].map((event) => [event.id, event]));
  return [...byId.values()].sort((one, other) => compareText(other.at, one.at) || other.id - one.id);
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** From where on older ones are asked for: the server tells of that instant's again, so there must be room for more than those. */
export function olderThan(
  known: readonly ShownEvent[],
  few: number,
): { readonly until: string; readonly limit: number } | null {
  const last = known.at(-1);
  if (last === undefined) return null;
  return { until: last.at, limit: few + known.filter(({ at }) => at === last.at).length };
}

export interface EventDay {
  readonly day: string;
  readonly events: readonly ShownEvent[];
}

export function eventDays(events: readonly ShownEvent[]): readonly EventDay[] {
  const days = new Map<string, ShownEvent[]>();
  for (const event of events) {
    const name = day(Date.parse(event.at));
    const found = days.get(name);
    if (found === undefined) days.set(name, [event]);
    else found.push(event);
  }
  return [...days].map(([name, found]) => ({ day: name, events: found }));
}

const SHORT = 60;
/** So much of a commit is in a sentence. */
const SAID = 12;
const COMMIT = /^[0-9a-f]{40,64}$/;

/** How what was before and after is shown: in a line, by lines, or not at all, as where the sentence has said it. */
export function changeOf({
  before,
  after,
  summary,
}: Pick<ShownEvent, 'before' | 'after' | 'summary'>): 'none' | 'line' | 'lines' {
  const [old, now] = [before?.trim() ?? '', after?.trim() ?? ''];
  if (old === now || isSaid(now === '' ? old : now, summary)) return 'none';
  const isShort = (text: string): boolean => text.length <= SHORT && !text.includes('\n');
  return isShort(old) && isShort(now) ? 'line' : 'lines';
}

function isSaid(text: string, summary: string): boolean {
  return summary.includes(COMMIT.test(text) ? text.slice(0, SAID) : text);
}
