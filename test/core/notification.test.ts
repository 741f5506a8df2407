import { describe, expect, test } from 'vitest';
import type { StoredEvent } from '../../server/core/event.ts';
import {
  droppedId,
  failingId,
  NOTIFICATION_KINDS,
  notificationOf,
  pauseAfter,
  slackText,
  testNotification,
  type Wishes,
  wants,
} from '../../server/core/notification.ts';

const AROUND = {
  waves: new Map([
    ['qa+1h', 'qa'],
    ['production+4h', 'production'],
  ]),
  severityOf: (id: string) => (id === 'bad' ? ('error' as const) : null),
  publicUrl: 'https://tagwave.example.com',
};
const EVENT: StoredEvent = {
  id: 7,
  at: Date.parse('2026-11-20T10:30:00Z'),
  kind: 'mark',
  by: 'alice',
  from: 'command line',
  subject: 'tagstate',
  before: null,
  after: null,
  why: null,
  summary: 'tagstate: 1 line added',
  hash: null,
};

function told(event: Partial<StoredEvent>) {
  const found = notificationOf({ ...EVENT, ...event }, AROUND);
  if (found === undefined) throw new Error('nobody is told');
  return found;
}

function stop(before: unknown, after: unknown, kind: 'kill' | 'resume' = 'kill') {
  const text = (value: unknown) => (value === null ? null : JSON.stringify(value));
  return told({ kind, subject: 'killswitch', before: text(before), after: text(after) });
}

describe('a notification', () => {
  test('is made of what people may want to know, and of nothing else', () => {
    for (const kind of ['assignment', 'report', 'login', 'token', 'setting', 'refusal'] as const)
      expect(notificationOf({ ...EVENT, kind }, AROUND)).toBeUndefined();
  });

  test('is short enough to be taken, whatever there is to say', () => {
    const long = 'long '.repeat(50_000);
    const { summary, after, why } = told({ kind: 'problem-raised', summary: long, after: long, why: long });
    for (const text of [summary, after, why]) expect(text).toHaveLength(2001);
  });

  test('of a mark says which tags are what now, and which environments it concerns', () => {
    const one = told({ after: 'etchautotag-20261120-0900 bad # broke ntp' });
    expect(one).toMatchObject({
      summary: 'etchautotag-20261120-0900 bad: broke ntp',
      subject: 'etchautotag-20261120-0900',
      environments: null,
      url: 'https://tagwave.example.com/#/tags/etchautotag-20261120-0900',
    });
    const some = told({ after: 'etchautotag-20261120-0900 bad:qa\ntags/etchautotag-20261120-0800 good:production,qa' });
    expect(some.environments).toEqual(['qa', 'production']);
    expect(some.summary).toBe('etchautotag-20261120-0900 bad:qa; etchautotag-20261120-0800 good:production,qa');
    expect(told({ before: 'etchautotag-20261120-0900 bad', after: null }).summary).toBe(
      'etchautotag-20261120-0900 no longer bad',
    );
    expect(told({ before: '# only a comment', after: '# another one' })).toMatchObject({
      summary: 'tagstate: 1 line added',
      subject: 'tagstate',
    });
  });

  test('of many marks is cut', () => {
    const after = Array.from({ length: 9 }, (_, hour) => `etchautotag-20261120-0${hour}00 bad`).join('\n');
    expect(told({ after }).summary).toMatch(/0400 bad; and 4 more$/);
  });

  test('of a killswitch says what is stopped and what goes on', () => {
    const qa = [null, null, [['qa', 'wait']]];
    expect(stop(null, qa)).toMatchObject({ summary: 'killswitch: qa is stopped: wait', environments: ['qa'] });
    expect(stop(qa, null, 'resume')).toMatchObject({ summary: 'killswitch: qa goes on', environments: ['qa'] });
    const all = ['fire', null, []];
    expect(stop(null, all)).toMatchObject({ summary: 'killswitch: everything is stopped: fire', environments: null });
    expect(stop(all, null, 'resume')).toMatchObject({ summary: 'killswitch: everything goes on' });
    const both = [
      null,
      null,
      [
        ['qa', 'wait'],
        ['production', 'wait'],
      ],
    ];
    expect(stop(qa, both)).toMatchObject({ environments: ['production'] });
    const unknown = [null, null, [['prod', 'wait']]];
    expect(stop(null, unknown)).toMatchObject({
      summary: 'killswitch: everything is stopped: wait',
      environments: null,
    });
    const cut = '["a message that was cut';
    expect(told({ kind: 'kill', subject: 'killswitch', after: cut, summary: 'as recorded' }).summary).toBe(
      'as recorded',
    );
  });

  test('of a problem says how bad it is', () => {
    expect(told({ kind: 'problem-raised', subject: 'bad' }).severity).toBe('error');
    expect(told({ kind: 'problem-cleared', subject: 'not known any more' }).severity).toBeNull();
  });

  test('has no secret in it, and no end of text', () => {
    const long = told({
      kind: 'problem-raised',
      subject: 'bad',
      summary: 'https://user:sesame@example.com',
      after: 'x'.repeat(9000),
    });
    expect(JSON.stringify(long)).not.toContain('sesame');
    expect(long.after).toHaveLength(2001);
  });

  test('has no URL where the server has no public one', () => {
    expect(notificationOf(EVENT, { ...AROUND, publicUrl: null })?.url).toBeNull();
  });
});

describe('a target', () => {
  const ALL: Wishes = {
    name: 'ops',
    kinds: NOTIFICATION_KINDS,
    environments: null,
    waves: null,
    minSeverity: 'warning',
  };
  const arrived = told({ kind: 'wave-arrived', subject: 'qa+1h', after: 'etchautotag-20261120-0900' });
  const spike = told({ kind: 'failure-spike', subject: 'etchautotag-20261120-0900', after: 'production+4h' });

  test('is told what concerns the environments and waves that it asks for, or none in particular', () => {
    expect(wants({ ...ALL, environments: ['qa'] }, arrived)).toBe(true);
    expect(wants({ ...ALL, environments: ['qa'] }, spike)).toBe(false);
    expect(wants({ ...ALL, waves: ['production+4h'] }, spike)).toBe(true);
    expect(wants({ ...ALL, waves: ['production+4h'] }, arrived)).toBe(false);
    expect(wants({ ...ALL, environments: ['qa'], waves: ['qa+1h'] }, stop(null, ['fire', null, []]))).toBe(true);
    expect(wants({ ...ALL, kinds: ['kill'] }, arrived)).toBe(false);
  });

  test('is told of problems that are bad enough, and of those of which that is not known', () => {
    const [bad, unknown] = ['bad', 'unknown'].map((subject) => told({ kind: 'problem-raised', subject }));
    if (bad === undefined || unknown === undefined) throw new Error();
    expect(wants({ ...ALL, minSeverity: 'error' }, bad)).toBe(true);
    expect(wants({ ...ALL, minSeverity: 'error' }, unknown)).toBe(true);
    expect(wants({ ...ALL, minSeverity: 'error' }, { ...bad, severity: 'warning' })).toBe(false);
  });

  test('is never told that it cannot be told', () => {
    for (const subject of [failingId('ops'), droppedId('ops')])
      expect(wants(ALL, told({ kind: 'problem-raised', subject }))).toBe(false);
    expect(wants(ALL, told({ kind: 'problem-raised', subject: failingId('other') }))).toBe(true);
  });

  test('is tried whatever it asks for', () => {
    expect(wants({ ...ALL, kinds: ['mark'] }, testNotification(0, 'alice'))).toBe(true);
  });
});

test('the pauses double up to ten minutes, and chance takes up to a half of each', () => {
  expect([1, 2, 3, 4, 10, 11, 1000].map((failures) => pauseAfter(failures, 0))).toEqual([
    1000, 2000, 4000, 8000, 512_000, 600_000, 600_000,
  ]);
  expect([1, 2, 11].map((failures) => pauseAfter(failures, 1))).toEqual([500, 1000, 300_000]);
});

test('a text for Slack cannot be made to link or shout by what somebody wrote', () => {
  const text = slackText(
    told({ after: 'etchautotag-20261120-0900 bad <!channel> & <https://evil.example|here>', why: '<b>' }),
  );
  expect(text).toContain('&lt;!channel&gt; &amp; &lt;https://evil.example|here&gt;');
  expect(text).toContain('— &lt;b&gt;');
});
