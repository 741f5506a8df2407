import { describe, expect, it } from 'vitest';
import { type Environment, type Hostname, type ObjectId, startOf, tagNameOf } from '../../protocol/names.ts';
import { type Choice, chooseBySchedule, chooseFirst, judgeNodetagger, place } from '../../server/core/choose.ts';
import { NO_NODE_GROUPS } from '../../server/core/groups.ts';
import { NO_KILLSWITCH } from '../../server/core/killswitch.ts';
import { groupByTag } from '../../server/core/marks.ts';
import { NO_NODES, parseNodes } from '../../server/core/nodes.ts';
import { NO_PINS, parsePins } from '../../server/core/pins.ts';
import { DEFAULT_SCHEDULE, environmentsOf } from '../../server/core/schedule.ts';
import type { TagRecord, Trunk } from '../../server/core/tag.ts';
import { parseTagstate } from '../../server/core/tagstate.ts';
import type { World } from '../../server/core/world.ts';
import { at, NOON, tagAt } from './worlds.ts';

/** What is said about the world in a test: 14:25, a tag an hour from 00:00 to 16:00 (two ahead of now), 09:00 broken. */
interface Given {
  readonly tagstate?: string;
  readonly pins?: string;
  readonly nodes?: string;
  readonly killswitch?: World['killswitch'];
  readonly clientTags?: World['clientTags'];
  readonly trunk?: Trunk | null;
  readonly tags?: readonly TagRecord[];
}

const TAGS = Array.from({ length: 17 }, (_, hour) =>
  record(hour, hour === 9 ? { broken: 'it holds a submodule' } : {}),
);
const TRUNK: Trunk = {
  commit: 'c'.repeat(40) as ObjectId,
  tree: 'd'.repeat(40) as ObjectId,
  broken: null,
  fetched: '2026-11-20T14:24:00Z',
};
const NINE = `${tagAt(9)} is broken: it holds a submodule`;

describe('the killswitch', () => {
  it('stops every node, whatever is asked, pinned or unknown of it', () => {
    const given = { killswitch: { ...NO_KILLSWITCH, global: { message: 'wait for me' } }, pins: 'web1 trunk' };
    const stopped = {
      outcome: 'killswitch',
      environment: null,
      message: 'wait for me',
      reasons: ['the killswitch stops everything'],
    };
    expect(first(given)).toEqual(stopped);
    expect(first(given, { asked: 'trunk' })).toEqual(stopped);
    expect(first(given, { grouper: { failed: 'exit 1' } })).toEqual(stopped);
  });

  it('of an environment stops only its nodes, also with an empty message', () => {
    const given = { killswitch: stopping('production'), nodes: 'qa1: [qa]' };
    expect(first(given)).toEqual({
      outcome: 'killswitch',
      environment: 'production',
      message: '',
      reasons: ['killswitch.d/production stops production'],
    });
    expect(first(given, { host: 'qa1' })).toBeUndefined();
  });

  it('of an environment holds, and does not resume, a node whose environment is not known', () => {
    expect(first({ killswitch: stopping('production') }, { grouper: { failed: 'exit 1' } })).toMatchObject({
      outcome: 'hold',
      hold: 'nodegrouper-failed',
      reasons: ['the nodegrouper failed: exit 1', 'killswitch.d stops production, and web1 may be in there'],
    });
  });
});

describe('a failed nodegrouper', () => {
  it('holds, before a tag that is asked for, a pin, a nodetagger and the schedule', () => {
    const held = { outcome: 'hold', hold: 'nodegrouper-failed', message: expect.stringContaining('nodegrouper: none') };
    const given = { pins: 'web1 trunk' };
    const about = { asked: 'trunk', grouper: { failed: 'timed out after 5 s' } };
    expect(first(given, about)).toMatchObject(held);
    const placed = place(world(given), host('web1'), about.grouper);
    expect(judgeNodetagger(world(given), placed, { text: 'trunk' })).toMatchObject(held);
    expect(chooseBySchedule(world(given), placed)).toMatchObject(held);
  });
});

describe('a tag that the client asks for', () => {
  it('is served, with or without tags/, before a pin', () => {
    const given = { pins: `web1 ${tagAt(1)}` };
    const expected = [`the client asked for "${tagAt(3)}"`, `${tagAt(3)} is unmarked: serving it`];
    expect(first(given, { asked: tagAt(3) })).toEqual({ outcome: 'serve', tag: tagAt(3), reasons: expected });
    expect(first(given, { asked: `tags/${tagAt(3)}` })).toMatchObject({ outcome: 'serve', tag: tagAt(3) });
    expect(first(given, { asked: 'trunk' })).toMatchObject({ outcome: 'serve', tag: 'trunk' });
  });

  it.each([
    ['nonsense', 'bad-tag'],
    ['', 'bad-tag'],
    ['../etchautotag-20261120-0300', 'bad-tag'],
    ['trunk-20261120-1400', 'bad-tag'],
    [tagNameOf(NOON - 5_000), 'unknown-tag'],
    [tagAt(15), 'unknown-tag'],
    [tagAt(9), 'broken-tag'],
    [tagAt(10), 'tag-not-allowed'],
    [tagAt(11), 'tag-not-allowed'],
  ])('is refused, never ignored: %s is %s', (asked, code) => {
    const tagstate = `${tagAt(10)} bad broke ntp\n${tagAt(11)} badfwd:production\n`;
    expect(first({ tagstate }, { asked })).toMatchObject({ outcome: 'refused', code });
  });

  it('is refused in words that say why', () => {
    const tagstate = `${tagAt(10)} bad broke ntp\n`;
    expect(first({ tagstate }, { asked: tagAt(10) })).toMatchObject({
      message: `${tagAt(10)} is bad: "broke ntp" (tagstate line 1); ask without a tag to have what production has`,
    });
    expect(first({}, { asked: tagAt(15) })).toMatchObject({ message: expect.stringContaining('is ahead of now') });
    expect(first({}, { asked: tagNameOf(NOON - 5_000) })).toMatchObject({
      message: expect.stringContaining(`(the nearest is ${tagAt(0)})`),
    });
  });

  it('is judged by the node’s own environment', () => {
    const given = { tagstate: `${tagAt(10)} bad:qa\n`, nodes: 'qa1: [qa]' };
    expect(first(given, { asked: tagAt(10) })).toMatchObject({ outcome: 'serve' });
    expect(first(given, { asked: tagAt(10), host: 'qa1' })).toMatchObject({ code: 'tag-not-allowed' });
  });

  it('must be marked good where the setting says so', () => {
    const given = { clientTags: 'good', tagstate: `${tagAt(10)} good:production\n${tagAt(9)} good\n` } as const;
    expect(first(given, { asked: tagAt(10) })).toMatchObject({ outcome: 'serve' });
    expect(first(given, { asked: tagAt(8) })).toMatchObject({ code: 'tag-not-allowed' });
    expect(first(given, { asked: 'trunk' })).toMatchObject({ code: 'tag-not-allowed' });
    expect(first(given, { asked: tagAt(9) })).toMatchObject({ code: 'broken-tag' });
  });

  it('is refused where clients may not ask at all', () => {
    for (const asked of [tagAt(8), 'trunk', tagAt(15)])
      expect(first({ clientTags: 'none' }, { asked })).toMatchObject({ code: 'tag-not-allowed' });
  });

  it('is refused as trunk where nothing was fetched, or trunk is broken', () => {
    expect(first({ trunk: null }, { asked: 'trunk' })).toMatchObject({ code: 'unknown-tag' });
    expect(first({ trunk: { ...TRUNK, broken: 'it holds a submodule' } }, { asked: 'trunk' })).toMatchObject({
      code: 'broken-tag',
    });
  });
});

describe('a pin', () => {
  it('is served, and the reasons name it', () => {
    expect(first({ pins: `web1 ${tagAt(3)} until the disk is changed` })).toEqual({
      outcome: 'serve',
      tag: tagAt(3),
      reasons: [`web1 is pinned to ${tagAt(3)}: "until the disk is changed" (pins line 1)`],
    });
  });

  it('is served even when its tag is marked, and the reasons say so', () => {
    expect(first({ pins: `web1 ${tagAt(3)}`, tagstate: `${tagAt(3)} bad broke ntp\n` })).toMatchObject({
      outcome: 'serve',
      reasons: [
        `web1 is pinned to ${tagAt(3)} (pins line 1)`,
        `${tagAt(3)} is bad: "broke ntp" (tagstate line 1): serving it all the same`,
      ],
    });
  });

  it('of nodes.yml counts too', () => {
    expect(first({ nodes: `web1: {tag: ${tagAt(3)}}` })).toMatchObject({ outcome: 'serve', tag: tagAt(3) });
  });

  it.each([
    [tagNameOf(NOON - 5_000), 'unknown-tag', 'the nearest is'],
    [tagAt(15), 'unknown-tag', 'is ahead of now'],
    [tagAt(9), 'broken-tag', NINE],
    ['nonsense', 'bad-pin', 'pins line 1'],
  ])('that cannot be served holds: %s is %s', (tag, hold, why) => {
    expect(first({ pins: `web1 ${tag}` })).toMatchObject({
      outcome: 'hold',
      hold,
      message: expect.stringContaining(why),
    });
  });

  it('to trunk holds where there is none, or it is broken', () => {
    expect(first({ pins: 'web1 trunk', trunk: null })).toMatchObject({ hold: 'no-trunk' });
    expect(first({ pins: 'web1 trunk', trunk: { ...TRUNK, broken: 'x' } })).toMatchObject({ hold: 'broken-tag' });
    expect(first({ pins: 'web1 trunk' })).toEqual({
      outcome: 'serve',
      tag: 'trunk',
      reasons: [
        'web1 is pinned to trunk (pins line 1)',
        `trunk is commit ${TRUNK.commit}, last seen at 2026-11-20T14:24:00Z`,
      ],
    });
  });
});

describe('a pin to trunk-YYYYMMDD-HHMM, at 14:25 in production, which lags four hours', () => {
  it.each(['1001', '1030', '1425'])('is trunk for a stamp of %s', (stamp) => {
    expect(first({ pins: `web1 trunk-20261120-${stamp}` })).toMatchObject({ outcome: 'serve', tag: 'trunk' });
  });

  it.each([
    ['1000', 'was over at 2026-11-20T14:00Z'],
    ['0930', 'was over at 2026-11-20T14:00Z'],
    ['1426', 'is ahead of now'],
  ])('is ignored for a stamp of %s, and the reasons say so, whoever decides then', (stamp, why) => {
    const given = { pins: `web1 trunk-20261120-${stamp}` };
    expect(first(given)).toBeUndefined();
    const reason = `the pin to trunk-20261120-${stamp} (pins line 1) ${why}: ignoring it`;
    expect(scheduled(given)).toMatchObject({ outcome: 'serve', tag: tagAt(10) });
    expect(scheduled(given).reasons[0]).toBe(reason);
    expect(tagged(given, tagAt(8)).reasons[0]).toBe(reason);
  });

  it('is trunk for an hour at least, also in a wave that lags none', () => {
    const nodes = 'web1: [dev]';
    expect(first({ nodes, pins: 'web1 trunk-20261120-1301' })).toMatchObject({ tag: 'trunk' });
    expect(first({ nodes, pins: 'web1 trunk-20261120-1300' })).toBeUndefined();
  });
});

describe('a nodetagger’s answer', () => {
  it.each([
    ['tags/etchautotag-20261120-0800', tagAt(8)],
    [' etchautotag-20261120-0800 \r', tagAt(8)],
    ['etchautotag-20261120-0800\nanything after the first line', tagAt(8)],
    ['trunk', 'trunk'],
  ])('may be %j', (text, tag) => {
    expect(tagged({}, text)).toMatchObject({ outcome: 'serve', tag });
  });

  it('is told, with the mark of the tag', () => {
    expect(tagged({ tagstate: `${tagAt(8)} good\n` }, tagAt(8)).reasons).toEqual([
      `the nodetagger answered ${tagAt(8)}`,
      `${tagAt(8)} is good (tagstate line 1): serving it`,
    ]);
  });

  it.each(['', '\n', 'nonsense', tagNameOf(NOON - 5_000), tagAt(15), '../etc'])(
    'that is no tag to be had holds: %j',
    (text) => {
      expect(tagged({}, text)).toMatchObject({
        hold: 'nodetagger-failed',
        message: expect.stringContaining('nodetagger: schedule'),
      });
    },
  );

  it('that failed holds with the reason', () => {
    const placed = place(world({}), host('web1'), []);
    expect(judgeNodetagger(world({}), placed, { failed: 'exit 3: no such database' })).toMatchObject({
      hold: 'nodetagger-failed',
      message: expect.stringContaining('exit 3: no such database'),
    });
  });

  it('that is marked bad for the node’s environment, or broken, holds: one line stops a tag, whatever chose it', () => {
    expect(tagged({ tagstate: `${tagAt(8)} badfwd:production\n` }, tagAt(8))).toMatchObject({ hold: 'marked-bad' });
    expect(tagged({ tagstate: `${tagAt(8)} bad:qa\n` }, tagAt(8))).toMatchObject({ outcome: 'serve' });
    expect(tagged({}, tagAt(9))).toMatchObject({
      hold: 'broken-tag',
      reasons: [`the nodetagger answered ${tagAt(9)}`, NINE],
    });
    expect(tagged({ trunk: null }, 'trunk')).toMatchObject({ hold: 'no-trunk' });
  });
});

describe('the schedule', () => {
  it('decides by the wave of the node’s groups', () => {
    const nodes = 'qa1: [qa]\ndev1: [dev]';
    expect(scheduled({ nodes }, 'web1')).toMatchObject({ tag: tagAt(10) });
    expect(scheduled({ nodes }, 'qa1')).toMatchObject({ tag: tagAt(13) });
    expect(scheduled({ nodes }, 'dev1')).toMatchObject({ tag: tagAt(14) });
  });

  it('decides by what the nodegrouper printed, too', () => {
    expect(place(world({}), host('web1'), ['stg'])).toMatchObject({
      groups: ['stg'],
      wave: { environment: 'staging' },
    });
  });

  it('says where a tag is stale, or younger than its hour', () => {
    const seen = '2026-11-20T13:40:00Z';
    const tags = [record(10, { origin: 'late', stale: true, fetched: seen })];
    expect(scheduled({ tags }).reasons.slice(2)).toEqual([
      `${tagAt(10)} was made late, of the tip as it was at ${seen}: its newest commits have soaked for less time`,
      `${tagAt(10)} is stale: its content is what was last seen at the source, at ${seen}`,
    ]);
    expect(scheduled({ tags: [record(10, { origin: 'late', fetched: '2026-11-20T09:59:00Z' })] }).reasons).toHaveLength(
      2,
    );
  });
});

function world({ tagstate = '', pins, nodes, ...given }: Given): World {
  const parsed = nodes === undefined ? undefined : parseNodes(nodes);
  if (parsed?.ok === false) throw new Error(JSON.stringify(parsed.errors));
  return {
    now: at('14:25'),
    tags: TAGS,
    trunk: TRUNK,
    marks: {
      base: groupByTag(parseTagstate(tagstate, 'tagstate').lines),
      repository: new Map(),
      environments: environmentsOf(DEFAULT_SCHEDULE),
    },
    schedule: DEFAULT_SCHEDULE,
    nodes: parsed?.value ?? NO_NODES,
    nodeGroups: NO_NODE_GROUPS,
    pins: pins === undefined ? NO_PINS : parsePins(pins).pins,
    killswitch: NO_KILLSWITCH,
    clientTags: 'any',
    ...given,
  };
}

interface About {
  readonly host?: string;
  readonly asked?: string;
  readonly grouper?: readonly string[] | { readonly failed: string };
}

function first(given: Given, { host: name = 'web1', asked, grouper = [] }: About = {}): Choice | undefined {
  return chooseFirst(world(given), place(world(given), host(name), grouper), asked);
}

function scheduled(given: Given, name = 'web1') {
  return chooseBySchedule(world(given), place(world(given), host(name), []));
}

function tagged(given: Given, text: string) {
  return judgeNodetagger(world(given), place(world(given), host('web1'), []), { text });
}

function host(name: string): Hostname {
  return name as Hostname;
}

function stopping(environment: string): World['killswitch'] {
  return { ...NO_KILLSWITCH, environments: new Map([[environment as Environment, { message: '' }]]) };
}

function record(hour: number, given: Partial<TagRecord> = {}): TagRecord {
  const start = new Date(startOf(NOON - 12 + hour)).toISOString();
  return {
    name: tagAt(hour),
    hour: NOON - 12 + hour,
    broken: null,
    commit: 'a'.repeat(40) as ObjectId,
    tree: 'b'.repeat(40) as ObjectId,
    author: 'Alice <alice@example.org>',
    subject: 'Change the motd',
    created: start,
    fetched: start,
    origin: 'cron',
    stale: false,
    commits: 1,
    ...given,
  };
}
