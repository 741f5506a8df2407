/** `1 hour`, `4 hours`. */
export function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

/** Milliseconds since 1970 as `2026-11-20T11:00Z`. */
export function instant(at: number): string {
  return `${new Date(at).toISOString().slice(0, 16)}Z`;
}

/** What was written, in quotes, without what a terminal would obey, and cut where it is long. */
export function quoted(word: string): string {
  return JSON.stringify(word.length > 60 ? `${word.slice(0, 60)}…` : word);
}

const REASON_LIMIT = 500;
const UNFIT = /[\s\p{Cc}\p{Cs}\p{Bidi_Control}]+/gu;

/** A reason on one line, of at most 500 characters, without control characters. */
export function oneLine(reason: string): string {
  return reason
    .slice(0, 4 * REASON_LIMIT)
    .replace(UNFIT, ' ')
    .slice(0, REASON_LIMIT)
    .replace(/\p{Cs}$/u, '')
    .trim();
}
