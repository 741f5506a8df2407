import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tagNameOf } from '../../protocol/names.ts';
import { decideBySchedule } from '../../server/core/decide.ts';
import { answerOf } from '../../server/core/effect.ts';
import { hoursUntilPast, laterTrouble, type Scheduled } from '../../server/core/later.ts';
import type { MarkLine, MarkState } from '../../server/core/marks.ts';
import { at, linesArbitrary, marksOf, NOON, tagAt, tagsArbitrary, tagsAt, waveArbitrary } from './worlds.ts';

const PRODUCTION = {
  name: 'production+4h',
  environment: 'production',
  hours: 4,
  require: 'not-bad',
  lookbackHours: 72,
} as Scheduled['schedule']['waves'][number];
const HOURS = [...Array(60).keys()];

function lines(states: Readonly<Record<number, MarkState>>): MarkLine[] {
  return Object.entries(states).map(([hour, state], index) => ({
    tag: tagAt(Number(hour)),
    state,
    environments: null,
    reason: 'broke ntp',
    line: index + 1,
    source: 'tagstate',
  }));
}

/** At 11:20, with a tag of every hour, also of those to come; production lags four hours. */
function world(states: Readonly<Record<number, MarkState>>, more: Partial<Scheduled> = {}): Scheduled {
  return {
    now: at('11:20'),
    tags: tagsAt(HOURS),
    marks: marksOf(lines(states)),
    schedule: { waves: [PRODUCTION] },
    ...more,
  };
}

function trouble(
  today: Readonly<Record<number, MarkState>>,
  proposed: Readonly<Record<number, MarkState>>,
  more: Partial<Scheduled> = {},
) {
  const tags = Object.keys(proposed).map((hour) => tagAt(Number(hour)));
  const after = world({ ...today, ...proposed }, more);
  return laterTrouble({ before: world(today, more), after, hours: hoursUntilPast(after, tags) });
}

describe('what would come of marks later', () => {
  test('bad marks of a whole run never send anybody back later', () => {
    expect(trouble({}, { 8: 'bad', 9: 'bad', 10: 'bad' })).toEqual([]);
  });

  test('badfwd marks of a whole run never send anybody back later', () => {
    expect(trouble({}, { 8: 'badfwd', 9: 'badfwd', 10: 'badfwd' })).toEqual([]);
  });

  test('badfwd before bad sends a wave ahead, and an hour later back', () => {
    const [later, ...more] = trouble({}, { 8: 'badfwd', 9: 'bad' });
    expect(more).toEqual([]);
    expect(later).toMatchObject({
      wave: 'production+4h',
      at: at('13:00'),
      from: tagAt(10),
      to: tagAt(7),
      kind: 'back',
    });
    expect(later?.sentence).toBe(
      `production+4h would go back from ${tagAt(10)} to ${tagAt(7)} at 2026-11-20T13:00Z: production lags 4 hours; due is ` +
        `${tagAt(9)}; ${tagAt(9)} is bad: "broke ntp" (tagstate line 2); ${tagAt(8)} is badfwd: "broke ntp" (tagstate line 1); ` +
        `${tagAt(7)} is unmarked: serving it`,
    );
  });

  test('what today would do all the same is not told again', () => {
    expect(trouble({ 8: 'badfwd', 9: 'bad' }, { 3: 'bad' })).toEqual([]);
  });

  test('a wave that runs out of acceptable tags is told, with the hour', () => {
    const wave = { ...PRODUCTION, lookbackHours: 6 };
    const marks = { 8: 'bad', 9: 'bad', 10: 'bad', 11: 'bad' } as const;
    const found = trouble({}, marks, { schedule: { waves: [wave] } });
    expect(found).toMatchObject([
      { at: at('14:00'), from: tagAt(7), to: 'hold no-acceptable-tag', kind: 'nothing-acceptable' },
    ]);
    expect(found[0]?.sentence).toContain('would be given nothing from 2026-11-20T14:00Z on (hold no-acceptable-tag): ');
  });

  test('who holds keeps what it has today, and going back from that counts', () => {
    const found = trouble({}, { 6: 'bad', 7: 'badfwd', 8: 'bad', 9: 'bad', 10: 'bad', 11: 'bad' });
    expect(found).toMatchObject([{ at: at('12:00'), from: tagAt(7), to: tagAt(5), kind: 'back' }]);
  });

  test('a tag is followed until it is past the longest lag, and no further', () => {
    const slow = { ...PRODUCTION, name: 'slow', hours: 30, lookbackHours: 90 };
    const found = trouble({}, { 10: 'badfwd', 11: 'bad' }, { schedule: { waves: [PRODUCTION, slow] } });
    expect(found.map(({ wave, at: when }) => [wave, new Date(when).toISOString()])).toEqual([
      ['production+4h', '2026-11-20T15:00:00.000Z'],
      ['slow', '2026-11-21T17:00:00.000Z'],
    ]);
  });

  test('of a schedule that lags for years the next fortnight is looked at', () => {
    const ages = { ...PRODUCTION, hours: 876_000, lookbackHours: 876_001 };
    const hours = (waves: Scheduled['schedule']['waves'], tags = [tagAt(8)]) =>
      hoursUntilPast({ now: at('11:20'), schedule: { waves } }, tags);
    expect([hours([PRODUCTION]), hours([PRODUCTION], [tagAt(14)]), hours([PRODUCTION, ages])]).toEqual([6, 9, 336]);
  });

  test('in any world, it is what deciding hour by hour shows', () => {
    const worlds = fc.record({
      now: fc.integer({ min: at('00:00'), max: at('00:00') + 30 * 3_600_000 }),
      tags: tagsArbitrary,
      waves: fc.uniqueArray(waveArbitrary, { minLength: 1, maxLength: 3, selector: ({ name }) => name }),
      today: linesArbitrary('tagstate'),
      more: linesArbitrary('tagstate'),
    });
    fc.assert(
      fc.property(worlds, ({ now, tags, waves, today, more }) => {
        const future = [...tags];
        for (let hour = NOON - 12; hour <= NOON + 60; hour++)
          if (hour > now / 3_600_000 && !tags.some((tag) => tag.hour === hour))
            future.push({ name: tagNameOf(hour), hour, broken: null });
        future.sort((a, b) => a.hour - b.hour);
        const given = { now, tags: future, schedule: { waves } };
        const before = { ...given, marks: marksOf(today) };
        const after = { ...given, marks: marksOf([...today, ...more]) };
        const found = laterTrouble({ before, after, hours: 20 });
        for (const one of found) {
          const wave = waves.find(({ name }) => name === one.wave);
          if (wave === undefined) throw new Error(one.wave);
          const then = (marks: Scheduled['marks']) =>
            answerOf(decideBySchedule({ now: one.at, tags: future, marks, wave }));
          expect(then(after.marks)).toBe(one.to);
          expect(one.at).toBeGreaterThan(now);
          if (one.kind === 'back') expect(one.from > one.to, `${one.from} is newer than ${one.to}`).toBe(true);
          else expect(one.to).toMatch(/^hold /);
        }
      }),
    );
  });
});
