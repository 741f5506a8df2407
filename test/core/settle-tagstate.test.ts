import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Environment, TagName } from '../../protocol/names.ts';
import { lineFor, type MarksByTag, stops } from '../../server/core/marks.ts';
import type { Look } from '../../server/core/settle.ts';
import { type MarksBefore, settleTagstate } from '../../server/core/settle-tagstate.ts';

const ENVIRONMENTS = new Set(['dev', 'production'] as Environment[]);
const [T7, T8, T9] = ['07', '08', '09'].map((hour) => `etchautotag-20261120-${hour}00`) as [TagName, TagName, TagName];

const text = (content: string): Look => ({ kind: 'text', text: content });
const look = (found: Look | string, settled: boolean, before: MarksBefore = {}) =>
  settleTagstate({ look: typeof found === 'string' ? text(found) : found, settled }, before, ENVIRONMENTS);
/** The state of each marked tag, by environment. */
const states = (marks: MarksByTag | undefined) =>
  marks &&
  Object.fromEntries(
    [...marks].map(([tag, lines]) => [
      tag.slice(-4, -2),
      [...ENVIRONMENTS].map((environment) => lineFor(lines, environment, ENVIRONMENTS)?.state ?? '-').join(' '),
    ]),
  );
const inEffect = (content: string): MarksBefore => {
  const { inEffect: marks } = look(content, true);
  if (marks === undefined) throw new Error('no marks');
  return { inEffect: marks };
};

describe('marks', () => {
  test('count where the file is settled when it is first seen, and are waited for where it is not', () => {
    expect(states(look(`${T8} bad\n`, true).inEffect)).toEqual({ '08': 'bad bad' });
    expect(look(`${T8} bad\n`, false)).toMatchObject({ inEffect: undefined, waiting: true, errors: [] });
  });

  test('that stop a tag count at once; every other change waits until the file is settled', () => {
    const before = inEffect(`${T7} good\n${T8} bad\n`);
    const rewritten = `${T7} bad\n${T8} good\n${T9} badfwd\n`;
    expect(states(look(rewritten, false, before).inEffect)).toEqual({
      '07': 'bad bad',
      '08': 'bad bad',
      '09': 'badfwd badfwd',
    });
    expect(states(look(rewritten, true, before).inEffect)).toEqual({
      '07': 'bad bad',
      '08': 'good good',
      '09': 'badfwd badfwd',
    });
  });

  test('of a last line without a line end count once the file is settled', () => {
    const before = inEffect('# none\n');
    expect(states(look(`${T8} bad`, false, before).inEffect)).toEqual({});
    expect(states(look(`${T8} bad`, true, before).inEffect)).toEqual({ '08': 'bad bad' });
  });

  test('stay, with a problem, where the file is gone, empty or cannot be read while some are known', () => {
    const before = inEffect(`${T8} bad\n`);
    for (const [found, sentence] of [
      [{ kind: 'absent' }, 'tagstate is gone; the known marks stay in effect'],
      [text(' \r\n'), 'tagstate is empty; the known marks stay in effect'],
      [
        { kind: 'unreadable', why: 'a directory' },
        'tagstate cannot be read (a directory); the known marks stay in effect',
      ],
    ] as const) {
      const result = look(found, true, before);
      expect(result.inEffect).toBe(before.inEffect);
      expect(result.problems.map((problem) => problem.sentence)).toEqual([sentence]);
      expect(result.problems[0]?.hint).toContain('to clear all marks leave one comment line');
    }
    // An editor truncates before it writes.
    expect(look('', false, before)).toMatchObject({ problems: [], waiting: false });
  });

  test('are cleared by a comment line, once it is settled', () => {
    const before = inEffect(`${T8} bad\n`);
    expect(states(look('# none\n', false, before).inEffect)).toEqual({ '08': 'bad bad' });
    expect(states(look('# none\n', true, before).inEffect)).toEqual({});
  });

  test('are none where there never was a file, or an empty one; one that is only just missing is waited for', () => {
    expect(look({ kind: 'absent' }, true)).toMatchObject({ inEffect: new Map(), problems: [] });
    expect(look({ kind: 'absent' }, false)).toMatchObject({ inEffect: undefined, waiting: true });
    expect(look('', true)).toMatchObject({ inEffect: new Map(), problems: [] });
    expect(look('', false)).toMatchObject({ inEffect: undefined, waiting: true });
  });

  test('cannot be known where the file cannot be read and none were in effect: nothing is decided, and nobody waits', () => {
    const result = look({ kind: 'unreadable', why: 'it holds NUL bytes' }, true);
    expect(result).toMatchObject({ inEffect: undefined, waiting: false });
    expect(result.errors).toEqual([
      { file: 'tagstate', line: 1, key: '', expected: 'a readable text file', found: 'it holds NUL bytes' },
    ]);
  });

  test('whose record is lost are taken from the file as it is, and cannot be known where that is gone or empty', () => {
    const before: MarksBefore = { doubt: 'the marks in effect are no JSON' };
    expect(states(look(`${T8} bad\n`, true, before).inEffect)).toEqual({ '08': 'bad bad' });
    expect(states(look('# none\n', true, before).inEffect)).toEqual({});
    for (const found of [{ kind: 'absent' }, text('')] as const) {
      const result = look(found, true, before);
      expect(result).toMatchObject({ inEffect: undefined, waiting: false });
      expect(result.errors[0]?.expected).toBe('the marks, because the marks in effect are no JSON');
    }
    expect(look('', false, before)).toMatchObject({ inEffect: undefined, waiting: true, errors: [] });
  });

  test('that stop a tag never let it go while the file is unsettled, whatever is in it', () => {
    const line = fc
      .tuple(fc.constantFrom(T7, T8, T9), fc.constantFrom('good', 'bad', 'badfwd', 'bda', 'bad:dev', 'good:production'))
      .map(([tag, state]) => `${tag} ${state}\n`);
    const file = fc.array(fc.oneof(line, fc.constant('# x\n'), fc.constant('\n'))).map((lines) => lines.join(''));
    fc.assert(
      fc.property(file, fc.array(fc.tuple(file, fc.nat(60))), (first, rewrites) => {
        let before = inEffect(first);
        for (const [content, length] of rewrites) {
          const next = look(content.slice(0, length), false, before).inEffect;
          for (const [tag, lines] of before.inEffect ?? [])
            for (const environment of ENVIRONMENTS)
              if (stops(lineFor(lines, environment, ENVIRONMENTS)?.state))
                expect(stops(lineFor(next?.get(tag), environment, ENVIRONMENTS)?.state)).toBe(true);
          before = next === undefined ? before : { inEffect: next };
        }
      }),
    );
  });
});
