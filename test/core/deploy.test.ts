import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hookSchema, hooksBytes, parseHooks, probeSchema } from '../../protocol/hooks.ts';
import { parseRelativePath } from '../../protocol/names.ts';
import { parseDeploy } from '../../server/core/deploy.ts';
import type { NodeInputs } from '../../server/core/node-inputs.ts';
import { expandPattern, type PathPattern, parsePathPattern, patternMatcher } from '../../server/core/placeholders.ts';
import { sentenceOf } from '../../server/core/problem.ts';
import { mergeVars, parseVars } from '../../server/core/vars.ts';

const NODE: NodeInputs = {
  hostname: 'web1.example.org',
  environment: 'production',
  groups: ['web', 'all'],
  facts: { os: 'debian', bad: '../x', empty: '' },
};

function pattern(text: string): PathPattern {
  return parsePathPattern(text) ?? expect.unreachable(`${text} is no pattern`);
}

function errorsOf(text: string): string[] {
  const parsed = parseDeploy(text);
  return parsed.ok ? [] : parsed.errors.map(sentenceOf);
}

function deployOf(text: string) {
  const parsed = parseDeploy(text);
  return parsed.ok ? parsed.value : expect.unreachable(JSON.stringify(parsed.errors));
}

describe('a path with placeholders', () => {
  it.each([
    ['common', ['common']],
    ['common/', ['common']],
    ['host/{hostname}', ['host/web1.example.org']],
    ['{environment}-{os}/x', ['production-debian/x']],
    ['group/{group}/{environment}', ['group/web/production', 'group/all/production']],
    ['{group}/{group}', ['web/web', 'all/all']],
    ['os/{bad}', []],
    ['os/{empty}', []],
    ['os/{kernel}', []],
    ['os/{constructor}', []],
    ['{group}/{kernel}', []],
  ])('%s stands for %j', (text, paths) => {
    expect(expandPattern(pattern(text), NODE)).toEqual(paths);
  });

  it.each(['', '/', '/a', 'a/../b', '..', 'a//b', '{', 'a}', '{a b}', '{{hostname}}', 'a/{}'])('is not %j', (text) => {
    expect(parsePathPattern(text)).toBeUndefined();
  });

  it('never leads out of its directory, whatever a host says, and its matcher knows all that it stands for', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom('..', '.', '../..', 'a/b', '/', '\0', 'é')), (os) => {
        const text = pattern('top/{os}/file');
        for (const path of expandPattern(text, { ...NODE, facts: { os } })) {
          expect(parseRelativePath(path)).toBe(path);
          expect(path.split('/')).toEqual(['top', os, 'file']);
          expect(patternMatcher(text)(path)).toBe(true);
        }
      }),
    );
  });

  it('is known for one of its paths in no more steps than both are long, however many placeholders it has', () => {
    const matches = patternMatcher(pattern(`${'{a}a'.repeat(40)}b`));
    // Trying every way to share out the characters would not end.
    expect(matches('a'.repeat(4000))).toBe(false);
    expect(matches(`${'a'.repeat(4000)}b`)).toBe(true);
    expect(patternMatcher(pattern('{a}{b}{c}'))('xy')).toBe(false);
    expect(patternMatcher(pattern('{a}{b}{c}'))('xyz')).toBe(true);
    expect(patternMatcher(pattern('{a}'))('x/y')).toBe(false);
  });

  it('matches nothing beside', () => {
    const matches = patternMatcher(pattern('vars/{hostname}.y+l'));
    expect(['vars/a.y+l', 'vars/a.yyl', 'vars/a/b.y+l', 'xvars/a.y+l', 'vars/.y+l'].map(matches)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe('deploy.yml', () => {
  it('may say nothing but {}', () => {
    expect(deployOf('{}')).toEqual({
      layers: null,
      vars: [],
      facts: [],
      files: [],
      exclude: [],
      hooks: [],
      verify: [],
    });
  });

  it('keeps rules for files in file order, also where a glob looks like a number', () => {
    const { files } = deployOf('files:\n  "**": {perm: "644"}\n  "7": {perm: "0700", owner: root}\n');
    expect(files.map(({ perm, owner, matches }) => [perm, owner, matches('7')])).toEqual([
      ['0644', undefined, true],
      ['0700', 'root', true],
    ]);
  });

  it('gives hooks that the client understands, with when as a list and without the conditions', () => {
    const { hooks, verify } = deployOf(`hooks:
  - {when: "etc/**", stage: "fetch", test: [nginx, -t], run: reload, clean: [rm, x], timeout_seconds: 5, groups: [web],
     verify: {http: "http://localhost/", status: 204, grace_seconds: 1, retries: 5, interval_seconds: 0.5, timeout_seconds: 2}}
verify: [{tcp: "localhost:80", environments: [production]}, {command: "true"}]
`);
    expect(hooks[0]?.hook.when).toEqual(['etc/**']);
    expect([hooks[0]?.where, verify.map(({ where }) => where)]).toEqual([
      { groups: ['web'] },
      [{ environments: ['production'] }, {}],
    ]);
    const file = { hooks: hooks.map(({ hook }) => hook), verify: verify.map(({ probe }) => probe) };
    expect(parseHooks(hooksBytes(file))).toEqual(file);
    // What the protocol takes can be said here, all of it.
    expect(Object.keys(file.hooks[0] ?? {}).sort()).toEqual(Object.keys(hookSchema.def.shape).sort());
    const probes = [...file.verify, file.hooks[0]?.verify ?? {}];
    expect([...new Set(probes.flatMap((probe) => Object.keys(probe)))].sort()).toEqual(
      Object.keys(probeSchema.def.shape).sort(),
    );
  });

  it('is told wrong with all errors at once, each with line, key, what was expected and what was found', () => {
    const text = `layers: [common, ../x, "os/{os}"]
vars: {a: b}
facts: [hostname, "a b"]
files:
  "/etc/x": {perm: "0440"}
  etc/y: {perm: 0440}
  etc/z: {perm: "888", owner: "no body"}
  etc/q: {}
exclude: [""]
hooks:
  - {when: "etc/**"}
  - {run: ""}
  - {run: x, verify: {tcp: "localhost:80", http: "http://x/"}}
  - {run: x, timeout: 5}
verify:
  - {http: "ftp://x"}
layer: []
`;
    expect(errorsOf(text)).toEqual([
      'deploy.yml line 1: layers.1: expected a directory, with placeholders such as {environment}, found "../x"',
      'deploy.yml line 1: layers.2: expected placeholders among {hostname}, {environment}, {group}, {a b}; a fact must be named in facts, found {os}',
      'deploy.yml line 2: vars: expected a list of files, found a mapping',
      'deploy.yml line 3: facts.0: expected the name of a fact, and not one that every node has, found "hostname"',
      'deploy.yml line 3: facts.1: expected the name of a fact: letters, digits and underscores, a letter first, up to 100, found "a b"',
      'deploy.yml line 5: files./etc/x: expected a glob of paths, relative and without "..", found "/etc/x"',
      'deploy.yml line 6: files.etc/y.perm: expected three or four octal digits in quotes, as in "0440" (a bare number means something else in YAML), found 440',
      'deploy.yml line 7: files.etc/z.perm: expected three or four octal digits in quotes, as in "0440" (a bare number means something else in YAML), found "888"',
      'deploy.yml line 7: files.etc/z.owner: expected the name of a user or group, or its number in quotes, found "no body"',
      'deploy.yml line 8: files.etc/q: expected perm, owner or group, found a mapping',
      'deploy.yml line 9: exclude.0: expected a glob of paths, relative and without "..", found ""',
      'deploy.yml line 11: hooks.0: expected a hook with stage, test, run, verify or clean, found a mapping',
      'deploy.yml line 12: hooks.1.run: expected a command: a line for the shell, or a list of a program and its arguments, found ""',
      'deploy.yml line 13: hooks.2.verify: expected a probe: exactly one of command, http and tcp, found a mapping',
      'deploy.yml line 14: hooks.3.timeout: expected one of the keys when, stage, test, run, verify, clean, timeout_seconds, groups, environments, found the unknown key "timeout"',
      'deploy.yml line 16: verify.0.http: expected an http or https URL, found "ftp://x"',
      'deploy.yml line 17: layer: expected one of the keys layers, vars, facts, files, exclude, hooks, verify, found the unknown key "layer"; did you mean "layers"?',
    ]);
  });
});

describe('vars', () => {
  const value = (text: string) => {
    const parsed = parseVars('v.yml', text);
    return parsed.ok ? parsed.value : expect.unreachable(JSON.stringify(parsed.errors));
  };

  it('are merged deeply; lists, and what changes its kind, are replaced', () => {
    const merged = mergeVars([
      value('a: {x: 1, y: {z: 1}, l: [1, 2]}\nb: 1\nc: {d: 1}\n'),
      value('a: {y: {w: 2}, l: [3]}\nb: {e: 1}\nc: null\n'),
      value('# nothing\n'),
    ]);
    expect(merged).toEqual({ a: { x: 1, y: { z: 1, w: 2 }, l: [3] }, b: { e: 1 }, c: null });
  });

  it('merge in any portions to the same, and change nothing that they are made of', () => {
    const vars = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.jsonValue({ maxDepth: 3 }), { maxKeys: 3 });
    fc.assert(
      fc.property(vars, vars, vars, (one, two, three) => {
        const before = JSON.stringify([one, two, three]);
        expect(mergeVars([mergeVars([one, two]), three])).toEqual(mergeVars([one, two, three]));
        expect(JSON.stringify([one, two, three])).toBe(before);
      }),
    );
  });

  it.each(['hostname', 'environment', 'groups', 'facts', 'forloop', 'true'])('may not be called %s', (name) => {
    const parsed = parseVars('vars/a.yml', `x: 1\n"${name}": 2\n`);
    expect(parsed.ok ? [] : parsed.errors).toMatchObject([{ file: 'vars/a.yml', line: 2, found: `"${name}"` }]);
  });
});
