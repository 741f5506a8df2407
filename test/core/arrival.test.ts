import { describe, expect, test } from 'vitest';
import type { Environment, ObjectId } from '../../protocol/names.ts';
import { arrivalOf, type Traveller, whatHolds, whyNever } from '../../server/core/arrival.ts';
import { NO_NODE_GROUPS } from '../../server/core/groups.ts';
import { NO_KILLSWITCH } from '../../server/core/killswitch.ts';
import { groupByTag } from '../../server/core/marks.ts';
import { NO_NODES } from '../../server/core/nodes.ts';
import { NO_PINS } from '../../server/core/pins.ts';
import { environmentsOf, parseSchedule } from '../../server/core/schedule.ts';
import type { TagRecord } from '../../server/core/tag.ts';
import { parseTagstate } from '../../server/core/tagstate.ts';
import type { World } from '../../server/core/world.ts';
import { recordOf, unwrap } from '../rig/records.ts';
import { at, tagAt } from './worlds.ts';

const [SEVEN, EIGHT, NINE, TEN] = [tagAt(7), tagAt(8), tagAt(9), tagAt(10)];

/** Of 08:00 and 09:00 the content is the same. */
function recordAt(hour: number, tree: string, changes: Partial<TagRecord> = {}): TagRecord {
  const tip = { id: 'c'.repeat(40) as ObjectId, tree: tree.repeat(40) as ObjectId };
  return recordOf(tip, `2026-11-20T${String(hour).padStart(2, '0')}`, { name: tagAt(hour), ...changes });
}

function world(tagstate = '', changes: Partial<World> = {}): World {
  const waves = `waves:
  - {environment: qa, groups: [qa], hours: 1}
  - {environment: production, groups: [first], hours: 2, require: good}
  - {environment: production, default: true, hours: 4}
`;
  const schedule = unwrap(attempt(parseSchedule(waves)));
  return {
    now: at('10:20'),
    tags: [recordAt(7, 'a'), recordAt(8, 'b'), recordAt(9, 'b'), recordAt(10, 'd', { broken: 'it holds a submodule' })],
    trunk: null,
    marks: {
      base: groupByTag(parseTagstate(tagstate, 'tagstate').lines),
      repository: new Map(),
      environments: environmentsOf(schedule),
    },
    schedule,
    nodes: NO_NODES,
    nodeGroups: NO_NODE_GROUPS,
    pins: NO_PINS,
    killswitch: NO_KILLSWITCH,
    clientTags: 'any',
    ...changes,
  };
}

function attempt<Value>(parsed: { ok: true; value: Value } | { ok: false }) {
  return parsed.ok ? parsed : ({ ok: false, sentence: 'no schedule', hint: '' } as const);
}

function node(running: string, changes: Partial<Traveller> = {}): Traveller {
  const hostname = `${running}.example.com`;
  return {
    hostname,
    wave: 'w',
    running,
    told: NINE,
    due: NINE,
    behind: false,
    silent: false,
    pinned: false,
    ...changes,
  };
}

describe('a tag has arrived', () => {
  const where = (nodes: readonly Traveller[], countsTold = false) => {
    const { there, missing, silent, pinned } = arrivalOf(world(), NINE, { nodes, countsTold });
    return [there, missing.length, silent.length, pinned.length];
  };

  test('at a node that runs it, the same content under another name, a newer tag or trunk; at no other', () => {
    expect(where([node(NINE), node(EIGHT), node(TEN), node('trunk')])).toEqual([4, 0, 0, 0]);
    expect(where([node(SEVEN), node('unknown')])).toEqual([0, 2, 0, 0]);
  });

  test('at a node that never says what it runs once it was told, only where that is enough', () => {
    expect(where([node('unknown')], true)).toEqual([1, 0, 0, 0]);
    expect(where([node('unknown', { told: 'killswitch' }), node(SEVEN)], true)).toEqual([0, 2, 0, 0]);
    expect(where([node('unknown', { behind: true })], true)).toEqual([0, 1, 0, 0]);
  });

  test('without those that are silent, and those that a pin keeps elsewhere', () => {
    const silent = { silent: true };
    expect(where([node(SEVEN, silent), node(NINE, silent), node('unknown', silent)])).toEqual([1, 0, 2, 0]);
    const [kept, coming] = [
      { pinned: true, due: SEVEN },
      { pinned: true, due: NINE },
    ];
    expect(where([node(SEVEN, kept), node(SEVEN, coming), node(NINE, kept)])).toEqual([1, 1, 0, 1]);
  });
});

describe('a tag will never arrive', () => {
  test('where it is marked bad or badfwd for the environment, broken, or was never made', () => {
    expect(whyNever(world(`${NINE} bad broke ntp\n`), NINE, 'production')).toContain('broke ntp');
    expect(whyNever(world(`${NINE} badfwd:production x\n`), NINE, 'production')).toContain('badfwd');
    expect(whyNever(world(`${NINE} bad:qa x\n`), NINE, 'production')).toBeUndefined();
    expect(whyNever(world(), TEN, 'production')).toContain('submodule');
    expect(whyNever(world(), tagAt(6), 'production')).toContain(`there is no tag ${tagAt(6)}`);
    expect(whyNever(world(), NINE, 'production')).toBeUndefined();
  });

  test('but one of this hour, or of one to come, may still be made', () => {
    const early = world('', { tags: [recordAt(9, 'b')] });
    expect([whyNever(early, TEN, 'qa'), whyNever(early, tagAt(15), 'qa')]).toEqual([undefined, undefined]);
  });
});

test('what keeps a tag from arriving is told: a killswitch, or which wave is due it when, or waits for its mark', () => {
  expect(whatHolds(world(), NINE, 'production')).toEqual([
    'production+2h is due it at 2026-11-20T11:00Z',
    'production+4h is due it at 2026-11-20T13:00Z',
  ]);
  const later = { now: at('13:00') };
  expect(whatHolds(world('', later), NINE, 'production')).toEqual(['production+2h takes only what is marked good']);
  expect(whatHolds(world(`${NINE} good\n`, later), NINE, 'production')).toEqual([]);
  const stop = { message: '' };
  const production = 'production' as Environment;
  const stopped = (killswitch: Partial<World['killswitch']>) =>
    whatHolds(world('', { killswitch: { ...NO_KILLSWITCH, ...killswitch } }), NINE, 'production');
  expect(stopped({ global: stop })).toEqual(['the killswitch stops everything']);
  expect(stopped({ environments: new Map([[production, stop]]) })).toEqual([
    'killswitch.d/production stops production',
  ]);
});
