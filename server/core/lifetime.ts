import { parseInstant } from './pin-tag.ts';

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
export const LIFETIME = 'a time to come: 90m, 12h, 30d, or 2027-01-01T00:00Z';
const MOST_MS = 36_500 * UNIT_MS.d;

/** Until when: `30d` from `now` on, or an instant. Milliseconds since 1970; undefined for what is neither, or over. */
export function parseLifetime(text: string, now: number): number | undefined {
  const [, digits, unit] = /^(\d{1,6})([mhd])$/.exec(text) ?? [];
  const until =
    digits === undefined ? parseInstant(text) : now + Number(digits) * UNIT_MS[unit as keyof typeof UNIT_MS];
  return until !== undefined && until > now && until - now <= MOST_MS ? until : undefined;
}
