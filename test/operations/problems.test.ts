import { describe, expect, test } from 'vitest';
import type { NewEvent } from '../../server/core/event.ts';
import type { Problem } from '../../server/core/problem.ts';
import { openProblems } from '../../server/operations/problems.ts';

const problem = (id: string, severity: Problem['severity'] = 'error'): Problem => ({
  id,
  severity,
  sentence: `${id} is wrong`,
  hint: 'put it right',
});

/** It is 10:00, and each look takes a minute. */
function opened(raisedBefore: Readonly<Record<string, string>> = {}) {
  let at = Date.parse('2026-11-20T10:00:00Z');
  const events: NewEvent[] = [];
  const problems = openProblems({
    now: () => {
      at += 60_000;
      return at;
    },
    record: (event) => events.push(event),
    raisedBefore: (id) => (raisedBefore[id] === undefined ? undefined : Date.parse(raisedBefore[id])),
  });
  const since = () => problems.standing().map((standing) => `${standing.id} ${standing.since.slice(11, 16)}`);
  const recorded = () => events.splice(0).map(({ kind, subject }) => `${kind} ${subject}`);
  return { problems, since, recorded };
}

describe('a problem', () => {
  test('stands from when it was first seen, and is recorded once when it comes and once when it goes', () => {
    const { problems, since, recorded } = opened();
    problems.set('a', [problem('one')]);
    problems.set('a', [problem('one'), problem('two'), problem('two')]);
    expect(since()).toEqual(['one 10:01', 'two 10:02']);
    expect(recorded()).toEqual(['problem-raised one', 'problem-raised two']);
    problems.set('a', [problem('two')]);
    problems.set('a', [problem('two')]);
    expect(since()).toEqual(['two 10:02']);
    expect(recorded()).toEqual(['problem-cleared one']);
  });

  test('of one source is not cleared by another; the worst stands first, then the oldest', () => {
    const { problems, since } = opened();
    problems.set('a', [problem('warned', 'warning')]);
    problems.set('b', [problem('late')]);
    problems.set('c', [problem('later')]);
    problems.set('b', [problem('late')]);
    expect(since()).toEqual(['late 10:02', 'later 10:03', 'warned 10:01']);
  });

  test('that stood before a restart keeps its time and is not recorded again; once it was gone, it is a new one', () => {
    const { problems, since, recorded } = opened({ one: '2026-11-20T07:30:00Z' });
    problems.set('a', [problem('one')]);
    expect([since(), recorded()]).toEqual([['one 07:30'], []]);
    problems.set('a', []);
    problems.set('a', [problem('one')]);
    expect(since()).toEqual(['one 10:03']);
    expect(recorded()).toEqual(['problem-cleared one', 'problem-raised one']);
  });
});
