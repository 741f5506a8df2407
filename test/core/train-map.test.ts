import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Digest, floorHour, type ObjectId, startOf, type TagName } from '../../protocol/names.ts';
import { decideBySchedule } from '../../server/core/decide.ts';
import { answerOf } from '../../server/core/effect.ts';
import type { StoredEvent } from '../../server/core/event.ts';
import { forecastWaves, futureTag, tagsUntil, worldLater } from '../../server/core/forecast.ts';
import { killswitchText, NO_KILLSWITCH } from '../../server/core/killswitch.ts';
import { runningTag } from '../../server/core/running-tag.ts';
import type { Wave } from '../../server/core/schedule.ts';
import { stoodSince } from '../../server/core/stood-since.ts';
import type { Tag, TagRecord } from '../../server/core/tag.ts';
import { assembleMap } from '../../server/core/train-map.ts';
import type { Whereabouts } from '../../server/core/whereabouts.ts';
import type { World } from '../../server/core/world.ts';
import { waveAnswer } from '../../server/operations/preview.ts';
import { ENVIRONMENTS, marksOf, NOON, questionArbitrary, tagAt, tagsAt, waveArbitrary } from './worlds.ts';

const ID = 'a'.repeat(40) as ObjectId;
const STOP = { message: 'stop' };

function recordOf(tag: Tag): TagRecord {
  const about = {
    commit: ID,
    tree: ID,
    author: 'Ada <a@b>',
    subject: 'x',
    created: new Date(startOf(tag.hour)).toISOString(),
  };
  return { ...tag, ...about, fetched: null, origin: 'cron', stale: false, commits: 1 };
}

function worldOf(
  { now, tags, marks }: { now: number; tags: readonly Tag[]; marks: World['marks'] },
  waves: readonly Wave[],
): World {
  return {
    now,
    tags: tags.map(recordOf),
    trunk: null,
    marks,
    schedule: { waves },
    nodes: { exact: new Map(), globs: [] } as unknown as World['nodes'],
    nodeGroups: new Map() as unknown as World['nodeGroups'],
    pins: { exact: new Map(), globs: [] },
    killswitch: NO_KILLSWITCH,
    clientTags: 'any',
  };
}

const wave = waveArbitrary.map(
  (one): Wave => ({ ...one, groups: [], percent: null, isDefault: true, haltAfter: null }),
);
const waves = fc.uniqueArray(wave, { minLength: 1, maxLength: 4, selector: ({ name }) => name });
const killswitch: fc.Arbitrary<World['killswitch']> = fc.record({
  global: fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.constant(STOP) }),
  environments: fc
    .subarray(ENVIRONMENTS)
    .map((names): ReadonlyMap<string, { message: string }> => new Map(names.map((name) => [name, STOP]))),
});
const world = fc
  .tuple(questionArbitrary, waves, killswitch)
  .map(([question, some, stop]): World => ({ ...worldOf(question, some), killswitch: stop }));

const ANSWERS = [...tagsAt([1, 5, 9, 13]).map(({ name }) => name), 'trunk', 'hold bad-pin', 'killswitch', 'nothing'];
const counts = (names: readonly string[]): fc.Arbitrary<Whereabouts[]> =>
  fc.array(
    fc
      .record({
        wave: fc.constantFrom(...names, 'gone+1h', ''),
        environment: fc.constant(''),
        told: fc.constantFrom(...ANSWERS),
        running: fc.constantFrom(...tagsAt([1, 5]).map(({ name }) => name), 'trunk' as const, 'unknown' as const),
        nodes: fc.integer({ min: 1, max: 50 }),
        parts: fc.tuple(fc.nat(9), fc.nat(9), fc.nat(9)),
      })
      .map(({ parts: [failing, drifted, silent], ...one }) => {
        const some = (part: number) => Math.min(part, one.nodes);
        return { ...one, failing: some(failing), drifted: some(drifted), silent: some(silent) };
      }),
    { maxLength: 12 },
  );

const REST = { tense: 'now', sizes: new Map(), killswitch: [], problems: 0, since: null, notes: [] } as const;

describe('the map', () => {
  it('says of each wave what the decision says, now and at each hour to come', () => {
    fc.assert(
      fc.property(world, fc.nat(8), (one, ahead) => {
        const map = assembleMap({ ...REST, world: one, hours: 12, ahead, counts: [] });
        expect(map.waves.map(({ answer }) => answer)).toEqual(one.schedule.waves.map((each) => waveAnswer(one, each)));
        for (const [index, each] of one.schedule.waves.entries()) {
          const path = map.waves[index]?.path ?? [];
          expect(path).toHaveLength(ahead);
          for (const step of path) expect(step.answer).toBe(waveAnswer(worldLater(one, Date.parse(step.at)), each));
        }
      }),
    );
  });

  it('counts each node once by what it was told, and once by what it runs', () => {
    const scene = world.chain((one) => fc.tuple(fc.constant(one), counts(one.schedule.waves.map(({ name }) => name))));
    fc.assert(
      fc.property(scene, ([one, some]) => {
        const map = assembleMap({ ...REST, world: one, hours: 12, ahead: 0, counts: some });
        const all = [...map.waves, ...map.elsewhere];
        const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0);
        expect(sum(all.map(({ nodes }) => nodes))).toBe(sum(some.map(({ nodes }) => nodes)));
        for (const { nodes, cells, failing, held } of all) {
          expect(sum(cells.map(({ told }) => told))).toBe(nodes);
          expect(sum(cells.map(({ running }) => running))).toBe(nodes);
          expect(sum(cells.map((cell) => cell.failing))).toBe(failing);
          expect(sum(cells.filter(({ at }) => at.startsWith('hold ')).map(({ told }) => told))).toBe(held);
        }
      }),
    );
  });

  it('shows the hours that it is asked for, and whatever older tag a wave gets or somebody has', () => {
    const tags = tagsAt([0, 1, 2, 3, 8, 9, 10, 11, 12]);
    const late: Wave = { ...fcWave(), hours: 9, lookbackHours: 72 };
    const one = worldOf({ now: startOf(NOON) + 60_000, tags, marks: marksOf([]) }, [late]);
    const told = { wave: late.name, environment: 'qa', running: tagAt(1), nodes: 1, failing: 0, drifted: 0, silent: 0 };
    const map = assembleMap({ ...REST, world: one, hours: 3, ahead: 0, counts: [{ ...told, told: tagAt(0) }] });
    expect(map.tags.map(({ name }) => name)).toEqual([0, 1, 3, 10, 11, 12].map(tagAt));
  });

  it('tells a tag that holds another commit from one that holds the same', () => {
    const [first, second, third] = tagsAt([1, 2, 3]).map(recordOf) as [TagRecord, TagRecord, TagRecord];
    const other = 'b'.repeat(40) as ObjectId;
    const size = { files: 1, insertions: 2, deletions: 3 };
    const one: World = {
      ...worldOf({ now: startOf(NOON), tags: [], marks: marksOf([]) }, [fcWave()]),
      tags: [first, { ...second, commit: other }, { ...third, commit: other }],
    };
    const map = assembleMap({
      ...REST,
      world: one,
      hours: 72,
      ahead: 0,
      counts: [],
      sizes: new Map([[second.name, size]]),
    });
    expect(map.tags.map((tag) => [tag.isNew, tag.size])).toEqual([
      [true, null],
      [true, size],
      [false, null],
    ]);
  });
});

function fcWave(): Wave {
  return {
    name: 'qa+1h',
    environment: ENVIRONMENTS[0] as Wave['environment'],
    hours: 1,
    require: 'not-bad',
    lookbackHours: 24,
    groups: [],
    percent: null,
    isDefault: true,
    haltAfter: null,
  };
}

describe('the forecast', () => {
  it('is what the schedule decides at that hour with one unmarked tag an hour, made one by one', () => {
    fc.assert(
      fc.property(world, fc.nat(10), (one, hours) => {
        const free: World = { ...one, killswitch: NO_KILLSWITCH };
        for (const { wave: each, steps } of forecastWaves(free, hours)) {
          expect(steps).toHaveLength(hours + 1);
          for (const [ahead, step] of steps.entries()) {
            const now = ahead === 0 ? free.now : startOf(floorHour(free.now) + ahead);
            expect(Date.parse(step.at)).toBe(now);
            const made = free.tags.filter(({ hour }) => hour <= floorHour(now));
            for (let hour = floorHour(free.now) + 1; hour <= floorHour(now); hour++)
              if (!made.some((tag) => tag.hour === hour)) made.push(futureTag(hour, free));
            made.sort((a, b) => a.hour - b.hour);
            const decision = decideBySchedule({ now, tags: made, marks: free.marks, wave: each });
            expect(step.answer).toBe(answerOf(decision));
          }
        }
      }),
    );
  });

  it('makes no tag twice, and none for an hour that is over', () => {
    fc.assert(
      fc.property(world, fc.nat(6), (one, hours) => {
        const until = floorHour(one.now) + hours;
        const made = tagsUntil(one, until).map(({ hour }) => hour);
        expect(new Set(made).size).toBe(made.length);
        expect(made).toEqual([...made].sort((a, b) => a - b));
        const before = new Set(one.tags.map(({ hour }) => hour));
        expect(made.filter((hour) => !before.has(hour) && (hour <= floorHour(one.now) || hour > until))).toEqual([]);
      }),
    );
  });
});

describe('what a node runs', () => {
  const digest = (hex: string) => `sha256:${hex.repeat(64)}` as Digest;
  const told = { tag: tagAt(9), digest: digest('a') };
  const reported = { tag: tagAt(8), digest: digest('b'), outcome: 'applied' } as const;
  const tagOf = (one: Digest): TagName | undefined => (one === digest('c') ? tagAt(7) : undefined);

  it('is what it was told, where it says that it runs that content', () => {
    expect(runningTag({ running: digest('a'), told, reported: { ...reported, digest: digest('a') } }, tagOf)).toBe(
      tagAt(9),
    );
  });

  it('is otherwise what it reported with that content, else any tag of that content, else unknown', () => {
    expect(runningTag({ running: digest('b'), told, reported }, tagOf)).toBe(tagAt(8));
    expect(runningTag({ running: digest('c'), told, reported }, tagOf)).toBe(tagAt(7));
    expect(runningTag({ running: digest('d'), told, reported }, tagOf)).toBe('unknown');
  });

  it('is what it reported to have applied, where its polls do not say it, and never what has failed', () => {
    expect(runningTag({ running: null, told, reported }, tagOf)).toBe(tagAt(8));
    for (const outcome of ['failed', 'rolled-back', 'refused', 'disabled'] as const)
      expect(runningTag({ running: null, told, reported: { ...reported, outcome } }, tagOf)).toBe('unknown');
    expect(runningTag({ running: null, told, reported: null }, tagOf)).toBe('unknown');
  });
});

describe('a killswitch has stood', () => {
  const look = (global: string | null, environments: Record<string, string> = {}) =>
    killswitchText({ global, doubt: null, environments: new Map(Object.entries(environments)) });
  const event = (at: number, after: string | null, by = 'ada'): StoredEvent => ({
    id: at,
    at,
    kind: after === null ? 'resume' : 'kill',
    by,
    from: null,
    subject: 'killswitch',
    before: null,
    after,
    why: null,
    summary: '',
    hash: null,
  });

  it('since the first event after it was last removed, whatever was stopped beside it', () => {
    const events = [event(5, look('a', { qa: 'x' })), event(4, look('a')), event(3, null), event(2, look('a'))];
    expect(stoodSince(events, null)).toEqual({ since: 4, by: 'ada', wordsSince: 4 });
    expect(stoodSince(events, 'qa')).toEqual({ since: 5, by: 'ada', wordsSince: 5 });
    expect(stoodSince(events, 'staging')).toBeUndefined();
    expect(stoodSince([], null)).toBeUndefined();
  });

  it('with other words since they were changed', () => {
    const events = [event(9, look('b', { qa: 'x' })), event(7, look('b')), event(4, look('a'))];
    expect(stoodSince(events, null)).toEqual({ since: 4, by: 'ada', wordsSince: 7 });
  });

  it('by whoever says that it was their doing, before whose file was found', () => {
    const events = [event(5, look('a'), 'bob as root'), event(4, look('a'), 'file owner root')];
    expect(stoodSince(events, null)).toMatchObject({ since: 4, by: 'bob as root' });
  });
});
