import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tarLimit } from '../../client/core/checklist.ts';
import { differenceOf, sizeOf } from '../../client/core/difference.ts';
import { releasesToRemove } from '../../client/core/retention.ts';
import { splayMs } from '../../client/core/splay.ts';
import { EMPTY_STATE, type State, withActivated, withReport } from '../../client/core/state.ts';
import { parseState } from '../../client/core/state-schema.ts';
import { isToTell } from '../../client/core/telling.ts';
import { clean } from '../../client/terminal.ts';
import type { Report } from '../../protocol/assignment.ts';
import type { Hostname } from '../../protocol/names.ts';
import { entriesOf, type FileSpec, membersOf, tarOf } from './serve-view.ts';

describe('the splay', () => {
  test('is the same on every run, within its seconds, and spread over the fleet', () => {
    const hosts = Array.from({ length: 1000 }, (_, index) => `web${index}.example.com` as Hostname);
    const waits = hosts.map((hostname) => splayMs(hostname, 300));
    expect(waits).toEqual(hosts.map((hostname) => splayMs(hostname, 300)));
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...waits)).toBeLessThan(300_000);
    for (let tenth = 0; tenth < 10; tenth++) {
      const share = waits.filter((wait) => Math.floor(wait / 30_000) === tenth).length;
      expect(share).toBeGreaterThan(60);
      expect(share).toBeLessThan(140);
    }
  });

  test('of 0 seconds is none', () => {
    expect(splayMs('web1' as Hostname, 0)).toBe(0);
  });
});

describe('what was told', () => {
  const at = '2026-11-20T08:00:00.000Z';
  const notice = { kind: 'hold', message: 'held' } as const;
  const hours = (count: number): number => Date.parse(at) + count * 3_600_000;

  test.each([
    ['nothing yet', null, hours(0), true],
    ['the same just now', { ...notice, at }, hours(0), false],
    ['the same 23 hours ago', { ...notice, at }, hours(23), false],
    ['the same 24 hours ago', { ...notice, at }, hours(24), true],
    ['the same in the future, as the clock was set back', { ...notice, at }, hours(-1), true],
    ['another message', { ...notice, message: 'other', at }, hours(0), true],
    ['the same message of another kind', { ...notice, kind: 'failed' as const, at }, hours(0), true],
  ])('%s', (_what, told, now, expected) => {
    expect(isToTell(told, notice, now)).toBe(expected);
  });
});

test('a difference names every path that is added, changed in content or mode, or removed, and no other', () => {
  const before = entriesOf({ same: '1', content: '1', mode: '1', link: { link: 'a' }, gone: '1' });
  const after = entriesOf({ same: '1', content: '2', mode: { run: '1' }, link: { link: 'b' }, fresh: '1' });
  const difference = differenceOf(before, after);
  expect(difference).toEqual({ added: ['fresh'], changed: ['content', 'link', 'mode'], removed: ['gone'] });
  expect(sizeOf(difference)).toBe(5);
});

test('no honest archive is larger than its limit', async () => {
  const name = fc.stringMatching(/^[a-zé]{1,200}(\/[a-zé]{1,200}){0,3}$/);
  const spec: fc.Arbitrary<FileSpec> = fc.oneof(
    fc.uint8Array({ maxLength: 2000 }).map((bytes) => Buffer.from(bytes)),
    fc.stringMatching(/^[a-zé]{1,400}$/).map((link) => ({ link })),
  );
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, spec, { maxKeys: 20 }), async (files) => {
      expect((await tarOf(membersOf(files))).length).toBeLessThanOrEqual(tarLimit(entriesOf(files)));
    }),
    { numRuns: 50 },
  );
});

describe('of many releases', () => {
  test('three stay: the one in use, the one before, the last used of the others', () => {
    const releases = ['a', 'b', 'c', 'd', 'e'].map((name, usedAt) => ({ name, usedAt }));
    expect(releasesToRemove(releases, { current: 'a', previous: 'b' }).sort()).toEqual(['c', 'd']);
    expect(releasesToRemove(releases, { current: undefined, previous: undefined }).sort()).toEqual(['a', 'b']);
    expect(releasesToRemove(releases.slice(0, 3), { current: 'a', previous: 'gone' })).toEqual([]);
  });

  test('the one in use is never removed, and never more than three stay', () => {
    const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f');
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.record({ name, usedAt: fc.nat() }), { selector: (one) => one.name }),
        fc.option(name),
        fc.option(name),
        (releases, current, previous) => {
          const removed = releasesToRemove(releases, {
            current: current ?? undefined,
            previous: previous ?? undefined,
          });
          expect(removed).not.toContain(current);
          expect(releases.length - removed.length).toBeLessThanOrEqual(3);
          expect(releases.length - removed.length).toBe(Math.min(3, releases.length));
        },
      ),
    );
  });
});

describe('the state', () => {
  const release = (tag: string, name: string) => ({ tag, digest: `sha256:${name.padEnd(64, '0')}`, release: name });
  const parsed = (value: object): State => {
    const state = parseState(JSON.stringify({ ...EMPTY_STATE, ...value }));
    if (state === undefined) throw new Error('not understood');
    return state;
  };
  const activating = { runId: '12345678', startedAt: '2026-11-20T08:00:00.000Z', changed: 1, files: 1, isFirst: false };

  test('survives being written and read', () => {
    const state = parsed({
      running: release('trunk', 'a'),
      told: { kind: 'hold', message: 'x', at: '2026-11-20T08:00:00.000Z' },
    });
    expect(parseState(JSON.stringify(state))).toEqual(state);
  });

  test.each(['', 'null', '[]', '{}', '{"version":2}', '{"version":1}', '\u0000'])(
    'that reads %j is not understood',
    (text) => {
      expect(parseState(text)).toBeUndefined();
    },
  );

  test('after a flip has the release before as previous, also when the same one was put into use again', () => {
    const flipped = withActivated(
      parsed({ running: release('trunk', 'a'), activating: { ...release('trunk', 'b'), ...activating } }),
    );
    expect(flipped).toMatchObject({ running: { release: 'b' }, previous: { release: 'a' }, activating: null });
    const again = withActivated({
      ...flipped,
      activating: parsed({ activating: { ...release('trunk', 'b'), ...activating } }).activating,
    });
    expect(again).toMatchObject({ running: { release: 'b' }, previous: { release: 'a' } });
  });

  test('keeps the last reports that wait, and of unchanged ones the last', () => {
    const report = (runId: string, outcome: Report['outcome']): Report => ({
      runId,
      tag: null,
      digest: null,
      outcome,
      startedAt: '',
      durationMs: 0,
      changed: 0,
    });
    let state = EMPTY_STATE;
    for (let index = 0; index < 20; index++)
      state = withReport(state, report(`applied-${index}`, 'applied'), '2026-11-20T08:00:00.000Z');
    for (let index = 0; index < 5; index++)
      state = withReport(state, report(`unchanged-${index}`, 'unchanged'), '2026-11-20T08:00:00.000Z');
    expect(state.reports.map(({ runId }) => runId)).toEqual([
      ...[13, 14, 15, 16, 17, 18, 19].map((index) => `applied-${index}`),
      'unchanged-4',
    ]);
  });
});

describe('text for a terminal', () => {
  test.each([
    ['colours', '\u001b[31mred\u001b[0m', 'red'],
    ['a window title', '\u001b]0;title\u0007text', 'text'],
    ['a hyperlink', '\u001b]8;;http://x\u001b\\text\u001b]8;;\u001b\\', 'text'],
    ['a device string', '\u001bP1;2|secret\u001b\\text', 'text'],
    ['C1 controls', 'a\u009b31mb\u0085c', 'abc'],
    ['text that is turned around', '\u202eabc\u2066', 'abc'],
    ['carriage returns', 'real\rfake\r\nnext', 'real\nfake\nnext'],
    ['NUL, bell and backspace', 'a\u0000b\u0007c\u0008', 'abc'],
    ['an escape alone', 'a\u001b', 'a'],
    ['tabs and line ends', 'a\tb\nc', 'a\tb\nc'],
    ['letters of all kinds', 'äöü 日本 🙂', 'äöü 日本 🙂'],
  ])('has no %s', (_what, text, expected) => {
    expect(clean(text)).toBe(expected);
  });

  test('never has a control character but tabs and line ends', () => {
    const nasty = fc.string({
      unit: fc.constantFrom(
        '\u001b',
        '[',
        ']',
        'P',
        '\\',
        ';',
        '\u0007',
        '\u009b',
        '\u009c',
        '3',
        'm',
        'a',
        '\n',
        '\u202e',
      ),
    });
    fc.assert(fc.property(nasty, (text) => !/[^\P{Cc}\n\t]|\p{Cf}/u.test(clean(text))));
  });
});
