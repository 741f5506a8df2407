import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Hostname } from '../../protocol/names.ts';
import { groupsOf, NO_NODE_GROUPS, type NodeGroups, parseNodeGroups } from '../../server/core/groups.ts';
import { NO_NODES, type NodesFile, parseNodes } from '../../server/core/nodes.ts';
import { sentenceOf } from '../../server/core/problem.ts';
import { anyText } from '../rig/any-text.ts';

function nodeGroups(text: string): NodeGroups {
  const parsed = parseNodeGroups(text);
  if (!parsed.ok) throw new Error(parsed.errors.map(sentenceOf).join('\n'));
  return parsed.value;
}

function nodes(text: string): NodesFile {
  const parsed = parseNodes(text);
  if (!parsed.ok) throw new Error(parsed.errors.map(sentenceOf).join('\n'));
  return parsed.value;
}

function errorsOf(text: string): string[] {
  const parsed = parseNodeGroups(text);
  return parsed.ok ? [] : parsed.errors.map(sentenceOf);
}

const hostname = 'web1' as Hostname;

describe('a node', () => {
  test('has the groups of its entries in file order, then their parents nearest first, then those of the nodegrouper', () => {
    const all = groupsOf({
      nodes: nodes('"*": [linux]\nweb1: [web, eu]\n"w*": [w]\n'),
      nodeGroups: nodeGroups(
        'site: [dc]\nunix: [linux]\nfrontend: [web]\ndc: [eu, rack]\npublic: [frontend]\nfloor: [rack]\n',
      ),
      hostname,
      grouper: ['rack', 'web', 'late'],
    });
    expect(all).toEqual([
      'linux',
      'web',
      'eu',
      'w',
      'unix',
      'frontend',
      'dc',
      'public',
      'site',
      'rack',
      'late',
      'floor',
    ]);
  });

  test('has a group once, where it is first mentioned', () => {
    const parents = nodeGroups('a: [b, c]\nb: [c]\n');
    expect(groupsOf({ nodes: nodes('web1: [c, b, c]'), nodeGroups: parents, hostname, grouper: ['a'] })).toEqual([
      'c',
      'b',
      'a',
    ]);
  });

  test('has the parents of a group that only the nodegrouper names', () => {
    expect(groupsOf({ nodes: NO_NODES, nodeGroups: nodeGroups('prod: [east]'), hostname, grouper: ['east'] })).toEqual([
      'east',
      'prod',
    ]);
  });

  test('has no groups where nothing names it', () => {
    expect(groupsOf({ nodes: nodes('web2: [a]'), nodeGroups: NO_NODE_GROUPS, hostname, grouper: [] })).toEqual([]);
  });
});

describe('nodegroups.yml', () => {
  test('keeps the order of the file for parents whose names look like numbers', () => {
    const parents = nodeGroups('20: [web]\n3: [web]\nb: [web]\n');
    expect(groupsOf({ nodes: nodes('web1: [web]'), nodeGroups: parents, hostname, grouper: [] })).toEqual([
      'web',
      '20',
      '3',
      'b',
    ]);
  });

  test('refuses a cycle and names it', () => {
    expect(errorsOf('x: [y]\na: [b]\nb: [z, c]\nc: [a]\n')).toEqual([
      'nodegroups.yml line 2: a: expected groups that do not contain themselves, found a → b → c → a',
    ]);
    expect(errorsOf('a: [a]\n')[0]).toContain('found a → a');
  });

  test('has nothing against a group that is reached on two ways', () => {
    expect(errorsOf('top: [left, right]\nleft: [bottom]\nright: [bottom]\n')).toEqual([]);
  });

  test('has all its mistakes told at once', () => {
    expect(errorsOf('a: b\n"x y": [b]\nc: [1]\n')).toEqual([
      'nodegroups.yml line 1: a: expected a list of groups ([] means none), found "b"',
      'nodegroups.yml line 2: x y: expected the name of a group: up to 100 characters without spaces and slashes, no dot first, found "x y"',
      'nodegroups.yml line 3: c.0: expected the name of a group: up to 100 characters without spaces and slashes, no dot first, found 1',
    ]);
  });

  test('may be a chain of three thousand groups', () => {
    const chain = Array.from({ length: 3000 }, (_, n) => `g${n}: [g${n + 1}]`).join('\n');
    const all = groupsOf({ nodes: NO_NODES, nodeGroups: nodeGroups(chain), hostname, grouper: ['g3000'] });
    expect(all).toHaveLength(3001);
    expect(errorsOf(`${chain}\ng3000: [g0]`)).toHaveLength(1);
  });

  test('is refused for a cycle exactly where some group reaches itself', () => {
    const group = fc.constantFrom('a', 'b', 'c', 'd', 'e');
    fc.assert(
      fc.property(fc.dictionary(group, fc.array(group, { maxLength: 3 })), (file) => {
        const children = new Map<string, readonly string[]>(Object.entries(file));
        const reach = (from: string) => {
          const seen = new Set(children.get(from) ?? []);
          for (const next of seen) for (const child of children.get(next) ?? []) seen.add(child);
          return seen;
        };
        const cyclic = [...children.keys()].some((start) => reach(start).has(start));
        expect(errorsOf(JSON.stringify(file))).toHaveLength(cyclic ? 1 : 0);
      }),
      { numRuns: 500 },
    );
  });

  test('never throws, whatever the text', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (file) => void parseNodeGroups(JSON.stringify(file))),
      { numRuns: 500 },
    );
    fc.assert(fc.property(anyText, (text) => void parseNodeGroups(text)));
  });
});
