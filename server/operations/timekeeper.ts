import { checkClock, startTrust, trustedNow } from '../core/clock-trust.ts';
import type { Problem } from '../core/problem.ts';
import type { Clock } from '../ports/common.ts';

/** The time that decisions are made by: the wall clock, unless it has just jumped. */
export interface Timekeeper {
  /** Milliseconds since 1970. */
  now(): number;
  /** Compares the clocks. Called once a minute. */
  check(): void;
  /** Why no tag may be made now, or null. */
  doubt(): string | null;
  problems(): Problem[];
}

export function openTimekeeper(clock: Clock): Timekeeper {
  const reading = () => ({ wall: clock.now(), monotonic: clock.monotonic() });
  let trust = startTrust(reading());
  const look = () => {
    trust = checkClock(trust, reading());
  };
  return {
    now: () => trustedNow(trust, reading()),
    check: look,
    doubt() {
      look();
      return trust.doubtful;
    },
    problems() {
      if (trust.doubtful === null) return [];
      return [
        {
          id: 'clock:jumped',
          severity: 'error',
          sentence: trust.doubtful,
          hint: 'check the time service of this machine; the clock is trusted again after two steady checks a minute apart',
        },
      ];
    },
  };
}
