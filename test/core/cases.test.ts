import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Case, parseCases, runCase } from '../../server/core/cases.ts';
import { sentenceOf } from '../../server/core/problem.ts';

const CASES_URL = new URL('./decisions.json', import.meta.url);

describe('the decision cases', () => {
  const cases = casesIn(readFileSync(CASES_URL, 'utf8'), 'decisions.json');

  it('are all there', () => {
    expect(cases.length).toBeGreaterThanOrEqual(50);
  });

  it.each(cases.map((one) => [one.name, one] as const))('%s', (_, one) => {
    const result = runCase(one);
    expect(result.got, result.reasons.join('\n')).toBe(result.expected);
    expect(result.passed).toBe(true);
  });
});

const YAML = `
cases:
  - name: the story, 10:30
    now: 2026-11-20T10:30Z
    tags: [etchautotag-20261120-0700, tags/etchautotag-20261120-0800, etchautotag-20261120-0900]
    tagstate: |
      etchautotag-20261120-0800 bad broke ntp
      etchautotag-20261120-0900 bad
    wave: {environment: qa, hours: 1}
    expect: {outcome: serve, tag: etchautotag-20261120-0700}
`;

describe('a file of cases', () => {
  it('may be YAML', () => {
    const [one] = casesIn(YAML, 'policy.yml');
    expect(one && runCase(one)).toMatchObject({ name: 'the story, 10:30', passed: true });
  });

  it('tells a difference as expected and got, with the steps taken', () => {
    const [one] = casesIn(
      YAML.replace('tag: etchautotag-20261120-0700', 'tag: etchautotag-20261120-0900'),
      'policy.yml',
    );
    expect(one && runCase(one)).toEqual({
      name: 'the story, 10:30',
      passed: false,
      expected: 'serve etchautotag-20261120-0900',
      got: 'serve etchautotag-20261120-0700',
      reasons: [
        'qa lags 1 hour; due is etchautotag-20261120-0900',
        'etchautotag-20261120-0900 is bad (tagstate line 2)',
        'etchautotag-20261120-0800 is bad: "broke ntp" (tagstate line 1)',
        'etchautotag-20261120-0700 is unmarked: serving it',
      ],
    });
  });

  it('passes for a hold whose code does not matter', () => {
    const [one] = casesIn(
      YAML.replace('{outcome: serve, tag: etchautotag-20261120-0700}', '{outcome: hold}').replace(
        /tags: .*/,
        'tags: []',
      ),
      'policy.yml',
    );
    expect(one && runCase(one)).toMatchObject({ passed: true, got: 'hold no-tag-old-enough' });
  });

  it('knows the environments that it lists, and the default ones where it lists none', () => {
    const marked = YAML.replace('0900 bad', '0900 bad:lab');
    expect(gotFrom(marked)).toBe('serve etchautotag-20261120-0700');
    expect(gotFrom(marked.replace('    wave:', '    environments: [lab]\n    wave:'))).toBe(
      'serve etchautotag-20261120-0900',
    );
  });

  it('takes tags in any order and twice', () => {
    const tags =
      'tags: [etchautotag-20261120-0900, etchautotag-20261120-0700, etchautotag-20261120-0700, etchautotag-20261120-0800]';
    expect(gotFrom(YAML.replace(/tags: \[.*/, tags))).toBe('serve etchautotag-20261120-0700');
  });

  it('reports every error at once, naming file, line and case', () => {
    const wrong = YAML.replace('hours: 1', 'hours: -1')
      .replace('2026-11-20T10:30Z', 'noon')
      .replace('outcome: serve, ', '');
    expect(errorsIn(wrong)).toEqual([
      expect.stringContaining('policy.yml line 4: case "the story, 10:30".now: expected an instant'),
      expect.stringContaining(
        'policy.yml line 9: case "the story, 10:30".wave.hours: expected a whole number of hours',
      ),
      expect.stringContaining('policy.yml line 10: case "the story, 10:30".expect'),
    ]);
  });

  it('is refused for a misspelt key, a broken tag that is not listed, a lookback within the lag and a date that is none', () => {
    expect(errorsIn(YAML.replace('tagstate:', 'tagstates:'))[0]).toContain(
      'unknown key "tagstates"; did you mean "tagstate"',
    );
    expect(errorsIn(YAML.replace('    wave:', '    broken: [etchautotag-20261120-0600]\n    wave:'))[0]).toContain(
      'one of the tags',
    );
    expect(errorsIn(YAML.replace('hours: 1', 'hours: 4, lookback_hours: 4'))[0]).toContain('greater than hours');
    expect(errorsIn(YAML.replace('0900]', '2400]'))[0]).toContain('a tag');
    expect(errorsIn(YAML.replace('2026-11-20T10:30Z', '2026-02-30T10:30Z'))[0]).toContain('an instant');
  });

  it('is refused with the line of the mistake where it is JSON', () => {
    const text = JSON.stringify({ cases: [{ name: 'first', now: 'noon' }] }, null, 1);
    expect(errorsIn(text)).toContainEqual(
      expect.stringMatching(/^policy.yml line 5: case "first".now: expected an instant/),
    );
  });

  it('of more than a megabyte of JSON is read, and what is wrong in it is told', () => {
    const one = { name: 'x', now: '2026-11-20T10:30Z', tags: [], wave: { hours: 0 }, expect: { outcome: 'hold' } };
    const cases = Array.from({ length: 15_000 }, () => one);
    expect(casesIn(JSON.stringify({ cases }), 'large.json')).toHaveLength(15_000);
    const errors = errorsIn(JSON.stringify({ cases: [...cases, { ...one, name: 'last', now: 'noon' }] }));
    expect(errors).toEqual([expect.stringMatching(/^policy.yml: case "last".now: expected an instant/)]);
  });

  it('is refused where it is neither JSON nor YAML, or has no cases', () => {
    expect(errorsIn('{"cases": [')[0]).toContain('expected valid YAML');
    expect(errorsIn('')).toHaveLength(1);
    expect(errorsIn('{}')[0]).toContain('cases');
  });
});

function casesIn(text: string, file: string): Case[] {
  const parsed = parseCases(text, file);
  if (!parsed.ok) throw new Error(parsed.errors.map(sentenceOf).join('\n'));
  return parsed.value;
}

function gotFrom(text: string): string | undefined {
  return casesIn(text, 'policy.yml').map((one) => runCase(one).got)[0];
}

function errorsIn(text: string): string[] {
  const parsed = parseCases(text, 'policy.yml');
  return parsed.ok ? [] : parsed.errors.map(sentenceOf);
}
