import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decideBySchedule } from '../../server/core/decide.ts';
import { type RetentionQuestion, retainedSince, tagsToPrune } from '../../server/core/retention.ts';
import { DEFAULT_SCHEDULE, environmentsOf, type Schedule } from '../../server/core/schedule.ts';
import { parseTagstate } from '../../server/core/tagstate.ts';
import { linesArbitrary, marksOf, NOON, tagAt, tagsArbitrary, tagsAt, waveArbitrary } from './worlds.ts';

/** A thousand hours, the newest that of noon. */
const THOUSAND = Array.from({ length: 1_001 }, (_, index) => 12 - 1_000 + index);

describe('tags are kept', () => {
  it('for the hours of retention, and pruned beyond them, oldest first', () => {
    const pruned = prune({ retentionHours: 720 });
    expect(pruned).toHaveLength(1_000 - 720);
    expect(pruned[0]).toBe(tagAt(12 - 1_000));
    expect(pruned.at(-1)).toBe(tagAt(12 - 721));
  });

  it('never for less than the longest lookback and a day', () => {
    expect(prune({ retentionHours: 1 })).toHaveLength(1_000 - 96);
    const [wave] = DEFAULT_SCHEDULE.waves;
    const schedule: Schedule = wave ? { waves: [{ ...wave, hours: 200, require: 'good' }] } : DEFAULT_SCHEDULE;
    expect(retainedSince({ now: NOON * 3_600_000, schedule, retentionHours: 1 })).toBe(NOON - 224);
  });

  it('at least so many of the newest, however old', () => {
    expect(prune({ keepAtLeast: 24, tags: tagsAt(THOUSAND.slice(0, 100)) })).toHaveLength(100 - 24);
    expect(prune({ keepAtLeast: 24, tags: tagsAt(THOUSAND.slice(0, 20)) })).toEqual([]);
  });

  it('where a pin or a node holds on to them', () => {
    const [pinned, running] = [tagAt(-900), tagAt(-800)];
    const pruned = prune({ pinnedTags: [pinned], runningTags: [running] });
    expect(pruned).not.toContain(pinned);
    expect(pruned).not.toContain(running);
    expect(pruned).toContain(tagAt(-801));
  });

  it('where they are the last three good ones of an environment, but not a broken one', () => {
    const good = [-980, -970, -960, -950, -940].map((hour) => `${tagAt(hour)} good:production\n`);
    const marks = marksOf(parseTagstate(good.join(''), 'tagstate').lines);
    const pruned = prune({ marks, tags: tagsAt(THOUSAND, [-940]) });
    expect([-980, -970, -960, -950, -940].filter((hour) => !pruned.includes(tagAt(hour)))).toEqual([-970, -960, -950]);
  });

  it('where a wave resolves to them now, when no tag was made for weeks', () => {
    const tags = tagsAt(THOUSAND.slice(0, 100));
    const bad = tags.slice(-40).map((tag) => `${tag.name} bad\n`);
    const marks = marksOf(parseTagstate(bad.join(''), 'tagstate').lines);
    const pruned = prune({ tags, marks, keepAtLeast: 0 });
    expect(pruned).toHaveLength(100 - 2);
    expect(pruned).not.toContain(tags[59]?.name);
    expect(pruned).not.toContain(tags[99]?.name);
  });

  it('where they are ahead of now', () => {
    expect(prune({ tags: tagsAt([20, 21]), keepAtLeast: 0 })).toEqual([]);
  });
});

it('no wave’s decision changes when the tags are gone', () => {
  const question = fc.record({
    tags: tagsArbitrary,
    lines: linesArbitrary('tagstate'),
    waves: fc.array(waveArbitrary, { minLength: 1, maxLength: 3 }),
    laterHours: fc.integer({ min: 0, max: 200 }),
    keepAtLeast: fc.integer({ min: 0, max: 3 }),
  });
  let pruned = 0;
  fc.assert(
    fc.property(question, ({ tags, lines, waves, laterHours, keepAtLeast }) => {
      const now = (NOON + laterHours) * 3_600_000;
      const marks = marksOf(lines);
      const rest = { groups: [], percent: null, isDefault: true, haltAfter: null };
      const schedule = { waves: waves.map((wave) => ({ ...wave, ...rest })) };
      const gone = new Set(prune({ now, tags, marks, schedule, keepAtLeast, retentionHours: 1 }));
      pruned += gone.size;
      const left = tags.filter((tag) => !gone.has(tag.name));
      for (const wave of waves) {
        const [before, after] = [tags, left].map((some) => decideBySchedule({ now, tags: some, marks, wave }));
        expect({ ...after, reasons: [] }).toEqual({ ...before, reasons: [] });
      }
    }),
    { numRuns: 1_000 },
  );
  expect(pruned).toBeGreaterThan(100);
});

/** What goes at noon, by the default schedule. */
function prune(given: Partial<RetentionQuestion>): string[] {
  return tagsToPrune({
    now: NOON * 3_600_000,
    tags: tagsAt(THOUSAND),
    marks: { ...marksOf([]), environments: environmentsOf(DEFAULT_SCHEDULE) },
    schedule: DEFAULT_SCHEDULE,
    retentionHours: 720,
    keepAtLeast: 24,
    pinnedTags: [],
    runningTags: [],
    ...given,
  });
}
