import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NODES_RULES, PINS_RULES, SCHEDULE_RULES } from '../../server/core/control-rules.ts';
import { NO_NODES } from '../../server/core/nodes.ts';
import { DEFAULT_SCHEDULE } from '../../server/core/schedule.ts';
import { type FileRules, type Held, type Look, lost, type Sighting, settle } from '../../server/core/settle.ts';

const ABSENT: Look = { kind: 'absent' };
const UNREADABLE: Look = { kind: 'unreadable', why: 'permission denied' };
const text = (content: string): Look => ({ kind: 'text', text: content });
const settled = (look: Look): Sighting => ({ look, settled: true });
const fresh = (look: Look): Sighting => ({ look, settled: false });

/** What a text means here is the text itself, unless it begins with an exclamation mark. */
const RULES: FileRules<string> = {
  file: 'nodes.yml',
  absent: 'default',
  parse: (content) =>
    content.startsWith('!')
      ? { ok: false, errors: [{ file: 'nodes.yml', line: 3, key: 'a.b', expected: 'sense', found: 'none' }] }
      : { ok: true, value: content },
  isEmpty: (content) => content.trim() === '',
  howToClear: 'to mean "none", write {}',
};
const held = (content: string): Held<string> => ({ text: content, meaning: content });

describe('a control file', () => {
  test('that does not exist and never did means the default, once it stays away', () => {
    expect(settle(RULES, fresh(ABSENT), undefined)).toMatchObject({ held: undefined, waiting: true, errors: [] });
    const result = settle(RULES, settled(ABSENT), undefined);
    expect(result).toMatchObject({ held: { text: null, meaning: 'default' }, waiting: false, problems: [] });
    expect(settle(RULES, settled(ABSENT), result.held).held).toMatchObject({ meaning: 'default' });
  });

  test('takes effect once it is settled, and not before', () => {
    expect(settle(RULES, fresh(text('new')), undefined)).toMatchObject({ held: undefined, waiting: true });
    expect(settle(RULES, fresh(text('new')), held('old'))).toMatchObject({ held: held('old'), waiting: false });
    expect(settle(RULES, settled(text('new')), held('old'))).toMatchObject({ held: held('new'), problems: [] });
  });

  test('that reads again as it did counts at once, with the very same meaning', () => {
    const before: Held<string> = { text: 'same', meaning: 'as understood before' };
    expect(settle(RULES, fresh(text('same')), before).held?.meaning).toBe(before.meaning);
  });

  test('that is invalid keeps its last meaning, and says what is wrong and that it does', () => {
    const result = settle(RULES, settled(text('!nonsense')), held('old'));
    expect(result).toMatchObject({ held: held('old'), waiting: false, errors: [{ line: 3, key: 'a.b' }] });
    expect(result.problems).toEqual([
      {
        id: 'nodes.yml:invalid:3:a.b',
        severity: 'error',
        sentence: 'nodes.yml line 3: a.b: expected sense, found none; what it last said stays in effect',
        hint: 'correct nodes.yml and run "tagwave-server check"',
        file: 'nodes.yml',
        line: 3,
      },
    ]);
  });

  test.each([
    ['is gone', ABSENT, 'nodes.yml is gone; what it last said stays in effect'],
    ['is emptied', text(' \n'), 'expected some content (to mean "none", write {}), found an empty file; what it last'],
    ['cannot be read', UNREADABLE, 'expected a readable text file, found permission denied; what it last said stays'],
  ])('that %s keeps its last meaning, with a problem', (_what, look, sentence) => {
    const result = settle(RULES, settled(look), held('old'));
    expect(result).toMatchObject({ held: held('old'), waiting: false });
    expect(result.problems).toEqual([expect.objectContaining({ sentence: expect.stringContaining(sentence) })]);
  });

  test('that is unusable where nothing was ever valid leaves nothing to go by, and is not waited for', () => {
    for (const look of [text('!nonsense'), text(''), UNREADABLE]) {
      const result = settle(RULES, settled(look), undefined);
      expect(result).toMatchObject({ held: undefined, waiting: false, errors: [{ file: 'nodes.yml' }] });
      expect(result.problems[0]?.sentence).toContain('nothing is in effect, so every node holds');
    }
  });

  test('that was the default and becomes unusable goes on meaning the default', () => {
    const before = settle(RULES, settled(ABSENT), undefined).held;
    for (const look of [text('!nonsense'), text(''), UNREADABLE])
      expect(settle(RULES, settled(look), before).held).toBe(before);
  });

  test('whose last valid text is lost does not fall back on the default when it is gone', () => {
    const result = lost(RULES, 'permission denied');
    expect(result).toMatchObject({ held: undefined, waiting: false });
    expect(result.problems[0]?.sentence).toContain('its last valid text cannot be used either (permission denied)');
  });

  test('never changes its meaning while it is being written, and never to anything but what it reads or read', () => {
    const looks = fc.oneof(
      fc.constant(ABSENT),
      fc.constant(UNREADABLE),
      fc.string({ unit: fc.constantFrom('!', 'a', 'b', '\n'), maxLength: 4 }).map(text),
    );
    fc.assert(
      fc.property(fc.array(fc.record({ look: looks, settled: fc.boolean() })), (sightings) => {
        let before: Held<string> | undefined;
        for (const sighting of sightings) {
          const { held: now, waiting } = settle(RULES, sighting, before);
          if (!sighting.settled && before !== undefined) expect(now?.meaning).toBe(before.meaning);
          if (now?.meaning !== before?.meaning && now !== undefined)
            expect(now.meaning).toBe(sighting.look.kind === 'text' ? sighting.look.text : 'default');
          if (before !== undefined) expect(now).toBeDefined();
          expect(waiting && now !== undefined).toBe(false);
          before = now;
        }
      }),
    );
  });
});

describe('the rules', () => {
  test('of each file say what it means where there is none', () => {
    expect([SCHEDULE_RULES.absent, NODES_RULES.absent]).toEqual([DEFAULT_SCHEDULE, NO_NODES]);
  });

  test('cut off in the middle of a line, nodes.yml keeps its meaning although what is left is valid', () => {
    const whole = 'web1.example.com: [prod-east]\ndev1.example.com: [dev]\n';
    const before = settle(NODES_RULES, settled(text(whole)), undefined).held;
    expect(before).toBeDefined();
    for (const length of [1, 31, 47, whole.length - 1])
      expect(settle(NODES_RULES, settled(text(whole.slice(0, length))), before).held).toBe(before);
    const ended = settle(NODES_RULES, settled(text(`${whole.slice(0, 29)}\n`)), before);
    expect(ended.held?.text).toBe('web1.example.com: [prod-east]\n');
  });

  test('pins with a line that names no host keep the last ones; one that is merely wrong holds its host', () => {
    const before = settle(PINS_RULES, settled(text('web1 trunk\n')), undefined).held;
    expect(settle(PINS_RULES, settled(text('= trunk\n')), before).held).toBe(before);
    const wrong = settle(PINS_RULES, settled(text('web1 tomorrow\n')), before);
    expect(wrong.held?.meaning.exact.size).toBe(1);
    expect(wrong.problems[0]?.sentence).toContain('pins line 1: web1: expected etchautotag');
  });

  test('an empty pins says "none" where there never was another', () => {
    expect(settle(PINS_RULES, settled(text('')), undefined).held).toMatchObject({ text: '' });
  });
});
