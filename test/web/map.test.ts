import { describe, expect, test } from 'vitest';
import type { Cell, MapTag, MapWave, TrainMap } from '../../protocol/api/train.ts';
import { cellsOf } from '../../server/web/map/cells.ts';
import { choose, chosenIn } from '../../server/web/map/choosing.ts';
import { columnsOf, daysOf } from '../../server/web/map/columns.ts';
import { comingOf } from '../../server/web/map/coming.ts';
import { markFor, reasonsOf, summaryOf } from '../../server/web/map/marks.ts';
import { barHeight } from '../../server/web/map/size.ts';
import { centreOf, legLine, trackOf } from '../../server/web/map/track.ts';

const DAY = '20261120';
const nameAt = (hour: number): string => `etchautotag-${DAY}-${String(hour).padStart(2, '0')}00`;
const instantAt = (hour: number): string => `2026-11-20T${String(hour).padStart(2, '0')}:00:00.000Z`;

function tag(hour: number, more: Partial<MapTag> = {}): MapTag {
  return {
    name: nameAt(hour),
    hour: instantAt(hour),
    commit: 'c'.repeat(40),
    author: 'Ana',
    subject: `at ${hour}`,
    created: instantAt(hour),
    origin: 'cron',
    stale: false,
    broken: null,
    ahead: false,
    commits: 1,
    isNew: true,
    size: null,
    marks: {},
    ...more,
  };
}

function wave(more: Partial<MapWave> = {}): MapWave {
  return {
    wave: 'production',
    environment: 'production',
    hours: 4,
    require: 'not-bad',
    answer: nameAt(7),
    reasons: [],
    nodes: 10,
    failing: 0,
    held: 0,
    silent: 0,
    drifted: 0,
    cells: [],
    path: [],
    ...more,
  };
}

/** Steps of the full hours after eleven. */
function path(...answers: string[]): MapWave['path'] {
  return answers.map((answer, index) => ({ at: instantAt(12 + index), answer, reasons: [] }));
}

function mapOf(more: Partial<TrainMap>): Pick<TrainMap, 'at' | 'hours' | 'tags' | 'waves'> {
  return { at: '2026-11-20T11:20:00Z', hours: 4, tags: [], waves: [], ...more };
}

describe('columns', () => {
  test('there is one for each hour, oldest first, and one for each hour that the paths reach', () => {
    const columns = columnsOf(
      mapOf({ tags: [tag(8), tag(9), tag(11)], waves: [wave({ path: path(nameAt(8), nameAt(9)) })] }),
    );
    expect(columns.map(({ name, kind }) => [name.slice(-4, -2), kind])).toEqual([
      ['08', 'tag'],
      ['09', 'tag'],
      ['10', 'missing'],
      ['11', 'tag'],
      ['12', 'future'],
      ['13', 'future'],
    ]);
  });

  test('a tag from before that somebody still runs stands before all others', () => {
    const columns = columnsOf(mapOf({ tags: [tag(2), tag(11)] }));
    expect(columns.map(({ name, isOlder }) => [name, isOlder]).at(0)).toEqual([nameAt(2), true]);
    expect(columns).toHaveLength(5);
    expect(daysOf(columns)).toEqual([
      { day: null, columns: 1 },
      { day: Date.parse('2026-11-20T00:00:00Z'), columns: 4 },
    ]);
  });

  test('days are marked where they begin', () => {
    const columns = columnsOf(mapOf({ at: '2026-11-21T01:00:00Z' }));
    expect(daysOf(columns).map(({ columns }) => columns)).toEqual([2, 2]);
  });
});

describe('the way of a wave', () => {
  const columnOf = new Map([7, 8, 9, 10, 11, 12].map((hour, index) => [nameAt(hour), index]));

  test('leads on by one tag an hour', () => {
    const track = trackOf(wave({ path: path(nameAt(8), nameAt(9)) }), columnOf);
    expect(track).toEqual({
      now: 0,
      arrivals: [
        { column: 1, inHours: 1 },
        { column: 2, inHours: 2 },
      ],
      legs: [
        { from: 0, to: 1, isNext: true, isBack: false },
        { from: 1, to: 2, isNext: false, isBack: false },
      ],
      heldInHours: null,
    });
  });

  test('stays before what is bad, and then goes over it', () => {
    const track = trackOf(wave({ path: path(nameAt(7), nameAt(7), nameAt(7), nameAt(11)) }), columnOf);
    expect(track.arrivals).toEqual([{ column: 4, inHours: 4 }]);
    expect(track.legs).toEqual([{ from: 0, to: 4, isNext: false, isBack: false }]);
  });

  test('says when it goes backwards', () => {
    const track = trackOf(wave({ answer: nameAt(9), path: path(nameAt(7)) }), columnOf);
    expect(track.legs).toEqual([{ from: 2, to: 0, isNext: true, isBack: true }]);
  });

  test('says when there will be nothing for it', () => {
    const track = trackOf(wave({ path: path(nameAt(7), 'hold no-acceptable-tag') }), columnOf);
    expect(track).toMatchObject({ now: 0, arrivals: [], heldInHours: 2 });
  });

  test('begins nowhere while the wave is held, and goes on where it is given something again', () => {
    const track = trackOf(wave({ answer: 'hold no-newer-tag', path: path(nameAt(12)) }), columnOf);
    expect(track).toMatchObject({ now: null, arrivals: [{ column: 5, inHours: 1 }], legs: [] });
  });

  test('is a line to the next column, and an arc over those that are left out', () => {
    expect(legLine({ from: 0, to: 1 }, true)).toBe(`M${centreOf(0)} 28H${centreOf(1) - 10}`);
    expect(legLine({ from: 1, to: 2 }, false)).toBe(`M${centreOf(1) + 10} 28H${centreOf(2) - 10}`);
    expect(legLine({ from: 0, to: 4 }, true)).toMatch(/^M18 28C/);
    expect(legLine({ from: 4, to: 2 }, true)).toMatch(new RegExp(` ${centreOf(2) + 10} 28$`));
  });
});

describe('cells', () => {
  const cell = (at: string, more: Partial<Cell>): Cell => ({ at, told: 0, running: 0, failing: 0, ...more });

  test('a cell says who was told the tag and how many of them run it', () => {
    const cells = cellsOf(wave({ cells: [cell(nameAt(7), { told: 10, running: 4, failing: 1 })] }));
    expect(cells.get(nameAt(7))).toEqual({
      nodes: 10,
      filled: 0.4,
      failing: 1,
      isLeftOver: false,
      words: '10 nodes told, 4 run it, 1 failing',
    });
  });

  test('who runs a tag but was told another is left over', () => {
    const cells = cellsOf(wave({ cells: [cell(nameAt(6), { running: 2 })] }));
    expect(cells.get(nameAt(6))).toMatchObject({
      nodes: 2,
      isLeftOver: true,
      words: '2 nodes still run it, told otherwise',
    });
  });

  test('who does not say what it runs is taken at what it was told', () => {
    const cells = cellsOf(wave({ cells: [cell(nameAt(7), { told: 10 }), cell('unknown', { running: 10 })] }));
    expect(cells.get(nameAt(7))).toMatchObject({ filled: 1 });
  });
});

describe('marks', () => {
  const line = { source: 'tagstate', line: 3, reason: 'broke ntp' } as const;

  test('what is broken is broken for everybody', () => {
    const broken = tag(8, { broken: 'no view', marks: { qa: { ...line, state: 'good' } } });
    expect([markFor(broken, 'qa'), summaryOf(broken, ['qa']).state]).toEqual(['broken', 'broken']);
  });

  test('one sign stands for all environments, and says where it is not for all', () => {
    const bad = { ...line, state: 'bad' } as const;
    expect(summaryOf(tag(8, { marks: { qa: bad } }), ['qa', 'production'])).toEqual({ state: 'bad', isPartial: true });
    expect(summaryOf(tag(8, { marks: { qa: bad, production: bad } }), ['qa', 'production'])).toEqual({
      state: 'bad',
      isPartial: false,
    });
    expect(summaryOf(tag(8), ['qa'])).toEqual({ state: 'none', isPartial: false });
  });

  test('a reason that all environments share is said once', () => {
    const bad = { ...line, state: 'bad' } as const;
    expect(reasonsOf(tag(8, { marks: { qa: bad, production: bad } }))).toEqual([
      { environments: ['qa', 'production'], text: 'bad: “broke ntp” (tagstate line 3)' },
    ]);
  });

  test('a bar grows with the change and never out of its place', () => {
    const heights = [0, 1, 10, 1000, 1_000_000].map((insertions) => barHeight({ files: 1, insertions, deletions: 0 }));
    expect(heights).toEqual(heights.toSorted((one, other) => one - other));
    expect(heights.at(-1)).toBe(22);
  });
});

describe('what comes at the full hour', () => {
  test('names what is new between the two tags, newest first', () => {
    const tags = [tag(7), tag(8), tag(9, { isNew: false }), tag(10), tag(11)];
    const [coming] = comingOf({ tags, waves: [wave({ path: path(nameAt(10)) })] });
    expect(coming).toMatchObject({ from: nameAt(7), to: nameAt(10), direction: 'forward' });
    expect(coming?.tags.map(({ subject }) => subject)).toEqual(['at 10', 'at 8']);
  });

  test('says who stays, who goes back and who is held', () => {
    const waves = [
      wave({ path: path(nameAt(7)) }),
      wave({ path: path(nameAt(6)) }),
      wave({ path: path('hold no-acceptable-tag') }),
      wave({ path: [] }),
    ];
    expect(comingOf({ tags: [], waves }).map(({ direction }) => direction)).toEqual(['stays', 'back', 'changes']);
  });
});

describe('choosing tags', () => {
  const order = [7, 8, 9, 10].map(nameAt);

  test('a click chooses one, and the same click none', () => {
    expect(choose({ order, chosen: [], name: nameAt(8), how: 'only' })).toEqual([nameAt(8)]);
    expect(choose({ order, chosen: [nameAt(8)], name: nameAt(8), how: 'only' })).toEqual([]);
    expect(choose({ order, chosen: [nameAt(8), nameAt(9)], name: nameAt(8), how: 'only' })).toEqual([nameAt(8)]);
  });

  test('a range goes from the tag that was chosen first, in both directions', () => {
    const on = choose({ order, chosen: [nameAt(8)], name: nameAt(10), how: 'range' });
    expect(on).toEqual([nameAt(8), nameAt(9), nameAt(10)]);
    expect(choose({ order, chosen: on, name: nameAt(7), how: 'range' })).toEqual([nameAt(8), nameAt(7)]);
    expect(choose({ order, chosen: [], name: nameAt(7), how: 'range' })).toEqual([nameAt(7)]);
  });

  test('one more and one less', () => {
    const more = choose({ order, chosen: [nameAt(8)], name: nameAt(10), how: 'toggle' });
    expect(more).toEqual([nameAt(8), nameAt(10)]);
    expect(choose({ order, chosen: more, name: nameAt(8), how: 'toggle' })).toEqual([nameAt(10)]);
  });

  test('a URL names each tag once', () => {
    expect([chosenIn(undefined), chosenIn('a,b,,a')]).toEqual([[], ['a', 'b']]);
  });
});
