import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TagName } from '../../protocol/names.ts';
import {
  automaticHalt,
  describeFailures,
  haltProblems,
  haltReached,
  haltReason,
  waveLabel,
} from '../../server/core/halt.ts';
import { DEFAULT_SCHEDULE } from '../../server/core/schedule.ts';
import { parseTagstate } from '../../server/core/tagstate.ts';
import { editTagstate } from '../../server/core/tagstate-edit.ts';
import { ENVIRONMENTS, tagAt } from './worlds.ts';

const NINE = tagAt(9);
const failures = (failed: number, rolledBack = 0) => ({ failed, rolledBack });

describe('halt_after is reached', () => {
  test('with so many nodes, whether they failed or rolled back', () => {
    const after = { failed: 3, percent: null };
    expect(haltReached(after, failures(2), 100)).toBe(false);
    expect(haltReached(after, failures(1, 2), 100)).toBe(true);
    expect(haltReached(after, failures(0, 4), 4)).toBe(true);
  });

  test('with exactly the share, also where that is no whole number of nodes', () => {
    const after = { failed: null, percent: 20 };
    expect(haltReached(after, failures(1), 5)).toBe(true);
    expect(haltReached(after, failures(1), 6)).toBe(false);
    expect(haltReached({ failed: null, percent: 33.4 }, failures(1), 3)).toBe(false);
    expect(haltReached({ failed: null, percent: 0.1 }, failures(1), 1000)).toBe(true);
  });

  test('with both only where both hold', () => {
    const after = { failed: 3, percent: 20 };
    expect(haltReached(after, failures(2), 5)).toBe(false);
    expect(haltReached(after, failures(3), 15)).toBe(true);
    expect(haltReached(after, failures(3), 16)).toBe(false);
  });

  test('never where nobody failed, and not less for one failure more', () => {
    const limits = fc.record({
      failed: fc.option(fc.integer({ min: 1, max: 10 })),
      percent: fc.option(fc.double({ min: 0.1, max: 100, noNaN: true })),
    });
    fc.assert(
      fc.property(limits, fc.nat(30), fc.nat(30), fc.nat(100), (after, failed, rolledBack, others) => {
        const known = failed + rolledBack + others;
        expect(haltReached(after, failures(0), known)).toBe(false);
        if (haltReached(after, failures(failed, rolledBack), known))
          expect(haltReached(after, failures(failed + 1, rolledBack), known)).toBe(true);
      }),
    );
  });
});

test('what happened is told in the words of those who reported it', () => {
  const told = (failed: number, rolledBack: number) =>
    describeFailures(failures(failed, rolledBack), { known: 5, label: 'qa' });
  expect([told(3, 0), told(0, 3), told(1, 2)]).toEqual([
    '3 of 5 in qa failed',
    '3 of 5 in qa rolled back',
    '3 of 5 in qa failed or rolled back',
  ]);
  expect(describeFailures(failures(3), { known: 0, label: 'qa' })).toBe('3 of 3 in qa failed');
});

test('a wave is called by its environment, or by its name where it shares that', () => {
  const { waves } = DEFAULT_SCHEDULE;
  const [development] = waves;
  if (development === undefined) throw new Error('no wave');
  expect(waveLabel(waves, development)).toBe('development');
  expect(waveLabel([...waves, { ...development, name: 'canary' }], development)).toBe('development+0h');
});

describe('a mark of the server', () => {
  const edit = (text: string, what: string): string => {
    const edited = editTagstate(text, {
      tag: NINE,
      state: 'bad',
      reason: haltReason(what),
      automatic: true,
      known: new Set(ENVIRONMENTS),
    });
    if ('refused' in edited) throw new Error(edited.refused);
    return edited.text;
  };
  const linesOf = (text: string) => parseTagstate(text, 'tagstate').lines;

  test('is one line that ends with a remark, and is recognised as what it is', () => {
    expect(edit('# marks\n', '3 of 5 in qa rolled back')).toBe(
      `# marks\n${NINE} bad  # auto: 3 of 5 in qa rolled back\n`,
    );
    for (const what of [
      '3 of 5 in qa rolled back',
      '1 of 2 in first of all failed',
      '9 of 9 in x failed or rolled back',
    ])
      expect(linesOf(edit('', what)).map(automaticHalt)).toEqual([what]);
  });

  test.each([`${NINE} good\n`, `${NINE} bad:qa\n`, `  tags/${NINE}\tBADD\n`, `${NINE}\n`])(
    'is not made where the tag has a line: %j',
    (text) => expect(edit(text, '3 of 5 in qa failed')).toBe(text),
  );

  test.each([
    `${NINE} bad 3 of 5 in qa rolled back`,
    `${NINE} bad # auto: 3 of 5 in qa rolled back - Ana looks at it`,
    `${NINE} good # auto: 3 of 5 in qa rolled back`,
    `${NINE} bad:qa # auto: 3 of 5 in qa rolled back`,
    `# ${NINE} bad  # auto: 3 of 5 in qa rolled back`,
  ])('is no more what a person has changed: %j', (line) => {
    expect(linesOf(line).map(automaticHalt)).toEqual(linesOf(line).map(() => undefined));
    expect(haltProblems(linesOf(line), () => true)).toEqual([]);
  });

  test('is a problem that says where, why, and how to undo it, as long as there is the tag', () => {
    const lines = linesOf(edit('# marks\n', '3 of 5 in qa rolled back'));
    const [problem, ...others] = haltProblems(lines, (tag: TagName) => tag === NINE);
    expect(others).toEqual([]);
    expect(problem).toMatchObject({ id: `halt:${NINE}`, severity: 'error', file: 'tagstate', line: 2 });
    expect(problem?.sentence).toContain('(tagstate line 2), because 3 of 5 in qa rolled back');
    expect(problem?.hint).toContain(`"tagwave-server mark ${NINE} none"`);
    expect(haltProblems(lines, () => false)).toEqual([]);
  });
});
