import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Hostname } from '../../protocol/names.ts';
import { entriesOf, type NodesFile, parseNodes } from '../../server/core/nodes.ts';
import { sentenceOf } from '../../server/core/problem.ts';
import { anyText } from '../rig/any-text.ts';

function nodes(text: string): NodesFile {
  const parsed = parseNodes(text);
  if (!parsed.ok) throw new Error(parsed.errors.map(sentenceOf).join('\n'));
  return parsed.value;
}

function errorsOf(text: string): string[] {
  const parsed = parseNodes(text);
  return parsed.ok ? [] : parsed.errors.map(sentenceOf);
}

const found = (file: NodesFile, hostname: string) => entriesOf(file, hostname as Hostname).map((entry) => entry.host);

describe('nodes.yml', () => {
  test('gives hosts and globs their groups and tags', () => {
    const file = nodes(
      'Web1.example.com: [web, dev]\n"*.example.com":\n  groups: [all]\n  tag: tags/etchautotag-20261120-0800\ndb: {tag: trunk}\n"**": []\n',
    );
    expect(entriesOf(file, 'web1.example.com' as Hostname)).toEqual([
      { host: 'web1.example.com', groups: ['web', 'dev'], tag: null, index: 0, line: 1 },
      expect.objectContaining({
        host: '*.example.com',
        groups: ['all'],
        tag: 'etchautotag-20261120-0800',
        index: 1,
        line: 2,
      }),
      expect.objectContaining({ host: '**', groups: [], tag: null, index: 3, line: 6 }),
    ]);
    expect(entriesOf(file, 'db' as Hostname)[0]).toEqual({ host: 'db', groups: [], tag: 'trunk', index: 2, line: 5 });
  });

  test('has its matching entries in the order of the file, globs and names mixed, numbers for names included', () => {
    const file = nodes('"**": [a]\nweb: [b]\n"w*": [c]\n7: [d]\n"*": [e]\n');
    expect(found(file, 'web')).toEqual(['**', 'web', 'w*', '*']);
    expect(found(file, '7')).toEqual(['**', '7', '*']);
  });

  test('has all its mistakes told at once', () => {
    expect(errorsOf('a_b: [x]\nweb1: dev\nweb2:\nweb3: {group: [x], tag: latest}\nweb4: [1]\n"w**b": [..]\n')).toEqual([
      'nodes.yml line 1: a_b: expected a host name, or a pattern of host names with * (within a label) or ** (across), found "a_b"',
      'nodes.yml line 2: web1: expected a list of groups ([] means none), or a mapping of groups and tag, found "dev"',
      'nodes.yml line 3: web2: expected a list of groups ([] means none), or a mapping of groups and tag, found nothing',
      'nodes.yml line 4: web3.tag: expected etchautotag-YYYYMMDD-HH00, trunk or trunk-YYYYMMDD-HHMM, found "latest"',
      'nodes.yml line 4: web3.group: expected one of the keys groups, tag, found the unknown key "group"; did you mean "groups"?',
      'nodes.yml line 5: web4.0: expected the name of a group: up to 100 characters without spaces and slashes, no dot first, found 1',
      'nodes.yml line 6: w**b.0: expected the name of a group: up to 100 characters without spaces and slashes, no dot first, found ".."',
    ]);
  });

  test('names each host once, upper and lower case being the same', () => {
    expect(errorsOf('web1: [a]\nWEB1: [b]\nweb1.: [b]\nx: 1\n')).toEqual([
      'nodes.yml line 2: WEB1: expected each host once, found "WEB1", which is "web1" again',
      'nodes.yml line 3: web1.: expected each host once, found "web1.", which is "web1" again',
      expect.stringContaining('nodes.yml line 4: x:'),
    ]);
  });

  test('means none as {}, and nothing where it is empty', () => {
    expect(found(nodes('{}'), 'a')).toEqual([]);
    expect(errorsOf('# all gone\n')).toHaveLength(1);
  });

  test('is read and asked within moments with thousands of hosts and a thousand globs', () => {
    const hosts = Array.from({ length: 4000 }, (_, n) => `web${n}.example.com: [web, g${n % 7}]`);
    const globs = Array.from({ length: 1000 }, (_, n) => `"*.dc${n}.example.com": [dc${n}]`);
    const file = nodes([...globs, ...hosts].join('\n'));
    for (let n = 0; n < 1000; n++) expect(found(file, `web.dc${n}.example.com`)).toEqual([`*.dc${n}.example.com`]);
    expect(found(file, 'web77.example.com')).toEqual(['web77.example.com']);
  });

  test('never throws, whatever the text', () => {
    const host = fc.constantFrom('web', 'WEB', '*', '**', 'a_b', '__proto__', '', '-');
    const value = fc.oneof(
      fc.jsonValue(),
      fc.record({ groups: fc.array(fc.string()), tag: fc.constantFrom('trunk', 'x', 1) }),
    );
    fc.assert(
      fc.property(fc.dictionary(host, value), (file) => void parseNodes(JSON.stringify(file))),
      { numRuns: 500 },
    );
    fc.assert(fc.property(anyText, (text) => void parseNodes(text)));
  });
});
