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
  ])('%s and %s: %s', (glob, path, matches) => {
    expect(pathGlob(glob)?.(path)).toBe(matches);
  });

  it.each(['', '/etc/*', '../x', 'a/../b'])('%j is none', (glob) => {
    expect(pathGlob(glob)).toBeUndefined();
  });
});
