export const TOLD_KINDS = ['killswitch', 'hold', 'failed', 'refused', 'disabled'] as const;

/** What an operator was last told, so that cron doesn't mail the same thing every minute. */
export interface Told {
  readonly kind: (typeof TOLD_KINDS)[number];
  /** What makes it the same: the message, or a hold's code, or the content that is refused. */
  readonly message: string;
  /** RFC 3339. */
  readonly at: string;
}

const DAY_MS = 86_400_000;

/**
 * The same trouble is told once and then daily. A clock that was set back must not silence anything:
 * what was told in the future counts as not told.
 */
export function isToTell(told: Told | null, notice: Pick<Told, 'kind' | 'message'>, now: number): boolean {
  if (told === null || told.kind !== notice.kind || told.message !== notice.message) return true;
  return !isWithinDay(told.at, now);
}

/** Whether an instant (RFC 3339) lies in the 24 hours up to `now` (milliseconds since 1970). */
export function isWithinDay(at: string, now: number): boolean {
  const age = now - Date.parse(at);
  return age >= 0 && age < DAY_MS;
}
