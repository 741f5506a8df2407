import { instant } from './wording.ts';

/** Both clocks at one moment, in milliseconds: the wall clock since 1970, the monotonic one since some start. */
export interface ClockReading {
  readonly wall: number;
  readonly monotonic: number;
}

export interface Trust {
  /** The last reading whose wall clock was trusted. */
  readonly trusted: ClockReading;
  /** While doubtful: the reading that the next ones have to agree with. */
  readonly candidate: ClockReading | null;
  /** One sentence while the wall clock is doubted: no tag may be made. Null = all is well. */
  readonly doubtful: string | null;
}

const JUMP_MS = 5 * 60_000;
const AGREEMENT_MS = 5_000;
/** A minute, less what a timer may be early. */
const PROBATION_MS = 59_000;

export function startTrust(reading: ClockReading): Trust {
  return { trusted: reading, candidate: null, doubtful: null };
}

/**
 * To be called at least once a minute. A wall clock that moves more than 5 minutes against the monotonic one, either way, is
 * doubted until two readings a minute apart agree that it runs steadily; it is then believed, wherever it stands.
 */
export function checkClock(trust: Trust, reading: ClockReading): Trust {
  if (trust.candidate === null) {
    const jump = drift(trust.trusted, reading);
    if (Math.abs(jump) <= JUMP_MS) return startTrust(reading);
    return { trusted: trust.trusted, candidate: reading, doubtful: sentence(trust, reading, jump) };
  }
  if (Math.abs(drift(trust.candidate, reading)) > AGREEMENT_MS) {
    const jump = drift(trust.trusted, reading);
    return { trusted: trust.trusted, candidate: reading, doubtful: sentence(trust, reading, jump) };
  }
  return reading.monotonic - trust.candidate.monotonic >= PROBATION_MS ? startTrust(reading) : trust;
}

/** The time to decide by, in milliseconds since 1970: the wall clock, or while it is doubted the trusted time carried on. */
export function trustedNow(trust: Trust, reading: ClockReading): number {
  const { wall, monotonic } = trust.trusted;
  const isDoubted = trust.candidate !== null || Math.abs(drift(trust.trusted, reading)) > JUMP_MS;
  return isDoubted ? wall + (reading.monotonic - monotonic) : reading.wall;
}

/** By how many milliseconds the wall clock ran ahead of the monotonic one between two readings. */
function drift(from: ClockReading, to: ClockReading): number {
  return to.wall - from.wall - (to.monotonic - from.monotonic);
}

function sentence(trust: Trust, reading: ClockReading, jump: number): string {
  const expected = trust.trusted.wall + (reading.monotonic - trust.trusted.monotonic);
  const by = `${Math.round(Math.abs(jump) / 60_000)} minutes ${jump > 0 ? 'ahead' : 'back'}`;
  return (
    `the clock jumped ${by}, to ${instant(reading.wall)}: decisions go on with ${instant(expected)} and no tag is made ` +
    'until two checks a minute apart agree'
  );
}
