import * as fc from 'fast-check';
import picomatch from 'picomatch';
import { describe, expect, it } from 'vitest';
import { type HooksFile, hooksBytes, hooksFileSchema, parseHooks } from '../../protocol/hooks.ts';
import { pathGlob } from '../../protocol/path-globs.ts';

const FILE: HooksFile = {
  hooks: [{ when: ['etc/nginx/**'], test: 'nginx -t', run: ['systemctl', 'reload', 'nginx'] }],
  verify: [{ http: 'http://127.0.0.1/', retries: 3 }],
};

describe('hooks', () => {
  it('have the same bytes whatever the order of their keys', () => {
    const turned = {
      verify: FILE.verify,
      hooks: FILE.hooks.map((hook) => Object.fromEntries(Object.entries(hook).reverse())),
    };
    expect(hooksBytes(hooksFileSchema.parse(turned))).toEqual(hooksBytes(FILE));
    expect(hooksBytes(FILE).toString()).toBe(
      '{"hooks":[{"run":["systemctl","reload","nginx"],"test":"nginx -t","when":["etc/nginx/**"]}],"verify":[{"http":"http://127.0.0.1/","retries":3}]}',
    );
    expect(parseHooks(hooksBytes(FILE))).toEqual(FILE);
  });

  it.each([
    'x',
    '[]',
    '{"hooks":[]}',
    '{"hooks":[{"run":""}],"verify":[]}',
    '{"hooks":[{"go":"x"}],"verify":[]}',
    '{"hooks":[],"verify":[{}]}',
    '{"hooks":[],"verify":[{"tcp":"localhost"}]}',
    '{"hooks":[],"verify":[{"tcp":"a:1","http":"http://a"}]}',
    '{"hooks":[{"when":["/etc/*"],"run":"x"}],"verify":[]}',
  ])('%s is not understood', (text) => {
    expect(parseHooks(Buffer.from(text))).toBeUndefined();
  });
});

describe('a glob of paths', () => {
  it.each([
    ['etc/*', 'etc/motd', true],
    ['etc/*', 'etc/nginx/nginx.conf', false],
    ['etc/**', 'etc/nginx/nginx.conf', true],
    ['etc/**', 'etc/.hidden', true],
    ['**/*.conf', 'a.conf', true],
    ['etc/{motd,issue}', 'etc/issue', true],
    ['etc/motd', 'etc/motd', true],
    ['!etc/motd', 'etc/issue', false],
    ['etc/mot?', 'etc/mot/', false],
    ['etc/**', 'etc', true],
    ['etc/*d', 'etc/motd.bak', false],
    ['a/**/b', 'a/b', true],
    ['a/{b,c/{d,e}}/*', 'a/c/e/x', true],
    ['[a-c]*/[!x]', 'bin/y', true],
    ['[a-c]*/[!x]', 'bin/x', false],
    ['a\\*', 'a*', true],
    ['a\\*', 'ab', false],
    ['(a|b)', 'a', false],
    ['{a}', '{a}', true],
  ])('%s and %s: %s', (glob, path, matches) => {
    expect(pathGlob(glob)?.(path)).toBe(matches);
  });

  it('is what picomatch takes it for', () => {
    const piece = fc.constantFrom('a', 'b', '.', '/', '*', '**', '?', '{a,b}', '{*b,a/b}', 'ab', '/**/', '*/');
    const pattern = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(''));
    const name = fc.stringMatching(/^[ab.]{1,4}$/).filter((text) => text !== '.' && text !== '..');
    const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
    fc.assert(
      fc.property(pattern, path, (text, found) => {
        const matches = pathGlob(text);
        // Three stars, two slashes and the like mean nothing: nobody has to agree on that.
        fc.pre(matches !== undefined && !/\*\*\*|\/\/|^\.|\/$|\*\*[^/]|[^/]\*\*|\/\./.test(text));
        expect(matches?.(found)).toBe(picomatch(text, { dot: true, nonegate: true, noextglob: true })(found));
      }),
      { numRuns: 5000 },
    );
  });

  it('is tried in time that grows with the path only, whatever the pattern', () => {
    const [long, deep] = ['a'.repeat(4000), 'a/'.repeat(2000)];
    for (const pattern of [
      `${'*a'.repeat(200)}b`,
      `${'**/'.repeat(150)}b`,
      `${'**/*a'.repeat(60)}b`,
      '(a+)+b',
      '*'.repeat(499),
    ])
      for (const path of [long, `${deep}c`]) expect(typeof pathGlob(pattern)?.(path)).toBe('boolean');
    expect(pathGlob(`${'{a,b}'.repeat(20)}`)).toBeUndefined();
  });

  it.each(['', '/etc/*', '../x', 'a/../b'])('%j is none', (glob) => {
    expect(pathGlob(glob)).toBeUndefined();
  });
});
