import { describe, expect, test } from 'vitest';
import type { Environment, Hostname } from '../../protocol/names.ts';
import { NO_NODE_GROUPS } from '../../server/core/groups.ts';
import { NO_KILLSWITCH } from '../../server/core/killswitch.ts';
import { moduleContextOf } from '../../server/core/module-context.ts';
import { NO_NODES } from '../../server/core/nodes.ts';
import { NO_PINS } from '../../server/core/pins.ts';
import { DEFAULT_SCHEDULE, type Wave } from '../../server/core/schedule.ts';
import { parseTagstate } from '../../server/core/tagstate.ts';
import type { World } from '../../server/core/world.ts';
import { recordOf } from '../rig/records.ts';
import { at, marksOf, tagAt } from './worlds.ts';

const COMMIT = { id: 'a'.repeat(40), tree: 'b'.repeat(40) } as unknown as Parameters<typeof recordOf>[0];
const WAVE: Wave = {
  name: 'production+4h',
  environment: 'production' as Environment,
  hours: 4,
  require: 'not-bad',
  lookbackHours: 6,
  groups: [],
  percent: null,
  isDefault: true,
  haltAfter: null,
};
const GROUPS = ['web', 'prod-east'];

/** It is 10:20, every hour from 00:00 to 12:00 has its tag, and that of 05:00 is broken. */
function contextAt({ tagstate = '' }: { readonly tagstate?: string }) {
  const tags = Array.from({ length: 13 }, (_, hour) =>
    recordOf(COMMIT, `2026-11-20T${String(hour).padStart(2, '0')}`, { broken: hour === 5 ? 'a submodule' : null }),
  );
  const world: World = {
    now: at('10:20'),
    tags,
    trunk: null,
    marks: marksOf(parseTagstate(tagstate, 'tagstate').lines),
    schedule: DEFAULT_SCHEDULE,
    nodes: NO_NODES,
    nodeGroups: NO_NODE_GROUPS,
    pins: NO_PINS,
    killswitch: NO_KILLSWITCH,
    clientTags: 'any',
  };
  return moduleContextOf(world, { hostname: 'web1.example.com' as Hostname, groups: GROUPS, wave: WAVE });
}

describe("what a site's module is given", () => {
  test('has the groups, the time, and the tags whose hour has come, oldest first', () => {
    const { groups, now, tags } = contextAt({});
    expect([groups, now.toISOString()]).toEqual([GROUPS, '2026-11-20T10:20:00.000Z']);
    expect(tags).toEqual(Array.from({ length: 11 }, (_, hour) => tagAt(hour)));
  });

  test('has the marks as they stand in the environment of the node', () => {
    const tagstate = `${tagAt(7)} bad:qa\n${tagAt(8)} bad\n${tagAt(9)} good:production\n`;
    expect(contextAt({ tagstate }).marks).toEqual({ [tagAt(8)]: 'bad', [tagAt(9)]: 'good' });
  });

  test('asks the schedule for any lag, by the same rule as the built-in one', () => {
    const { scheduled } = contextAt({ tagstate: `${tagAt(9)} bad\n${tagAt(8)} good\n${tagAt(6)} badfwd\n` });
    expect([0, 1, 2, 4, 5].map((hours) => scheduled(hours))).toEqual([10, 8, 8, 7, 4].map(tagAt));
    expect(scheduled(1, { require: 'good' })).toBe(tagAt(8));
    expect(scheduled(3, { require: 'good' })).toBeUndefined();
    expect(scheduled(100)).toBeUndefined();
  });

  test('refuses a lag that is no whole number of hours, so that no tag is served ahead of its hour', () => {
    const { scheduled } = contextAt({});
    for (const hours of [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => scheduled(hours)).toThrow(RangeError);
  });

  test('is its own: what it does to it changes nothing else', () => {
    (contextAt({}).groups as string[]).push('stg');
    expect(GROUPS).toEqual(['web', 'prod-east']);
  });
});
