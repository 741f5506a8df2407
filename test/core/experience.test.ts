import { describe, expect, test } from 'vitest';
import { describeExperience, type WaveExperience } from '../../server/core/experience.ts';

const HOUR = 3_600_000;
const WAVES = [
  { name: 'development+0h', environment: 'development', hours: 0 },
  { name: 'qa+1h', environment: 'qa', hours: 1 },
  { name: 'east', environment: 'production', hours: 3 },
  { name: 'west', environment: 'production', hours: 4 },
].map((wave) => ({ ...wave, environment: wave.environment as never }));

function experience(wave: string, changes: Partial<WaveExperience> = {}): WaveExperience {
  return { wave, ran: 0, milliseconds: 0, failed: 0, rolledBack: 0, first: [], ...changes };
}

function said(experiences: readonly WaveExperience[], wave = 'west'): string | undefined {
  const asked = WAVES.find(({ name }) => name === wave);
  if (asked === undefined) throw new Error(wave);
  return describeExperience({ wave: asked, waves: WAVES, experiences });
}

const DEVELOPMENT = experience('development+0h', { ran: 300, milliseconds: 300 * 4 * HOUR });
const QA = experience('qa+1h', { ran: 112, milliseconds: 112 * 4 * HOUR });

describe('what earlier waves experienced', () => {
  test('is how many nodes of which waves have run it, for how long, and that none failed', () => {
    expect(said([QA, DEVELOPMENT])).toBe('412 development and qa nodes have run it for 4 h, none failed');
    expect(said([experience('qa+1h', { ran: 1, milliseconds: HOUR })])).toBe(
      '1 qa node has run it for 1 h, none failed',
    );
  });

  test('names the wave where it shares its environment', () => {
    expect(said([DEVELOPMENT, QA, experience('east', { ran: 188, milliseconds: 0 })])).toBe(
      '600 development, qa and east nodes have run it for 2 h, none failed',
    );
  });

  test('counts no wave that lags as much or more, and none that the schedule does not have', () => {
    const others = [experience('west', { ran: 5 }), experience('gone', { ran: 5, failed: 5 })];
    expect(said(others)).toBeUndefined();
    expect(said([...others, DEVELOPMENT], 'qa+1h')).toBe('300 development nodes have run it for 4 h, none failed');
    expect(said([DEVELOPMENT], 'development+0h')).toBeUndefined();
  });

  test('is nothing where nobody has run it and nobody failed', () => {
    expect(said([])).toBeUndefined();
    expect(said([experience('qa+1h')])).toBeUndefined();
  });

  test.each<[string, Partial<WaveExperience>, string]>([
    ['failed', { failed: 1, first: ['qa1'] }, '1 failed: qa1'],
    ['went back', { rolledBack: 2, first: ['qa1', 'qa2'] }, '2 rolled back: qa1, qa2'],
    ['did either', { failed: 1, rolledBack: 2, first: ['a', 'b', 'c'] }, '3 failed or rolled back: a, b, c'],
    ['are many', { failed: 9, first: ['a', 'b', 'c', 'd', 'e'] }, '9 failed: a, b, c, d, e and 4 more'],
  ])('names those that %s', (_, changes, words) => {
    expect(said([{ ...QA, ...changes }])).toBe(`112 qa nodes have run it for 4 h, ${words}`);
    expect(said([experience('qa+1h', changes)])).toBe(`no node of an earlier wave is known to have run it, ${words}`);
  });

  test('names five of several waves together, those of the earliest first', () => {
    const first = (wave: string, names: string) => experience(wave, { failed: 3, first: names.split('') });
    expect(said([first('qa+1h', 'def'), first('development+0h', 'abc')])).toContain(
      '6 failed: a, b, c, d, e and 1 more',
    );
  });

  test.each([
    [0, '0 min'],
    [49 * 60_000, '49 min'],
    [55 * 60_000, '1 h'],
    [1.5 * HOUR, '1 h'],
    [3.9 * HOUR, '4 h'],
    [71 * HOUR, '71 h'],
    [100 * HOUR, '4 days'],
  ])('the time is the average of a node: %d ms are %s', (milliseconds, words) => {
    expect(said([experience('qa+1h', { ran: 3, milliseconds: 3 * milliseconds })])).toContain(`for ${words},`);
  });
});
