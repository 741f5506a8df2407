import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ClockReading, checkClock, startTrust, type Trust, trustedNow } from '../../server/core/clock-trust.ts';
import { at } from './worlds.ts';

const MINUTE = 60_000;
const START: ClockReading = { wall: at('14:00'), monotonic: 1_000 };

/** A reading so many minutes after the start, with the wall clock so many minutes off. */
function minutesOn(minutes: number, off = 0): ClockReading {
  return { wall: START.wall + (minutes + off) * MINUTE, monotonic: START.monotonic + minutes * MINUTE };
}

function check(...readings: ClockReading[]): Trust {
  return readings.reduce(checkClock, startTrust(START));
}

describe('the wall clock', () => {
  it('is trusted while it runs with the monotonic one', () => {
    const trust = check(minutesOn(1), minutesOn(2), minutesOn(600));
    expect(trust.doubtful).toBeNull();
    expect(trustedNow(trust, minutesOn(601))).toBe(START.wall + 601 * MINUTE);
  });

  it('is trusted when it is corrected by up to five minutes, either way', () => {
    expect(check(minutesOn(1, 5)).doubtful).toBeNull();
    expect(check(minutesOn(1, -5)).doubtful).toBeNull();
    expect(trustedNow(check(minutesOn(1, 5)), minutesOn(2, 5))).toBe(START.wall + 7 * MINUTE);
  });

  it('is trusted when it drifts off slowly', () => {
    const readings = Array.from({ length: 100 }, (_, minutes) => minutesOn(minutes, minutes * 0.5));
    expect(check(...readings).doubtful).toBeNull();
  });

  it.each([
    [60, 'ahead'],
    [-180, 'back'],
    [5.1, 'ahead'],
  ])('is doubted when it jumps by %s minutes, and says which way', (minutes, way) => {
    const trust = check(minutesOn(1, minutes));
    expect(trust.doubtful).toContain(`the clock jumped ${Math.round(Math.abs(minutes))} minutes ${way}`);
    expect(trust.doubtful).toContain('no tag is made');
  });
});

describe('while the wall clock is doubted', () => {
  it('decisions go on with the last trusted time and the time that passed since', () => {
    const trust = check(minutesOn(1), minutesOn(2, 60));
    expect(trustedNow(trust, minutesOn(2, 60))).toBe(START.wall + 2 * MINUTE);
    expect(trustedNow(trust, minutesOn(3, -600))).toBe(START.wall + 3 * MINUTE);
  });

  it('the wall clock does not count even when it comes near the trusted time', () => {
    expect(trustedNow(check(minutesOn(1, 60)), minutesOn(2, 3))).toBe(START.wall + 2 * MINUTE);
  });

  it('a clock that runs unsteadily is not trusted', () => {
    expect(check(minutesOn(1, 60), minutesOn(2.1, 60.5), minutesOn(3.2, 61)).doubtful).not.toBeNull();
  });

  it('a jump between two checks is no time to decide by either', () => {
    const trust = check(minutesOn(1));
    expect(trustedNow(trust, minutesOn(1.5, 60))).toBe(START.wall + 1.5 * MINUTE);
  });

  it('two checks that agree are not enough before a minute is over', () => {
    expect(check(minutesOn(1, 60), minutesOn(1.5, 60), minutesOn(1.9, 60)).doubtful).not.toBeNull();
  });

  it('two checks a minute apart that agree end the doubt, wherever the clock stands', () => {
    for (const off of [60, -180]) {
      const trust = check(minutesOn(1, off), minutesOn(1.5, off), minutesOn(2, off));
      expect(trust.doubtful).toBeNull();
      expect(trustedNow(trust, minutesOn(3, off))).toBe(START.wall + (3 + off) * MINUTE);
    }
  });

  it('a clock that jumps again starts the minute again', () => {
    const readings = [minutesOn(1, 60), minutesOn(1.9, 90), minutesOn(2.5, 90)];
    expect(check(...readings).doubtful).toContain('90 minutes ahead');
    expect(check(...readings, minutesOn(3, 90)).doubtful).toBeNull();
  });

  it('a clock that jumps back to where it was is trusted after a minute, and no time was lost', () => {
    const trust = check(minutesOn(1, 60), minutesOn(2), minutesOn(3));
    expect(trust.doubtful).toBeNull();
    expect(trustedNow(trust, minutesOn(4))).toBe(START.wall + 4 * MINUTE);
  });
});

it('whatever the wall clock does within a minute, the time to decide by moves with the monotonic one to within five minutes', () => {
  const jumps = fc.array(fc.integer({ min: -100_000, max: 100_000 }), { maxLength: 50 });
  fc.assert(
    fc.property(jumps, (offsets) => {
      let trust = startTrust(START);
      for (const [index, off] of offsets.entries()) {
        const reading = minutesOn(index / 60, off);
        const now = trustedNow(trust, reading);
        expect(Math.abs(now - trust.trusted.wall - (reading.monotonic - trust.trusted.monotonic))).toBeLessThanOrEqual(
          5 * MINUTE,
        );
        trust = checkClock(trust, reading);
      }
    }),
  );
});
