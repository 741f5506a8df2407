import { describe, expect, test } from 'vitest';
import type { BriefNode } from '../../protocol/api/nodes.ts';
import { match } from '../../server/web/pages/nodes/match.ts';
import { ordered } from '../../server/web/pages/nodes/order.ts';
import { nodesQueryTexts, parseNodesQuery } from '../../server/web/pages/nodes/query.ts';
import { rowAfter, rowsInView } from '../../server/web/pages/nodes/rows-in-view.ts';
import { joinList, splitList, toggled } from '../../server/web/pages/parts/list.ts';

function node(hostname: string, rest: Partial<BriefNode> = {}): BriefNode {
  return {
    hostname,
    environment: 'production',
    wave: 'production+4h',
    told: 'etchautotag-20261120-0700',
    due: 'etchautotag-20261120-0700',
    running: 'etchautotag-20261120-0700',
    behind: false,
    lastSeen: '2026-11-20T11:00:00.000Z',
    silent: false,
    outcome: 'applied',
    drifted: false,
    pinned: false,
    ...rest,
  };
}

const qa = { environment: 'qa', wave: 'qa+1h' };
const FLEET = [
  node('web1.example.com'),
  node('web2.example.com', { outcome: 'failed', behind: true }),
  node('web10.example.com', { told: 'hold no-acceptable-tag', silent: true }),
  node('db1.qa.example.com', qa),
  node('db2.qa.example.com', { ...qa, outcome: 'rolled-back' }),
  node('new.example.com', { outcome: null, told: 'nothing', running: 'unknown' }),
];

const found = (query: Record<string, string>) => match(FLEET, parseNodesQuery(query));
const names = (query: Record<string, string>) => found(query).nodes.map(({ hostname }) => hostname.split('.')[0]);

describe('what is asked of the list of nodes', () => {
  test('is in the URL as a whole, and comes back from there', () => {
    const texts = {
      q: 'web 1',
      environment: 'qa,staging',
      wave: joinList(['a, b', 'c\\d']),
      outcome: 'failed,none',
      told: 'etchautotag-20261120-0700,hold no-acceptable-tag',
      running: 'unknown',
      behind: 'yes',
      silent: 'yes',
      sort: '-seen',
      at: '2026-11-20T08:00Z',
    };
    const query = parseNodesQuery(texts);
    expect(query.wave).toEqual(['a, b', 'c\\d']);
    expect(query.descending).toBe(true);
    expect(JSON.parse(JSON.stringify(nodesQueryTexts(query)))).toEqual(texts);
  });

  test('says nothing of what is as it always is, and leaves out what it does not know', () => {
    const query = parseNodesQuery({ sort: 'colour', outcome: 'exploded', pinned: 'no', drifted: 'false' });
    expect(JSON.parse(JSON.stringify(nodesQueryTexts(query)))).toEqual({});
  });

  test('may name a wave in which there are commas and backslashes', () => {
    for (const words of [['a'], ['a,b', 'c'], ['\\'], ['a\\', 'b'], ['\\,', ',\\,'], []])
      expect(splitList(joinList(words))).toEqual(words);
    expect(splitList(',,a,,')).toEqual(['a']);
  });

  test('changes by one word with each click', () => {
    expect(toggled(['a'], 'b')).toEqual(['a', 'b']);
    expect(toggled(['a', 'b'], 'a')).toEqual(['b']);
  });
});

describe('a list of nodes', () => {
  test('shows those whose name holds every word, or is what the stars leave open', () => {
    expect(names({ q: 'WEB example' })).toEqual(['web1', 'web2', 'web10']);
    expect(names({ q: 'web*.com' })).toEqual(['web1', 'web2', 'web10']);
    expect(names({ q: '*.qa.*' })).toEqual(['db1', 'db2']);
    expect(names({ q: 'web*' })).toEqual(['web1', 'web2', 'web10']);
    expect(names({ q: 'eb1*' })).toEqual([]);
    expect(names({ q: '.' }).length).toBe(FLEET.length);
    expect(names({ q: '(' })).toEqual([]);
  });

  test('takes any of what one filter names, and needs every filter', () => {
    expect(names({ outcome: 'failed,rolled-back' })).toEqual(['web2', 'db2']);
    expect(names({ outcome: 'failed,rolled-back', environment: 'qa' })).toEqual(['db2']);
    expect(names({ outcome: 'none' })).toEqual(['new']);
    expect(names({ failing: 'yes' })).toEqual(['web2', 'db2']);
    expect(names({ failing: 'yes', behind: 'yes' })).toEqual(['web2']);
    expect(names({ held: 'yes' })).toEqual(['web10']);
    expect(names({ told: 'nothing' })).toEqual(['new']);
  });

  test('counts for each choice how many there would be with it', () => {
    const { counts, flags } = found({ environment: 'qa' });
    expect(Object.fromEntries(counts.environment)).toEqual({ production: 4, qa: 2 });
    expect(Object.fromEntries(counts.outcome)).toEqual({ applied: 1, 'rolled-back': 1 });
    expect(Object.fromEntries(flags)).toMatchObject({ failing: 1, silent: 0 });
    const both = found({ environment: 'qa', outcome: 'applied' });
    expect(Object.fromEntries(both.counts.environment)).toEqual({ production: 2, qa: 1 });
    expect(Object.fromEntries(both.counts.outcome)).toEqual({ applied: 1, 'rolled-back': 1 });
  });

  test('puts web2 before web10, and those with the same in the order of their names both ways', () => {
    const order = (sort: 'host' | 'outcome' | 'environment' | 'state' | 'seen', descending = false) =>
      ordered(FLEET, {
        sort,
        descending,
        waves: [
          { wave: 'qa+1h', environment: 'qa' },
          { wave: 'production+4h', environment: 'production' },
        ],
      }).map(({ hostname }) => hostname.split('.')[0]);
    expect(order('host')).toEqual(['db1', 'db2', 'new', 'web1', 'web2', 'web10']);
    expect(order('host', true)).toEqual(['web10', 'web2', 'web1', 'new', 'db2', 'db1']);
    expect(order('environment')).toEqual(['db1', 'db2', 'new', 'web1', 'web2', 'web10']);
    expect(order('environment', true)).toEqual(['new', 'web1', 'web2', 'web10', 'db1', 'db2']);
    expect(order('outcome').slice(0, 2)).toEqual(['web2', 'db2']);
    expect(order('state').slice(0, 3)).toEqual(['web2', 'db2', 'web10']);
  });
});

describe('rows that are drawn', () => {
  test('are those in view and a few beside, however many there are', () => {
    const range = rowsInView(100_000, { above: 360_000, height: 900, rowHeight: 36 });
    expect(range).toEqual({ from: 9990, to: 10_040 });
    expect(rowsInView(100_000, { above: -500, height: 900, rowHeight: 36 })).toEqual({ from: 0, to: 30 });
    expect(rowsInView(5, { above: 0, height: 900, rowHeight: 36 })).toEqual({ from: 0, to: 5 });
    expect(rowsInView(0, { above: 0, height: 900, rowHeight: 36 })).toEqual({ from: 0, to: 0 });
  });

  test('are none too many where the list became shorter than what was scrolled', () => {
    expect(rowsInView(20, { above: 36_000, height: 900, rowHeight: 36 })).toEqual({ from: 20, to: 20 });
  });

  test('are gone through with the keys of lists', () => {
    const at = { count: 50, page: 20 };
    expect(rowAfter('ArrowDown', 3, at)).toBe(4);
    expect(rowAfter('ArrowUp', 0, at)).toBe(0);
    expect(rowAfter('PageDown', 40, at)).toBe(49);
    expect(rowAfter('End', 3, at)).toBe(49);
    expect(rowAfter('Home', 30, at)).toBe(0);
    expect(rowAfter('x', 30, at)).toBeUndefined();
    expect(rowAfter('End', 0, { count: 0, page: 20 })).toBeUndefined();
  });
});
