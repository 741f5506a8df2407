import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TagName } from '../../protocol/names.ts';
import {
  groupByTag,
  lineFor,
  type MarkLine,
  type MarksByTag,
  markOf,
  marksFromJson,
  marksToJson,
  sameMarks,
  stepMarks,
} from '../../server/core/marks.ts';
import { parseTagstate } from '../../server/core/tagstate.ts';
import { ENVIRONMENTS, linesArbitrary, marksOf, tagAt } from './worlds.ts';

const EIGHT = tagAt(8);
const KNOWN: ReadonlySet<string> = new Set(ENVIRONMENTS);

describe('a tag’s mark in an environment', () => {
  it('is the last line that counts for it', () => {
    const marks = marksOf(linesIn('bad first', 'good:production', 'bad:qa last'));
    expect(markOf(marks, EIGHT, 'qa')).toMatchObject({ state: 'bad', reason: 'last', line: 3 });
    expect(markOf(marks, EIGHT, 'production')).toMatchObject({ state: 'good', line: 2 });
    expect(markOf(marks, EIGHT, 'staging')).toMatchObject({ state: 'bad', reason: 'first' });
    expect(markOf(marks, tagAt(9), 'qa')).toBeUndefined();
  });

  it('is bad for all where a bad mark’s environment is unknown or missing', () => {
    for (const state of ['bad:prodution', 'badfwd:', 'bad:qa,prodution', 'bad:qa,'])
      for (const environment of ENVIRONMENTS) expect(markOf(marksOf(linesIn(state)), EIGHT, environment)).toBeDefined();
  });

  it('is good only for the environments that a good mark names and that exist', () => {
    const marks = marksOf(linesIn('good:prodution,qa'));
    expect(ENVIRONMENTS.map((environment) => markOf(marks, EIGHT, environment)?.state)).toEqual([
      'good',
      undefined,
      undefined,
    ]);
    expect(markOf(marksOf(linesIn('good:')), EIGHT, 'qa')).toBeUndefined();
  });

  it('is the base’s before the repository’s, environment by environment', () => {
    const marks = marksOf(linesIn('good:production'), linesIn('bad'));
    expect(markOf(marks, EIGHT, 'production')?.state).toBe('good');
    expect(markOf(marks, EIGHT, 'qa')?.state).toBe('bad');
  });
});

describe('while tagstate is being written', () => {
  it('a mark that stops counts at once', () => {
    const next = step('', `${EIGHT} bad broke ntp\n`);
    expect(markOf(marksOf([...next.values()].flat()), EIGHT, 'qa')).toMatchObject({
      state: 'bad',
      reason: 'broke ntp',
      line: 1,
    });
  });

  it.each([
    ['removed', `${EIGHT} bad\n`, ''],
    ['approved', `${EIGHT} bad\n`, `${EIGHT} good\n`],
    ['approved', '', `${EIGHT} good\n`],
    ['turned to badfwd', `${EIGHT} bad\n`, `${EIGHT} badfwd\n`],
    ['less good', `${EIGHT} good\n`, ''],
  ])('a mark that is %s waits until the file is settled', (_, before, after) => {
    const inEffect = marksIn(before);
    expect(stepMarks({ inEffect, candidate: marksIn(after), settled: false, environments: KNOWN })).toBe(inEffect);
    expect(step(before, after, true)).toEqual(marksIn(after));
  });

  it('a mark that stops counts only where it is new, and the rest waits', () => {
    const next = step(`${EIGHT} badfwd:qa\n${EIGHT} good:staging\n`, `${EIGHT} bad\n`);
    const states = ENVIRONMENTS.map((environment) => stateIn(next, EIGHT, environment));
    expect(states).toEqual(['badfwd', 'bad', 'bad']);
  });

  it('a line for all stays one, so that it counts for an environment that is added meanwhile', () => {
    const next = step('', `${EIGHT} bad\n`);
    expect(stateIn(next, EIGHT, 'lab', new Set([...KNOWN, 'lab']))).toBe('bad');
  });

  it('nothing is new the second time', () => {
    const candidate = marksIn(`${EIGHT} bad:qa\n`);
    const once = stepMarks({ inEffect: marksIn(''), candidate, settled: false, environments: KNOWN });
    expect(stepMarks({ inEffect: once, candidate, settled: false, environments: KNOWN })).toBe(once);
  });

  it('and settled again without a change, the marks in effect are the same object', () => {
    const inEffect = marksIn(`${EIGHT} bad\n`);
    expect(stepMarks({ inEffect, candidate: marksIn(`${EIGHT} bad\n`), settled: true, environments: KNOWN })).toBe(
      inEffect,
    );
  });
});

describe('whatever the marks', () => {
  const both = [linesArbitrary('tagstate'), linesArbitrary('tagstate')] as const;

  it('each tag and environment goes from unmarked or good to bad or badfwd at once, and otherwise stays', () => {
    fc.assert(
      fc.property(...both, (before, after) => {
        const [inEffect, candidate] = [groupByTag(before), groupByTag(after)];
        const next = stepMarks({ inEffect, candidate, settled: false, environments: KNOWN });
        for (const tag of new Set([...before, ...after].map((line) => line.tag)))
          for (const environment of ENVIRONMENTS) {
            const [was, says] = [stateIn(inEffect, tag, environment), stateIn(candidate, tag, environment)];
            const isNewStop = (was === undefined || was === 'good') && (says === 'bad' || says === 'badfwd');
            expect(stateIn(next, tag, environment)).toBe(isNewStop ? says : was);
          }
      }),
      { numRuns: 2_000 },
    );
  });

  it('once settled they are what the file says', () => {
    fc.assert(
      fc.property(...both, (before, after) => {
        const candidate = groupByTag(after);
        expect(stepMarks({ inEffect: groupByTag(before), candidate, settled: true, environments: KNOWN })).toEqual(
          candidate,
        );
      }),
    );
  });

  it('they survive being written to a file and read back', () => {
    fc.assert(
      fc.property(linesArbitrary('tagstate'), (lines) => {
        const marks = groupByTag(lines);
        const read = marksFromJson(marksToJson(marks));
        expect(read).toEqual({ ok: true, marks });
        expect(read.ok && sameMarks(read.marks, marks)).toBe(true);
      }),
    );
  });
});

it.each([
  ['', 'no JSON'],
  ['{"version": 1, "marks": [', 'no JSON'],
  ['[]', 'not as they were written'],
  ['{"version": 2, "marks": []}', 'version'],
  ['{"version": 1, "marks": [{"tag": "etchautotag-20261120-0830"}]}', 'marks.0.tag: expected an autotag'],
])('a damaged file of marks is not taken for no marks: %s', (text, why) => {
  expect(marksFromJson(text)).toMatchObject({ ok: false, sentence: expect.stringContaining(why) });
});

function linesIn(...states: string[]): MarkLine[] {
  return parseTagstate(states.map((state) => `${EIGHT} ${state}\n`).join(''), 'tagstate').lines;
}

function marksIn(text: string): MarksByTag {
  return groupByTag(parseTagstate(text, 'tagstate').lines);
}

function step(before: string, after: string, settled = false): MarksByTag {
  return stepMarks({ inEffect: marksIn(before), candidate: marksIn(after), settled, environments: KNOWN });
}

function stateIn(base: MarksByTag, tag: TagName, environment: string, known: ReadonlySet<string> = KNOWN) {
  return lineFor(base.get(tag), environment, known)?.state;
}
