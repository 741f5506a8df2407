import { describe, expect, test } from 'vitest';
import { hoursBack, isLate, type PlanInput, planBackfill, planTag } from '../../server/core/snapshot-plan.ts';

const at = (time: string): number => Date.parse(`2026-11-20T${time}Z`);
const HOUR = at('14:00') / 3_600_000;
const plan = (input: Partial<PlanInput<string>>) =>
  planTag<string>({
    hour: HOUR,
    now: at('14:00:05'),
    tip: { commit: 'tip', at: at('14:00:04') },
    tipAtHour: { commit: 'before', at: at('13:59:30') },
    fetchFailure: null,
    ...input,
  });

describe('the tag of an hour', () => {
  test('takes the tip as just fetched, as long as it is made within ten minutes', () => {
    for (const now of ['14:00:05', '14:09:59', '14:10:00']) {
      const made = plan({ now: at(now) });
      expect(made).toMatchObject({ commit: 'tip', origin: 'cron', stale: false, reasons: ['the tip as just fetched'] });
    }
    expect([isLate(HOUR, at('14:10:00')), isLate(HOUR, at('14:10:00.001'))]).toEqual([false, true]);
  });

  test('made later takes the tip as it was fetched last before the hour, so that no soak is cut short', () => {
    const made = plan({ now: at('14:25') });
    expect(made).toMatchObject({ commit: 'before', origin: 'late', stale: false, fetched: at('13:59:30') });
    expect(made?.reasons[0]).toContain(
      'made late: the tip as it was fetched last before the hour, at 2026-11-20T13:59',
    );
  });

  test('made later from a tip that was fetched long before the hour is stale, too', () => {
    expect(plan({ now: at('14:25'), tipAtHour: { commit: 'old', at: at('13:49:59') } })).toMatchObject({ stale: true });
    expect(plan({ now: at('14:25'), tipAtHour: { commit: 'old', at: at('13:50:00') } })).toMatchObject({
      stale: false,
    });
  });

  test('made later where nothing was fetched before the hour takes the tip as it is, and says so', () => {
    const made = plan({ now: at('14:25'), tipAtHour: undefined });
    expect(made).toMatchObject({ commit: 'tip', origin: 'late', stale: false });
    expect(made?.reasons).toEqual(['made late, and nothing was fetched before the hour: the tip as it is now']);
    expect(plan({ now: at('14:25'), tipAtHour: undefined, fetchFailure: 'it is gone' })).toMatchObject({ stale: true });
  });

  test('is stale, from what was fetched last, where the source cannot be read', () => {
    const made = plan({ tip: { commit: 'old', at: at('12:00') }, fetchFailure: 'it is gone' });
    expect(made).toMatchObject({ commit: 'old', origin: 'cron', stale: true, fetched: at('12:00') });
    expect(made?.reasons).toEqual(['the last fetched commit, of 2026-11-20T12:00:00.000Z, because it is gone']);
  });

  test('is not made where nothing was ever fetched', () => {
    expect(plan({ tip: undefined, tipAtHour: undefined, fetchFailure: 'it is gone' })).toBeUndefined();
  });
});

describe('the tags of past hours', () => {
  const history = ['13:30', '11:00', '10:59:59', '08:00'].map((time) => ({ committedAt: at(time) }));

  test('are the hours asked for and the current one, oldest first', () => {
    expect(hoursBack(at('14:25'), 3)).toEqual([HOUR - 3, HOUR - 2, HOUR - 1, HOUR]);
  });

  test('take the newest commit at or before each hour, and none before the first commit', () => {
    const hours = [HOUR - 7, HOUR - 6, HOUR - 4, HOUR - 3, HOUR - 1, HOUR];
    expect(planBackfill(history, hours)).toEqual([
      { hour: HOUR - 6, commit: history[3] },
      { hour: HOUR - 4, commit: history[3] },
      { hour: HOUR - 3, commit: history[1] },
      { hour: HOUR - 1, commit: history[1] },
      { hour: HOUR, commit: history[0] },
    ]);
  });
});
