const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

/** How long ago an instant (RFC 3339) is, as in `3 hours ago`. `now`: milliseconds since 1970. */
export function ago(at: string, now: number): string {
  const age = now - Date.parse(at);
  if (age < 0) return 'in the future, by the clock of this host';
  const [name, ms] = UNITS.find(([, length]) => age >= 2 * length) ?? ['second', 1_000];
  const count = Math.floor(age / ms);
  return count === 0 ? 'just now' : `${count} ${name}${count === 1 ? '' : 's'} ago`;
}
