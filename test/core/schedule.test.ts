import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Hostname } from '../../protocol/names.ts';
import { sentenceOf } from '../../server/core/problem.ts';
import { DEFAULT_SCHEDULE, environmentsOf, parseSchedule, type Schedule, waveOf } from '../../server/core/schedule.ts';
import { anyText } from '../rig/any-text.ts';

const WHOLE = `waves:
  - {environment: development, groups: [dev, int], hours: 0}
  - {environment: qa,          groups: [qa],       hours: 1}
  - {environment: staging,     groups: [stg],      hours: 2, require: good}
  - {environment: production,  groups: [prod-east], hours: 3}   # the part you can afford to lose
  - {environment: production,  default: true,      hours: 4, lookback_hours: 100}
`;

function schedule(text: string): Schedule {
  const parsed = parseSchedule(text);
  if (!parsed.ok) throw new Error(parsed.errors.map(sentenceOf).join('\n'));
  return parsed.value;
}

function errorsOf(text: string): string[] {
  const parsed = parseSchedule(text);
  return parsed.ok ? [] : parsed.errors.map(sentenceOf);
}

const LAST = '  - {environment: production, default: true, hours: 4}\n';
const host = (text: string) => text as Hostname;

describe('schedule.yml', () => {
  test('says for each wave its environment, lag, requirement and lookback, with a name made of environment and hours', () => {
    const { waves } = schedule(WHOLE);
    expect(waves.map((wave) => wave.name)).toEqual([
      'development+0h',
      'qa+1h',
      'staging+2h',
      'production+3h',
      'production+4h',
    ]);
    expect(waves[2]).toEqual({
      name: 'staging+2h',
      environment: 'staging',
      hours: 2,
      require: 'good',
      lookbackHours: 72,
      groups: ['stg'],
      percent: null,
      isDefault: false,
      haltAfter: null,
    });
    expect(waves[4]).toMatchObject({ lookbackHours: 100, isDefault: true, groups: [] });
  });

  test('is, where there is none, development, qa, staging and production for everyone else', () => {
    expect(DEFAULT_SCHEDULE).toEqual(
      schedule(
        WHOLE.replace(/.*prod-east.*\n/, '')
          .replace(', require: good', '')
          .replace(', lookback_hours: 100', ''),
      ),
    );
  });

  test('has all its mistakes told at once, each with its line', () => {
    const text = `waves:
  - {environment: Dev, groups: [dev], hours: 1h}
  - {enviroment: qa, groups: qa, hours: -1, percent: 101}
  - {environment: qa, groups: [qa], hours: 1.5, require: bad}
  - {environment: stg, groups: ["a b"], hours: 2, lookback_hours: 2}
pause: true
`;
    expect(errorsOf(text)).toEqual(
      [
        'schedule.yml line 2: waves.0.environment: expected an environment: lower-case letters, digits, dots, hyphens and underscores, a letter or digit first, found "Dev"',
        'schedule.yml line 2: waves.0.hours: expected a whole number of hours, 0 to 876600, found "1h"',
        'schedule.yml line 3: waves.1.environment: expected an environment: lower-case letters, digits, dots, hyphens and underscores, a letter or digit first, found nothing',
        'schedule.yml line 3: waves.1.hours: expected a whole number of hours, 0 to 876600, found -1',
        'schedule.yml line 3: waves.1.groups: expected a list of groups, found "qa"',
        'schedule.yml line 3: waves.1.percent: expected a percentage from 0 to 100, found 101',
        'schedule.yml line 3: waves.1.enviroment: expected one of the keys environment, hours, name, groups, default, require, lookback_hours, percent, halt_after, found the unknown key "enviroment"; did you mean "environment"?',
        'schedule.yml line 4: waves.2.hours: expected a whole number of hours, 0 to 876600, found 1.5',
        'schedule.yml line 4: waves.2.require: expected one of not-bad, good, found "bad"',
        'schedule.yml line 5: waves.3.groups.0: expected the name of a group: up to 100 characters without spaces and slashes, no dot first, found "a b"',
        'schedule.yml line 5: waves.3.lookback_hours: expected more hours than the wave lags (2), found 2',
        'schedule.yml line 5: waves.3.default: expected default: true in the last wave, found nothing',
        'schedule.yml line 6: pause: expected one of the keys waves, found the unknown key "pause"',
      ].map((line) => line.replace('one of the keys waves', 'no key but waves')),
    );
  });

  test('has exactly one default wave, the last', () => {
    expect(errorsOf('waves: []')).toEqual([
      'schedule.yml line 1: waves: expected at least one wave, with default: true, found an empty list',
    ]);
    expect(errorsOf(`waves:\n  - {environment: a, groups: [x], hours: 0}\n`)[0]).toContain(
      'waves.0.default: expected default: true in the last wave',
    );
    expect(errorsOf(`waves:\n  - {environment: a, default: true, hours: 0}\n${LAST}`)).toEqual([
      'schedule.yml line 2: waves.0.default: expected default: true in the last wave only, found it in wave 1 of 2',
    ]);
    expect(errorsOf(`waves:\n  - {environment: a, hours: 0}\n${LAST}`)[0]).toContain(
      'waves.0.groups: expected at least one group, or default: true',
    );
    expect(errorsOf('waves:\n  - {environment: a, hours: 0, default: true, percent: 50}')[0]).toContain(
      'no share in the default wave',
    );
  });

  test('says for a wave after how many failures, or which share of it, its tag is halted; both together, or never', () => {
    const halt = (text: string) =>
      schedule(`waves:\n  - {environment: a, groups: [a], hours: 0, halt_after: ${text}}\n${LAST}`).waves[0]?.haltAfter;
    expect(halt('{failed: 3}')).toEqual({ failed: 3, percent: null });
    expect(halt('{percent: 12.5}')).toEqual({ failed: null, percent: 12.5 });
    expect(halt('{failed: 1, percent: 100}')).toEqual({ failed: 1, percent: 100 });
    expect(schedule(WHOLE).waves.map((wave) => wave.haltAfter)).toEqual([null, null, null, null, null]);
  });

  test.each([
    ['{}', 'halt_after: expected failed (nodes), percent (of the known nodes), or both, found neither'],
    ['3', 'halt_after: expected a mapping, found 3'],
    ['{failed: 0}', 'halt_after.failed: expected a whole number of nodes, 1 to 1000000, found 0'],
    ['{failed: 1.5}', 'halt_after.failed: expected a whole number of nodes, 1 to 1000000, found 1.5'],
    ['{percent: 0}', 'halt_after.percent: expected a percentage above 0, to 100, found 0'],
    ['{percent: "20%"}', 'halt_after.percent: expected a percentage above 0, to 100, found "20%"'],
    ['{fail: 3}', 'halt_after.fail: expected one of the keys failed, percent, found the unknown key "fail"'],
  ])('has no halt_after: %s', (text, expected) => {
    const [error] = errorsOf(`waves:\n  - {environment: a, groups: [a], hours: 0, halt_after: ${text}}\n${LAST}`);
    expect(error).toContain(`schedule.yml line 2: waves.0.${expected}`);
  });

  test('has waves with names of their own', () => {
    const twice = '  - {environment: production, groups: [a], hours: 4}\n';
    expect(errorsOf(`waves:\n${twice}${LAST}`)).toEqual([
      'schedule.yml line 3: waves.1.name: expected a name that no other wave has, found "production+4h" again (first in waves.0)',
    ]);
    expect(errorsOf(`waves:\n${twice.replace('hours', 'name: canary, hours')}${LAST}`)).toEqual([]);
  });

  test('looks back further than it lags: 72 hours of lag need a lookback written out, and no limit where good is required', () => {
    const wave = (keys: string) => errorsOf(`waves:\n  - {environment: a, default: true, ${keys}}`);
    expect(wave('hours: 71')).toEqual([]);
    expect(wave('hours: 72')).toEqual([
      'schedule.yml line 2: waves.0.lookback_hours: expected more hours than the wave lags (72), found nothing, which means 72',
    ]);
    expect(wave('hours: 72, lookback_hours: 73')).toEqual([]);
    expect(wave('hours: 100, require: good')).toEqual([]);
    expect(wave('hours: 5, lookback_hours: 5')).toHaveLength(1);
  });

  test('cannot be empty', () => {
    for (const text of ['', '{}', 'waves:']) expect(errorsOf(text)).toHaveLength(1);
  });

  test('never throws, whatever the text', () => {
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom('dev', 72, true, 0, 'good', ['dev']));
    const keys = fc.constantFrom(
      'environment',
      'hours',
      'name',
      'groups',
      'default',
      'require',
      'lookback_hours',
      'percent',
      'x',
    );
    const waves = fc.array(fc.oneof(fc.jsonValue(), fc.dictionary(keys, value)), { maxLength: 5 });
    fc.assert(
      fc.property(fc.record({ waves }), (file) => void parseSchedule(JSON.stringify(file))),
      { numRuns: 500 },
    );
    fc.assert(fc.property(anyText, (text) => void parseSchedule(`waves: ${text}`)));
  });
});

describe('a host', () => {
  test('is in the first wave that has one of its groups, else in the default one', () => {
    const whole = schedule(WHOLE);
    expect(waveOf(whole, host('a'), ['prod-east', 'qa']).name).toBe('qa+1h');
    expect(waveOf(whole, host('a'), ['int']).name).toBe('development+0h');
    expect(waveOf(whole, host('a'), ['web']).name).toBe('production+4h');
    expect(waveOf(whole, host('a'), []).name).toBe('production+4h');
  });

  test('is in a share by the hash of the wave and its name, else it goes on to the next wave', () => {
    const shared = schedule(`waves:\n  - {environment: canary, groups: [web], hours: 0, percent: 10}\n${LAST}`);
    const hosts = Array.from({ length: 5000 }, (_, n) => host(`web${n}.example.com`));
    const inShare = hosts.filter((name) => waveOf(shared, name, ['web']).environment === 'canary');
    const expected = hosts.filter(
      (name) =>
        Number.parseInt(createHash('sha256').update(`canary+0h\n${name}`).digest('hex').slice(0, 8), 16) / 2 ** 32 <
        0.1,
    );
    expect(inShare).toEqual(expected);
    expect(inShare.length / hosts.length).toBeCloseTo(0.1, 1);
    expect(hosts.filter((name) => waveOf(shared, name, []).environment === 'canary')).toEqual([]);
  });

  test('is in no share of 0 and in every share of 100 percent', () => {
    for (const [percent, environment] of [
      [0, 'production'],
      [100, 'canary'],
    ] as const) {
      const shared = schedule(
        `waves:\n  - {environment: canary, groups: [web], hours: 0, percent: ${percent}}\n${LAST}`,
      );
      const found = Array.from({ length: 500 }, (_, n) => waveOf(shared, host(`h${n}`), ['web']).environment);
      expect(new Set(found)).toEqual(new Set([environment]));
    }
  });
});

test('the environments of a schedule are those of its waves, each once', () => {
  expect([...environmentsOf(schedule(WHOLE))]).toEqual(['development', 'qa', 'staging', 'production']);
});
