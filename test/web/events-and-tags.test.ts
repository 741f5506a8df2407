import { describe, expect, test } from 'vitest';
import type { ShownEvent } from '../../protocol/api/events.ts';
import type { ShownTag } from '../../protocol/api/tags.ts';
import { EVENT_KINDS } from '../../server/core/event.ts';
import { changeOf, eventDays, merged, olderThan } from '../../server/web/pages/events/feed.ts';
import { chosenKinds, GROUPS, kindsOf, kindsText, shownKinds } from '../../server/web/pages/events/kinds.ts';
import { textPatch } from '../../server/web/pages/parts/text-diff.ts';
import { byDay, fitting, markGroups, withNews } from '../../server/web/pages/tags/list.ts';
import { patchLines } from '../../server/web/patch.ts';

function event(id: number, at: string, rest: Partial<ShownEvent> = {}): ShownEvent {
  const nothing = { from: null, before: null, after: null, why: null, hash: null };
  return {
    id,
    at: `2026-11-${at}:00.000Z`,
    kind: 'mark',
    by: 'alice',
    subject: 'tagstate',
    summary: 's',
    ...nothing,
    ...rest,
  };
}

describe('events', () => {
  test('stand newest first and each once, in whatever order they come', () => {
    const known = [event(3, '20T11:00'), event(1, '20T09:00')];
    const come = [event(2, '20T09:00'), event(3, '20T11:00'), event(4, '20T12:00')];
    expect(merged(known, come).map(({ id }) => id)).toEqual([4, 3, 2, 1]);
    expect(merged(known, [])).toEqual(known);
  });

  test('stand by day', () => {
    const days = eventDays([event(2, '20T00:01'), event(1, '19T23:59')]);
    expect(days.map(({ day, events }) => [day, events.length])).toEqual([
      ['Fri 20 Nov', 1],
      ['Thu 19 Nov', 1],
    ]);
  });

  test('that are older are asked for with room for those that are known of that instant', () => {
    const known = [event(9, '20T11:00'), event(8, '20T09:00'), event(7, '20T09:00')];
    expect(olderThan(known, 100)).toEqual({ until: '2026-11-20T09:00:00.000Z', limit: 102 });
    expect(olderThan([], 100)).toBeNull();
  });

  test('show what changed in a line, by lines, or not where the sentence has said it', () => {
    const commit = 'f978df0e7de24d088c79faa2f00ae7c342eda5f3';
    const shown = (before: string | null, after: string | null, summary = '') => changeOf({ before, after, summary });
    expect(shown(null, null)).toBe('none');
    expect(shown('same', 'same')).toBe('none');
    expect(shown('pending', 'approved')).toBe('line');
    expect(shown(null, commit, `the tip is now ${commit.slice(0, 12)}`)).toBe('none');
    expect(shown(null, 'a line\nand another\n')).toBe('lines');
    expect(shown('x'.repeat(100), null)).toBe('lines');
    expect(shown('', '\n')).toBe('none');
    expect(shown('x'.repeat(100), null, `no more: ${'x'.repeat(100)}`)).toBe('none');
  });

  test('are all of some kind that can be chosen', () => {
    expect(GROUPS.flatMap(kindsOf).toSorted()).toEqual([...EVENT_KINDS].toSorted());
  });

  test('of what nodes were told and did are shown when they are chosen, or of one subject', () => {
    expect(shownKinds([], undefined)).not.toContain('report');
    expect(shownKinds([], undefined)).toContain('mark');
    expect(shownKinds([], 'web1.example.com')).toContain('report');
    expect(shownKinds(chosenKinds('report'), undefined)).toEqual(['report']);
  });

  test('of chosen kinds have a URL', () => {
    for (const text of [undefined, 'all', 'mark,kill']) expect(kindsText(chosenKinds(text))).toBe(text);
    expect(kindsText(chosenKinds('nonsense'))).toBeUndefined();
  });
});

describe('a change of a text', () => {
  const kinds = (before: string | null, after: string | null) =>
    patchLines(textPatch(before, after)).map(({ kind, text }) => `${kind} ${text}`);

  test('is shown by lines, with those around it', () => {
    expect(kinds('a\nb\nc\n', 'a\nx\nc\n').slice(1)).toEqual(['same a', 'removed b', 'added x', 'same c']);
  });

  test('is all of it where there was, or is, nothing', () => {
    expect(kinds(null, 'a\nb').slice(1)).toEqual(['added a', 'added b']);
    expect(kinds('a\n', null).slice(1)).toEqual(['removed a']);
    expect(kinds('a', 'a\n')).toEqual([]);
  });

  test('may be of any length and have nothing in common', () => {
    const text = (word: string) => Array.from({ length: 5000 }, (_, index) => `${word} ${index}`).join('\n');
    const lines = kinds(text('old'), text('new'));
    expect(lines.filter((line) => line.startsWith('removed'))).toHaveLength(5000);
    expect(lines.filter((line) => line.startsWith('added'))).toHaveLength(5000);
  });

  test('may hold what looks like a patch', () => {
    expect(kinds('@@ -1 +1 @@\n', '+++ b\n').slice(1)).toEqual(['removed @@ -1 +1 @@', 'added +++ b']);
  });
});

const mark = (state: 'good' | 'bad', line: number) => ({ state, reason: `why ${line}`, source: 'tagstate', line });

function tag(hour: string, commit: string, rest: Partial<ShownTag> = {}): ShownTag {
  return {
    name: `etchautotag-202611${hour}`,
    hour: 0,
    broken: null,
    commit,
    tree: commit,
    author: 'Ana <ana@example.com>',
    subject: `Subject ${commit}`,
    created: '2026-11-20T08:00:00.000Z',
    fetched: null,
    origin: 'cron',
    stale: false,
    commits: 1,
    marks: {},
    nodes: 0,
    ahead: false,
    ...rest,
  };
}

describe('tags', () => {
  const tags = withNews([
    tag('20-0900', 'b', { marks: { qa: mark('bad', 3), staging: mark('bad', 3), production: mark('good', 4) } }),
    tag('20-0800', 'b', { subject: 'Change the time servers' }),
    tag('19-2300', 'a', { broken: 'it holds a submodule' }),
  ]);

  test('say whether they hold another commit than the one before', () => {
    expect(tags.map(({ isNew }) => isNew)).toEqual([false, true, true]);
  });

  test('stand by day', () => {
    expect(byDay(tags).map(({ day, tags: found }) => [day, found.length])).toEqual([
      ['Fri 20 Nov', 2],
      ['Thu 19 Nov', 1],
    ]);
  });

  test('are found by any of what is known of them', () => {
    const hours = (q: string, rest = {}) =>
      fitting(tags, { q, isMarked: false, isNew: false, ...rest }).map(({ name }) => name.slice(-4));
    expect(hours('ana TIME')).toEqual(['0800']);
    expect(hours('why 3')).toEqual(['0900']);
    expect(hours('', { isMarked: true })).toEqual(['0900', '2300']);
    expect(hours('', { isNew: true })).toEqual(['0800', '2300']);
    expect(hours('nothing')).toEqual([]);
  });

  test('show marks of one line together', () => {
    const [first] = tags;
    expect(first && markGroups(first)).toEqual([
      { state: 'bad', reason: 'why 3', where: 'tagstate line 3', environments: ['qa', 'staging'] },
      { state: 'good', reason: 'why 4', where: 'tagstate line 4', environments: ['production'] },
    ]);
  });
});
