import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TagName } from '../../protocol/names.ts';
import { groupByTag, lineFor, type MarkState } from '../../server/core/marks.ts';
import { parseTagstate } from '../../server/core/tagstate.ts';
import { editTagstate, type TagstateEdit } from '../../server/core/tagstate-edit.ts';
import { linesOf } from '../../server/core/text-lines.ts';
import { ENVIRONMENTS, tagAt } from './worlds.ts';

const EIGHT = tagAt(8);
const NINE = tagAt(9);
const KNOWN: ReadonlySet<string> = new Set(ENVIRONMENTS);

describe('marking for all environments', () => {
  it('appends a line where the tag has none', () => {
    expect(edited('', { state: 'bad', reason: 'broke ntp' })).toBe(`${EIGHT} bad broke ntp\n`);
    expect(edited(`# marks\n${NINE} good\n`, { state: 'badfwd' })).toBe(`# marks\n${NINE} good\n${EIGHT} badfwd\n`);
  });

  it('replaces the tag’s line at its place', () => {
    expect(edited(`${EIGHT} bad old\n# note\n${NINE} good\n`, { state: 'good', reason: 'fixed' })).toBe(
      `${EIGHT} good fixed\n# note\n${NINE} good\n`,
    );
  });

  it('takes away every other line of the tag, so that it means what was asked', () => {
    const text = `${EIGHT} good:qa\n${EIGHT} good\n# note\n${EIGHT} good:production\ntags/${EIGHT} badd:staging\n`;
    expect(edited(text, { state: 'bad' })).toBe(`${EIGHT} bad\n# note\n`);
  });

  it('takes them all away where the mark is removed', () => {
    expect(edited(`${NINE} bad\n${EIGHT} bad\n${EIGHT} good:production\n`, { state: 'none' })).toBe(`${NINE} bad\n`);
  });

  it('replaces a line that was not understood, also where it counted as the same', () => {
    expect(edited(`${EIGHT} badd\n`, { state: 'bad' })).toBe(`${EIGHT} bad\n`);
  });
});

describe('marking for one environment', () => {
  it('keeps the line for all and overrides it', () => {
    expect(edited(`${EIGHT} bad why\n`, { state: 'good', environments: ['production'] })).toBe(
      `${EIGHT} bad why\n${EIGHT} good:production\n`,
    );
  });

  it('splits a line for several environments, and leaves the rest of it as it is', () => {
    const text = `  tags/${EIGHT}\tBAD:qa,production,staging   # why\n`;
    expect(edited(text, { state: 'good', environments: ['production'] })).toBe(
      `  tags/${EIGHT}\tBAD:qa,staging   # why\n${EIGHT} good:production\n`,
    );
    expect(edited(text, { state: 'none', environments: ['production', 'qa'] })).toBe(
      `  tags/${EIGHT}\tBAD:staging   # why\n`,
    );
  });

  it('replaces the line of that environment at its place', () => {
    expect(edited(`${EIGHT} good:production\n${NINE} bad\n`, { state: 'bad', environments: ['production'] })).toBe(
      `${EIGHT} bad:production\n${NINE} bad\n`,
    );
  });

  it('replaces it at its place also below a line for all', () => {
    const text = `${EIGHT} bad\n${EIGHT} good:production\n${NINE} good\n`;
    expect(edited(text, { state: 'badfwd', environments: ['production'] })).toBe(
      `${EIGHT} bad\n${EIGHT} badfwd:production\n${NINE} good\n`,
    );
  });

  it('writes it after a later line that would override it', () => {
    expect(edited(`${EIGHT} good:production\n${EIGHT} bad\n`, { state: 'good', environments: ['production'] })).toBe(
      `${EIGHT} bad\n${EIGHT} good:production\n`,
    );
    expect(
      edited(`${EIGHT} good:production\n${EIGHT} bad:prodution\n`, { state: 'good', environments: ['production'] }),
    ).toBe(`${EIGHT} bad:prodution\n${EIGHT} good:production\n`);
  });

  it('removes its own line', () => {
    expect(edited(`${EIGHT} bad:production\n${NINE} bad\n`, { state: 'none', environments: ['production'] })).toBe(
      `${NINE} bad\n`,
    );
  });

  it('cannot be unmarked while a line for all marks it: says so, and what to do', () => {
    expect(edit(`# \n${EIGHT} bad\n`, { state: 'none', environments: ['production'] })).toEqual({
      refused: `${EIGHT} is bad for production by line 2, which is for all environments`,
      hint:
        `mark it good for production (tagwave-server mark ${EIGHT} good --environment production), ` +
        `or take the mark off for all (tagwave-server mark ${EIGHT} none)`,
    });
    expect(edit(`${EIGHT} bad:prodution\n`, { state: 'none', environments: ['production'] })).toHaveProperty('refused');
  });

  it('is refused for an environment that the schedule does not have, or none at all', () => {
    expect(edit('', { state: 'bad', environments: ['prodution'] })).toEqual({
      refused: '"prodution" is no environment of the schedule',
      hint: 'was production meant? the environments are qa, staging, production',
    });
    expect(edit('', { state: 'bad', environments: [] })).toHaveProperty('refused');
  });

  it('works while the schedule is not known, but only with what can be an environment', () => {
    const known = new Set<string>();
    const text = `${EIGHT} bad:staging\n`;
    expect(edited(text, { state: 'bad', environments: ['production'], known })).toBe(
      `${text}${EIGHT} bad:production\n`,
    );
    expect(edit(text, { state: 'bad', environments: ['a b\nc'], known })).toHaveProperty('refused');
  });
});

describe('the rest of the file', () => {
  it('keeps a blank line that comes to stand after a line end of old Macs', () => {
    const edit = edited(`# x\r${EIGHT} bad\n\n# y\n`, { state: 'none' });
    expect(linesOf(edit).map(({ text }) => text)).toEqual(['# x', '', '# y']);
  });

  it('keeps its line ends, its BOM and its comments byte for byte', () => {
    const text = `\uFEFF# marks\r\n\r\n${NINE}   BAD \t# x\r\n${EIGHT} good\r\nnonsense\r\n`;
    expect(edited(text, { state: 'bad' })).toBe(
      `\uFEFF# marks\r\n\r\n${NINE}   BAD \t# x\r\n${EIGHT} bad\r\nnonsense\r\n`,
    );
    expect(edited(text, { state: 'bad', tag: tagAt(7) })).toBe(`${text}${tagAt(7)} bad\r\n`);
    expect(edited(`\uFEFF${EIGHT} bad\n`, { state: 'good' })).toBe(`\uFEFF${EIGHT} good\n`);
  });

  it('gets a line end only where a line follows', () => {
    expect(edited(`${NINE} bad`, { state: 'bad' })).toBe(`${NINE} bad\n${EIGHT} bad\n`);
    expect(edited(`${EIGHT} good\n${NINE} bad`, { state: 'bad' })).toBe(`${EIGHT} bad\n${NINE} bad`);
  });

  it('ends with a line end where the edited line is the last, so that it counts at once', () => {
    expect(edited(`# x\r\n${EIGHT} good`, { state: 'bad' })).toBe(`# x\r\n${EIGHT} bad\r\n`);
  });

  it('never becomes empty, because an emptied file looks like an accident and its marks would stay', () => {
    expect(edited(`${EIGHT} bad\n`, { state: 'none' })).toBe('# no marks\n');
    expect(edited(`\r\n${EIGHT} bad\r\n`, { state: 'none' })).toBe('\r\n# no marks\r\n');
    expect(edit('', { state: 'none' })).toEqual({ text: '', changed: false });
  });

  it('does not change where it already says what is asked', () => {
    for (const [text, change] of [
      [`${EIGHT}  BAD  # broke ntp`, { state: 'bad' }],
      [`${EIGHT} bad broke ntp\n`, { state: 'bad', reason: ' broke  ntp\n' }],
      [`${EIGHT} bad:production,qa\n`, { state: 'bad', environments: ['qa'] }],
      [`${EIGHT} bad\n`, { state: 'bad', environments: ['production'] }],
      [`${NINE} bad\n`, { state: 'none' }],
      [`${EIGHT} good:qa\n`, { state: 'none', environments: ['production'] }],
    ] as const)
      expect(edit(text, change)).toEqual({ text, changed: false });
  });
});

describe('the reason', () => {
  it('is written on one line, whatever it holds', () => {
    expect(edited('', { state: 'bad', reason: ` broke\n${NINE} good\r\n\u001b[31m ntp ` })).toBe(
      `${EIGHT} bad broke ${NINE} good [31m ntp\n`,
    );
  });

  it('is read back as it was given, also where it begins with #', () => {
    const text = edited('', { state: 'bad', reason: '#4711 broke ntp' });
    expect(parseTagstate(text, 'tagstate').lines).toMatchObject([{ reason: '#4711 broke ntp' }]);
  });

  it('stays where the tag goes on to be stopped, and goes where it does not', () => {
    expect(edited(`${EIGHT} bad broke ntp\n`, { state: 'badfwd' })).toBe(`${EIGHT} badfwd broke ntp\n`);
    expect(edited(`${EIGHT} bad:qa broke ntp\n`, { state: 'bad' })).toBe(`${EIGHT} bad broke ntp\n`);
    expect(edited(`${EIGHT} bad broke ntp\n`, { state: 'badfwd', environments: ['qa'] })).toBe(
      `${EIGHT} bad broke ntp\n${EIGHT} badfwd:qa broke ntp\n`,
    );
    expect(edited(`${EIGHT} bad broke ntp\n`, { state: 'good' })).toBe(`${EIGHT} good\n`);
    expect(edited(`${EIGHT} bad broke ntp\n`, { state: 'bad', reason: '' })).toBe(`${EIGHT} bad\n`);
  });
});

const word = fc.constantFrom(
  'bad',
  'BadFwd',
  'good',
  'badd',
  'bad:',
  'good:qa',
  'bad:qa,production',
  'good:qa,',
  'bad:prodution',
  'badfwd:staging',
  'good:staging,qa,production',
  'badd:qa',
  '#',
  '',
);
const markLine = fc
  .tuple(fc.constantFrom(EIGHT, `tags/${EIGHT}`, NINE, ` ${EIGHT}`), word, fc.constantFrom('', ' why', '  # x '))
  .map((parts) => `${parts[0]} ${parts[1]}${parts[2]}`);
const fileArbitrary = fc
  .record({
    bom: fc.constantFrom('', '\uFEFF'),
    lines: fc.array(
      fc.tuple(
        fc.oneof({ weight: 4, arbitrary: markLine }, fc.constantFrom('', '# note', 'nonsense bad')),
        fc.constantFrom('\n', '\r\n'),
      ),
      { maxLength: 8 },
    ),
    last: fc.constantFrom('', '# unfinished', `${NINE} bad`, `${EIGHT} good`),
  })
  .map(({ bom, lines, last }) => bom + lines.map((parts) => parts.join('')).join('') + last);
const editArbitrary = fc.record(
  {
    tag: fc.constant(EIGHT),
    state: fc.constantFrom<MarkState | 'none'>('good', 'bad', 'badfwd', 'none'),
    environments: fc.uniqueArray(fc.constantFrom<string>(...ENVIRONMENTS), { minLength: 1, maxLength: 3 }),
    reason: fc.oneof(fc.string(), fc.constantFrom('#1', 'a\nb')),
    known: fc.constant(KNOWN),
  },
  { requiredKeys: ['tag', 'state', 'known'] },
);

describe('whatever the file and the edit', () => {
  it('the file means exactly what was asked, and everything else as before', () => {
    fc.assert(
      fc.property(fileArbitrary, editArbitrary, (text, change) => {
        const result = editTagstate(text, change);
        if ('refused' in result) {
          expect(change.state).toBe('none');
          expect(change.environments).toBeDefined();
          return;
        }
        for (const environment of ENVIRONMENTS) {
          const isAsked = change.environments === undefined || change.environments.includes(environment);
          const expected = isAsked ? change.state : stateIn(text, EIGHT, environment);
          expect(stateIn(result.text, EIGHT, environment), result.text).toBe(expected);
          expect(stateIn(result.text, NINE, environment)).toBe(stateIn(text, NINE, environment));
        }
        expect(result.changed).toBe(result.text !== text);
      }),
      { numRuns: 1_500 },
    );
  });

  it('every line that is not about the tag stays byte for byte, in its order', () => {
    fc.assert(
      fc.property(fileArbitrary, editArbitrary, (text, change) => {
        const result = editTagstate(text, change);
        if ('refused' in result) return;
        const isOther = (line: string) => line !== '' && !line.includes(EIGHT) && line.trim() !== '# no marks';
        const others = (file: string) =>
          file
            .replace(/^\uFEFF/, '')
            .split(/(?<=\n)/)
            .filter(isOther);
        const [before, after] = [others(text), others(result.text)];
        expect(result.text.startsWith('\uFEFF')).toBe(text.startsWith('\uFEFF'));
        expect(after.map((line) => line.trimEnd())).toEqual(before.map((line) => line.trimEnd()));
        expect(after.slice(0, -1)).toEqual(before.slice(0, -1));
      }),
      { numRuns: 500 },
    );
  });

  it('the same edit again changes nothing', () => {
    fc.assert(
      fc.property(fileArbitrary, editArbitrary, (text, change) => {
        const once = editTagstate(text, change);
        if ('refused' in once) return;
        expect(editTagstate(once.text, change)).toEqual({ text: once.text, changed: false });
      }),
      { numRuns: 500 },
    );
  });

  it('an edit for all leaves no problem of the tag behind', () => {
    fc.assert(
      fc.property(fileArbitrary, editArbitrary, (text, { environments: _, ...change }) => {
        const result = editTagstate(text, change);
        if ('refused' in result) throw new Error(result.refused);
        const { lines, problems } = parseTagstate(result.text, 'tagstate');
        expect(problems.filter((problem) => problem.sentence.includes(EIGHT))).toEqual([]);
        expect(lines.filter((line) => line.tag === EIGHT)).toHaveLength(change.state === 'none' ? 0 : 1);
      }),
    );
  });
});

type Change = Omit<TagstateEdit, 'tag' | 'known'> & Partial<TagstateEdit>;

function edit(text: string, change: Change) {
  return editTagstate(text, { tag: EIGHT, known: KNOWN, ...change });
}

function edited(text: string, change: Change): string {
  const result = edit(text, change);
  if ('refused' in result) throw new Error(result.refused);
  return result.text;
}

function stateIn(text: string, tag: TagName, environment: string): MarkState | 'none' {
  return lineFor(groupByTag(parseTagstate(text, 'tagstate').lines).get(tag), environment, KNOWN)?.state ?? 'none';
}
