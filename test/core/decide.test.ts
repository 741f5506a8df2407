import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Decision,
  decideBySchedule,
  type ScheduledWave,
  type ScheduleQuestion,
} from '../../server/core/decide.ts';
import type { MarkLine } from '../../server/core/marks.ts';
import type { Tag } from '../../server/core/tag.ts';
import { parseTagstate } from '../../server/core/tagstate.ts';
import { at, linesArbitrary, marksOf, NOON, questionArbitrary, tagAt, tagsAt } from './worlds.ts';

const HOURS = Array.from({ length: 15 }, (_, hour) => hour);

describe('the steps taken are told', () => {
  it('for a tag that is due and fine', () => {
    expect(decide({ hours: 4 })).toEqual({
      outcome: 'serve',
      tag: 'etchautotag-20261120-1000',
      reasons: [
        'production lags 4 hours; due is etchautotag-20261120-1000',
        'etchautotag-20261120-1000 is unmarked: serving it',
      ],
    });
  });

  it('for tags that are passed over because they are bad or broken, with reason and line', () => {
    const tagstate = '\n\netchautotag-20261120-1000 bad broke "ntp"\netchautotag-20261120-0800 good  # soaked\n';
    expect(decide({ hours: 4 }, { tagstate, broken: [9] }).reasons).toEqual([
      'production lags 4 hours; due is etchautotag-20261120-1000',
      'etchautotag-20261120-1000 is bad: "broke \\"ntp\\"" (tagstate line 3)',
      'etchautotag-20261120-0900 is broken: it holds a submodule',
      'etchautotag-20261120-0800 is good: "soaked" (tagstate line 4): serving it',
    ]);
  });

  it('for a mark of the repository', () => {
    const repository = 'etchautotag-20261120-1000 bad\n';
    expect(decide({ hours: 4 }, { repository }).reasons[1]).toBe(
      'etchautotag-20261120-1000 is bad (tagstate in the repository, line 1)',
    );
  });

  it('for a missing hour', () => {
    const tags = HOURS.filter((hour) => hour !== 10);
    expect(decide({ hours: 4 }, { tags }).reasons[0]).toBe(
      'production lags 4 hours; due is etchautotag-20261120-0900 (the newest before etchautotag-20261120-1000, which does not exist)',
    );
  });

  it('for going forward', () => {
    const tagstate = 'etchautotag-20261120-1000 badfwd\netchautotag-20261120-1100 bad\n';
    expect(decide({ hours: 4 }, { tagstate }).reasons.slice(1)).toEqual([
      'etchautotag-20261120-1000 is badfwd (tagstate line 1): going forward',
      'etchautotag-20261120-1100 is bad (tagstate line 2)',
      'etchautotag-20261120-1200 is unmarked: serving it',
    ]);
  });

  it('for a wave that takes only good tags, and one with a name of its own', () => {
    const wave = { name: 'canary', hours: 1, require: 'good' } as const;
    expect(decide(wave, { tagstate: 'etchautotag-20261120-1200 good\n' }).reasons).toEqual([
      'production (wave canary) lags 1 hour; due is etchautotag-20261120-1300',
      'etchautotag-20261120-1300 is unmarked, and production (wave canary) takes only tags marked good',
      'etchautotag-20261120-1200 is good (tagstate line 1): serving it',
    ]);
  });

  it('without filling pages: of many tags that are passed over, ten', () => {
    const tagstate = 'etchautotag-20261120-0100 good\n';
    const { reasons } = decide({ hours: 0, require: 'good' }, { tagstate });
    expect(reasons).toHaveLength(1 + 10 + 1 + 1);
    expect(reasons.slice(-2)).toEqual([
      '3 more tags, as far as etchautotag-20261120-0200, not acceptable either',
      'etchautotag-20261120-0100 is good (tagstate line 1): serving it',
    ]);
  });
});

describe('a hold says what happened and what to do', () => {
  it('where there is no tag at all', () => {
    expect(decide({ hours: 4 }, { tags: [] })).toMatchObject({
      hold: 'no-tag-old-enough',
      message: expect.stringContaining('tagwave-server snapshot'),
    });
  });

  it('where no tag is old enough, and when one will be', () => {
    expect(decide({ hours: 4 }, { tags: [14] })).toMatchObject({
      hold: 'no-tag-old-enough',
      message:
        'the oldest tag, etchautotag-20261120-1400, is due for production only at 2026-11-20T18:00Z; wait until then, or pin the host to a tag',
    });
  });

  it('where nothing newer is acceptable, and when the next tag is made', () => {
    const tagstate = HOURS.map((hour) => `${tagAt(hour)} badfwd\n`).join('');
    expect(decide({ hours: 4 }, { tagstate })).toMatchObject({
      hold: 'no-newer-tag',
      message:
        'production keeps what it has: etchautotag-20261120-1000 is badfwd and no newer tag is acceptable yet; ' +
        'commit the fix before 2026-11-20T15:00Z, when the next tag is made',
    });
    expect(decide({ hours: 4, require: 'good' }, { tagstate })).toMatchObject({
      message: expect.stringContaining('mark it good'),
    });
  });

  it('where nothing within the lookback is acceptable', () => {
    const tagstate = HOURS.map((hour) => `${tagAt(hour)} bad\n`).join('');
    expect(decide({ hours: 4 }, { tagstate })).toMatchObject({
      hold: 'no-acceptable-tag',
      message:
        'production keeps what it has: no tag within 72 hours of lookback is acceptable, going back from etchautotag-20261120-1000; ' +
        'take the mark off one that is fine after all ("tagwave-server mark TAG none"), or pin the host to an older tag',
    });
    expect(decide({ hours: 4, require: 'good' })).toMatchObject({ message: expect.stringContaining('mark one good') });
  });
});

/** The rule as its description reads, hour by hour, knowing nothing of the code under test. */
function naiveMark({ marks, wave }: ScheduleQuestion, tag: Tag): string {
  const known = [...marks.environments] as string[];
  const counts = (line: MarkLine): boolean => {
    if (line.environments === null) return true;
    if (line.state === 'good') return line.environments.includes(wave.environment);
    if (line.environments.length === 0) return true;
    for (const name of line.environments) if (!known.includes(name)) return true;
    return line.environments.includes(wave.environment);
  };
  let state = 'unmarked';
  for (const line of marks.repository.get(tag.name) ?? []) if (counts(line)) state = line.state;
  for (const line of marks.base.get(tag.name) ?? []) if (counts(line)) state = line.state;
  return state;
}

function naiveAcceptable(question: ScheduleQuestion, tag: Tag): boolean {
  if (tag.broken !== null) return false;
  const state = naiveMark(question, tag);
  return question.wave.require === 'good' ? state === 'good' : state === 'good' || state === 'unmarked';
}

function naive(question: ScheduleQuestion): string {
  const { now, tags, wave } = question;
  const floor = Math.floor(now / 3_600_000);
  const tagOf = (hour: number) => tags.find((tag) => tag.hour === hour);
  let due: Tag | undefined;
  for (let hour = floor - wave.hours; hour >= NOON - 100 && due === undefined; hour--) due = tagOf(hour);
  if (due === undefined) return 'no-tag-old-enough';
  if (naiveMark(question, due) === 'badfwd') {
    for (let hour = due.hour + 1; hour <= floor; hour++) {
      const tag = tagOf(hour);
      if (tag !== undefined && naiveAcceptable(question, tag)) return tag.name;
    }
    return 'no-newer-tag';
  }
  const last = wave.require === 'good' ? NOON - 100 : due.hour - (wave.lookbackHours - wave.hours);
  for (let hour = due.hour; hour >= last; hour--) {
    const tag = tagOf(hour);
    if (tag !== undefined && naiveAcceptable(question, tag)) return tag.name;
  }
  return 'no-acceptable-tag';
}

const RUNS = { numRuns: 1_000 };

describe('whatever the tags, marks and waves', () => {
  it('the decision is that of the rule read hour by hour', () => {
    fc.assert(
      fc.property(questionArbitrary, (question) => {
        expect(answerOf(decideBySchedule(question))).toBe(naive(question));
      }),
      RUNS,
    );
  });

  it('every way out is taken by the questions asked here', () => {
    const answers = fc.sample(questionArbitrary, RUNS.numRuns).map((question) => naive(question));
    const kinds = new Set(answers.map((answer) => (answer.startsWith('etchautotag') ? 'serve' : answer)));
    expect([...kinds].sort()).toEqual(['no-acceptable-tag', 'no-newer-tag', 'no-tag-old-enough', 'serve']);
  });

  it('a tag that is not acceptable, does not exist or is ahead of now is never served', () => {
    fc.assert(
      fc.property(questionArbitrary, (question) => {
        const served = servedTag(question);
        if (served === undefined) return;
        expect(naiveAcceptable(question, served)).toBe(true);
        expect(served.hour * 3_600_000).toBeLessThanOrEqual(question.now);
      }),
      RUNS,
    );
  });

  it('a tag newer than what is due is served only where the due tag is badfwd', () => {
    fc.assert(
      fc.property(questionArbitrary, (question) => {
        const served = servedTag(question);
        const dueAt = Math.floor(question.now / 3_600_000) - question.wave.hours;
        if (served === undefined || served.hour <= dueAt) return;
        const due = question.tags.findLast((tag) => tag.hour <= dueAt);
        expect(due && naiveMark(question, due)).toBe('badfwd');
      }),
      RUNS,
    );
  });

  it('more marks that stop never get a tag served that was not acceptable before', () => {
    fc.assert(
      fc.property(questionArbitrary, linesArbitrary('tagstate'), (question, lines) => {
        const stops = lines.filter((line) => line.state !== 'good');
        const base = [...question.marks.base.values()].flat();
        const more = { ...question, marks: { ...question.marks, base: marksOf([...base, ...stops]).base } };
        const served = servedTag(more);
        if (served !== undefined) expect(naiveAcceptable(question, served)).toBe(true);
      }),
      RUNS,
    );
  });

  it('more bad marks move a wave back or hold it, never forward, unless it was going forward', () => {
    fc.assert(
      fc.property(questionArbitrary, linesArbitrary('tagstate'), (question, lines) => {
        const bads = lines.map((line): MarkLine => ({ ...line, state: 'bad', environments: null }));
        const base = [...question.marks.base.values()].flat();
        const more = { ...question, marks: { ...question.marks, base: marksOf([...base, ...bads]).base } };
        const [before, after] = [servedTag(question), servedTag(more)];
        const dueAt = Math.floor(question.now / 3_600_000) - question.wave.hours;
        if (before === undefined || after === undefined || before.hour > dueAt) return;
        expect(after.hour).toBeLessThanOrEqual(before.hour);
      }),
      RUNS,
    );
  });

  it('equal inputs have equal answers', () => {
    fc.assert(
      fc.property(questionArbitrary, (question) => {
        expect(decideBySchedule(structuredClone(question))).toEqual(decideBySchedule(question));
      }),
      { numRuns: 300 },
    );
  });

  it('minutes do not matter', () => {
    fc.assert(
      fc.property(questionArbitrary, fc.integer({ min: 0, max: 3_599_999 }), (question, ms) => {
        const now = Math.floor(question.now / 3_600_000) * 3_600_000 + ms;
        expect(answerOf(decideBySchedule({ ...question, now }))).toBe(answerOf(decideBySchedule(question)));
      }),
      { numRuns: 300 },
    );
  });

  it('a gap never makes a hold where an older acceptable tag exists within lookback, unless due is badfwd', () => {
    fc.assert(
      fc.property(questionArbitrary, (question) => {
        const { now, tags, wave } = question;
        const dueAt = Math.floor(now / 3_600_000) - wave.hours;
        const due = tags.findLast((tag) => tag.hour <= dueAt);
        if (due === undefined || naiveMark(question, due) === 'badfwd') return;
        const oldest = due.hour - (wave.lookbackHours - wave.hours);
        const older = tags.some((tag) => tag.hour <= due.hour && tag.hour >= oldest && naiveAcceptable(question, tag));
        if (older) expect(decideBySchedule(question).outcome).toBe('serve');
      }),
      RUNS,
    );
  });

  it('a mark for one environment changes nothing in the others', () => {
    fc.assert(
      fc.property(questionArbitrary, linesArbitrary('tagstate'), (question, lines) => {
        const elsewhere = question.wave.environment === 'qa' ? 'staging' : 'qa';
        const restricted = lines.map((line): MarkLine => ({ ...line, environments: [elsewhere] }));
        const base = [...question.marks.base.values()].flat();
        const more = { ...question, marks: { ...question.marks, base: marksOf([...base, ...restricted]).base } };
        expect(answerOf(decideBySchedule(more))).toBe(answerOf(decideBySchedule(question)));
      }),
      RUNS,
    );
  });
});

interface Surroundings {
  readonly tags?: readonly number[];
  readonly broken?: readonly number[];
  readonly tagstate?: string;
  readonly repository?: string;
}

/** The decision at 14:25 for a wave of production. */
function decide(wave: Partial<ScheduledWave> & { hours: number }, around: Surroundings = {}): Decision {
  const { tags = HOURS, broken = [], tagstate = '', repository = '' } = around;
  const environment = 'production' as ScheduledWave['environment'];
  return decideBySchedule({
    now: at('14:25'),
    tags: tagsAt(tags, broken),
    marks: marksOf(parseTagstate(tagstate, 'tagstate').lines, parseTagstate(repository, 'repository').lines),
    wave: { name: `production+${wave.hours}h`, environment, require: 'not-bad', lookbackHours: 72, ...wave },
  });
}

function answerOf(decision: Decision): string {
  return decision.outcome === 'serve' ? decision.tag : decision.outcome === 'hold' ? decision.hold : decision.outcome;
}

function servedTag(question: ScheduleQuestion): Tag | undefined {
  const decision = decideBySchedule(question);
  if (decision.outcome !== 'serve') return undefined;
  const tag = question.tags.find(({ name }) => name === decision.tag);
  expect(tag).toBeDefined();
  return tag;
}
