/** So many a minute, of which so many may come at once. */
export interface Rate {
  readonly perMinute: number;
  readonly burst: number;
}

/** Sums of fractions are never quite right. */
const ROUNDING_MS = 0.001;

/**
 * One number says how much somebody has asked lately: the instant at which all of it will have been paid for (the generic cell
 * rate algorithm). `paid`: what the last call answered, 0 for somebody new. Instants are milliseconds on a clock that never
 * jumps. Answers the number to keep, or how long to wait where this one is too many.
 */
export function takeOne(
  paid: number,
  now: number,
  { perMinute, burst }: Rate,
): { readonly ok: true; readonly paid: number } | { readonly ok: false; readonly waitMs: number } {
  const each = 60_000 / perMinute;
  const next = Math.max(paid, now) + each;
  const ahead = next - now - burst * each;
  return ahead > ROUNDING_MS ? { ok: false, waitMs: ahead } : { ok: true, paid: next };
}
