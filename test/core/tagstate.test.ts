import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MarkLine } from '../../server/core/marks.ts';
import { parseTagstate, tagstateProblems, withoutUnfinishedLine } from '../../server/core/tagstate.ts';
import { anyText } from '../rig/any-text.ts';
import { ENVIRONMENTS, NOON, tagsAt } from './worlds.ts';

describe('a line of tagstate', () => {
  it('is TAG STATE REASON, split at white space of any kind', () => {
    expect(linesIn('etchautotag-20261120-0800 bad broke ntp')).toEqual([
      {
        tag: 'etchautotag-20261120-0800',
        state: 'bad',
        environments: null,
        reason: 'broke ntp',
        line: 1,
        source: 'tagstate',
      },
    ]);
    expect(linesIn('\t etchautotag-20261120-0800\t\tbadfwd\tbroke  ntp \t')).toMatchObject([
      { state: 'badfwd', reason: 'broke ntp' },
    ]);
    expect(linesIn('etchautotag-20261120-0800\u00a0bad')).toMatchObject([{ state: 'bad' }]);
  });

  it('may name its environments after a colon', () => {
    expect(environmentsIn('bad:production')).toEqual(['production']);
    expect(environmentsIn('good:staging,qa why')).toEqual(['staging', 'qa']);
    expect(environmentsIn('bad: broke ntp')).toEqual([]);
    expect(environmentsIn('bad')).toBeNull();
    expect(environmentsIn('BAD:production,')).toEqual(['production', '']);
    expect(environmentsIn('good:Production')).toEqual(['Production']);
  });

  it('may have tags/ before the tag, a state in capitals, a BOM and CRLF', () => {
    const text = '\uFEFFtags/etchautotag-20261120-0800 BAD\r\netchautotag-20261120-0900 BadFwd # why\r\n';
    expect(parseTagstate(text, 'tagstate')).toMatchObject({
      lines: [
        { tag: 'etchautotag-20261120-0800', state: 'bad', reason: '', line: 1 },
        { tag: 'etchautotag-20261120-0900', state: 'badfwd', reason: 'why', line: 2 },
      ],
      problems: [],
    });
  });

  it('says nothing where it is blank or a comment, also behind a BOM or a space', () => {
    const text = '\uFEFF# etchautotag-20261120-0800 bad\n\n  \t\n  # note\n#etchautotag-20261120-0800 bad\n';
    expect(parseTagstate(text, 'tagstate')).toEqual({ lines: [], problems: [] });
  });

  it('ends at a lone carriage return too, so that no mark hides behind one', () => {
    expect(linesIn('etchautotag-20261120-0800 bad\retchautotag-20261120-0900 bad')).toMatchObject([
      { line: 1 },
      { line: 2 },
    ]);
  });

  it('has its reason less a leading #, on one line, without control characters', () => {
    expect(reasonIn('bad #ticket 4')).toBe('ticket 4');
    expect(reasonIn('bad # # 4')).toBe('# 4');
    expect(reasonIn('bad ring \u0007\u001b[31mthe bell\u202e')).toBe('ring [31mthe bell');
    expect(reasonIn(`bad ${'x'.repeat(900)}`)).toHaveLength(500);
  });

  it.each([
    ['etchautotag-20261120-0800', 'the state is missing'],
    ['etchautotag-20261120-0800 # bad', 'the state is missing'],
    ['etchautotag-20261120-0800 badd', '"badd" is no state'],
    ['etchautotag-20261120-0800 goood:production', '"goood:production" is no state'],
    ['etchautotag-20261120-0800 bad,', '"bad," is no state'],
    ['etchautotag-20261120-0800 :production', '":production" is no state'],
  ])('counts as bad where its state is not understood, with a problem: %s', (text, why) => {
    const { lines, problems } = parseTagstate(`# \n${text}\n`, 'tagstate');
    expect(lines).toMatchObject([{ tag: 'etchautotag-20261120-0800', state: 'bad' }]);
    expect(problems).toEqual([
      {
        id: expect.stringMatching(/^tagstate:(no|unknown)-state:2$/),
        severity: 'error',
        sentence: `tagstate line 2: ${why}, so etchautotag-20261120-0800 counts as bad`,
        hint: 'write good, bad or badfwd after the tag',
        file: 'tagstate',
        line: 2,
      },
    ]);
  });

  it('keeps the environments of a misspelt state', () => {
    expect(environmentsIn('badd:production')).toEqual(['production']);
  });

  it('that names no tag is a problem and no mark, and the problem names the tag that was meant', () => {
    const tags = tagsAt([7, 8, 9]);
    for (const word of [
      'etchautotag-20261120-800',
      'etchautotag-2026112-0800',
      'autotag-20261120-0800',
      'etchautotag-20261120-0830',
    ]) {
      const { lines, problems } = parseTagstate(`${word} bad\n`, 'tagstate', { tags });
      expect(lines).toEqual([]);
      expect(problems).toMatchObject([
        { id: 'tagstate:no-tag:1', hint: expect.stringContaining('etchautotag-20261120-0800') },
      ]);
    }
    expect(parseTagstate('bad\n', 'tagstate', { tags }).problems[0]?.hint).toContain('etchautotag-20261120-0900');
    expect(parseTagstate('bad\n', 'tagstate').problems).toHaveLength(1);
  });
});

describe('the repository’s tagstate', () => {
  const TEXT = 'etchautotag-20261120-0800 good\netchautotag-20261120-0900 badfwd\netchautotag-20261120-1000 bad:qa\n';

  it('may stop tags and not approve them, and says which line counts for nothing', () => {
    const { lines, problems } = parseTagstate(TEXT, 'repository');
    expect(lines.map(({ state, line, source }) => [state, line, source])).toEqual([
      ['badfwd', 2, 'repository'],
      ['bad', 3, 'repository'],
    ]);
    expect(problems).toMatchObject([
      { id: 'repository-tagstate:may-not-approve:1', severity: 'warning', file: 'tagstate in the repository', line: 1 },
    ]);
  });

  it('may approve them where that is allowed', () => {
    expect(parseTagstate(TEXT, 'repository', { mayApprove: true })).toMatchObject({
      lines: [{ state: 'good' }, {}, {}],
      problems: [],
    });
  });
});

describe('problems that only the schedule and the tags show', () => {
  it('an unknown or missing environment: for whom the mark counts, and what was meant', () => {
    expect(problemsIn('etchautotag-20261120-0800 bad:prodution')).toEqual([
      [
        'tagstate:unknown-environment:1',
        'tagstate line 1: "prodution" is no environment of the schedule, so etchautotag-20261120-0800 is bad for all',
        'was production meant? The environments are qa, staging, production',
      ],
    ]);
    expect(problemsIn('etchautotag-20261120-0800 good:staging,lab')).toEqual([
      [
        'tagstate:unknown-environment:1',
        'tagstate line 1: "lab" is no environment of the schedule, so etchautotag-20261120-0800 is not marked good for it',
        expect.stringContaining('The environments are qa, staging, production'),
      ],
    ]);
    for (const state of ['bad:', 'good:', 'badfwd:qa,'])
      expect(problemsIn(`etchautotag-20261120-0800 ${state}`)[0]?.[1]).toContain('missing after the colon');
    expect(problemsIn('etchautotag-20261120-0800 bad:qa,production')).toEqual([]);
  });

  it('a tag that does not exist: the nearest one that does', () => {
    expect(problemsIn('etchautotag-20261120-1000 bad')).toEqual([
      [
        'tagstate:unknown-tag:1',
        'tagstate line 1: there is no tag etchautotag-20261120-1000, so the mark stops and approves nothing',
        'was etchautotag-20261120-0900 meant? It is the nearest existing tag',
      ],
    ]);
    const [, sentence, hint] = problemsIn('etchautotag-20271120-0800 bad')[0] ?? [];
    expect(sentence).toContain('there is no tag etchautotag-20271120-0800 yet');
    expect(hint).toContain('etchautotag-20261120-1400');
    expect(problemsIn('etchautotag-20261120-0800 bad', [])[0]?.[2]).toBe('there are no tags at all');
  });

  it('not a tag that has outlived retention', () => {
    expect(problemsIn('etchautotag-20251120-0800 bad')).toEqual([]);
  });

  it('at most a hundred, and how many more there are', () => {
    const text = 'x\n'.repeat(1_000);
    const { problems } = parseTagstate(text, 'tagstate', { tags: tagsAt([7, 8]) });
    expect(problems).toHaveLength(101);
    expect(problems.at(-1)).toMatchObject({ id: 'tagstate:more', sentence: 'tagstate: 900 more problems, not shown' });
  });
});

describe('an unfinished last line', () => {
  it('is left out, and only that', () => {
    expect(withoutUnfinishedLine('a bad\nb ba')).toBe('a bad\n');
    expect(withoutUnfinishedLine('a bad\r\nb bad\r\n')).toBe('a bad\r\nb bad\r\n');
    expect(withoutUnfinishedLine('a bad')).toBe('');
    expect(withoutUnfinishedLine('')).toBe('');
  });

  it('is all that a file cut off anywhere can lose: every other line means what it meant', () => {
    const text = 'etchautotag-20261120-0800 bad:production broke ntp\r\n# note\r\netchautotag-20261120-0900 badfwd\r\n';
    fc.assert(
      fc.property(fc.nat(text.length), (length) => {
        const whole = linesIn(text);
        const cut = linesIn(withoutUnfinishedLine(text.slice(0, length)));
        expect(cut).toEqual(whole.slice(0, cut.length));
      }),
    );
  });
});

it('whatever the text, parsing ends with lines and problems that name lines of it', () => {
  const word = fc.constantFrom(
    'etchautotag-20261120-0800',
    'tags/etchautotag-20261120-0900',
    'bad',
    'good:qa,',
    'badfwd',
    '#',
    '\r',
    '\n',
    ' ',
    ':',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        anyText,
        fc.array(word).map((words) => words.join(' ')),
      ),
      (text) => {
        const { lines, problems } = parseTagstate(text, 'tagstate', { tags: tagsAt([8]) });
        const last = text.split(/\r\n|\r|\n/).length;
        for (const { line } of [...lines, ...problems]) expect(line).toBeLessThanOrEqual(last);
        for (const { reason } of lines) expect(reason).not.toMatch(/\p{Cc}/u);
      },
    ),
    { numRuns: 1_000 },
  );
});

function linesIn(text: string): MarkLine[] {
  return parseTagstate(text, 'tagstate').lines;
}

function environmentsIn(state: string): readonly string[] | null | undefined {
  return linesIn(`etchautotag-20261120-0800 ${state}`)[0]?.environments;
}

function reasonIn(rest: string): string | undefined {
  return linesIn(`etchautotag-20261120-0800 ${rest}`)[0]?.reason;
}

function problemsIn(text: string, hours = [7, 8, 9, 14]): [id: string, sentence: string, hint: string][] {
  const lines = parseTagstate(text, 'tagstate').lines;
  const problems = tagstateProblems(lines, {
    environments: new Set(ENVIRONMENTS),
    tags: tagsAt(hours),
    retainedSince: NOON - 720,
  });
  return problems.map(({ id, sentence, hint }) => [id, sentence, hint]);
}
