import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  floorHour,
  hexOf,
  hourOf,
  parseDigest,
  parseEnvironment,
  parseHostname,
  parseObjectId,
  parseRelativePath,
  parseTagName,
  startOf,
  tagNameOf,
} from '../../protocol/names.ts';

const HEX64 = 'a1'.repeat(32);

describe('a tag name', () => {
  it('is its hour, and back, for every hour from 1970 to 9999', () => {
    const hours = fc.integer({ min: 0, max: floorHour(Date.UTC(9999, 11, 31, 23)) });
    fc.assert(
      fc.property(hours, (hour) => {
        const name = tagNameOf(hour);
        expect(parseTagName(name)).toBe(name);
        expect(hourOf(name)).toBe(hour);
      }),
    );
  });

  it('sorts like its hour', () => {
    const hours = fc.integer({ min: 0, max: floorHour(Date.UTC(9999, 11, 31, 23)) });
    fc.assert(fc.property(hours, hours, (a, b) => void expect(tagNameOf(a) < tagNameOf(b)).toBe(a < b)));
  });

  it('is UTC', () => {
    expect(tagNameOf(floorHour(Date.parse('2026-11-20T08:59:59.999Z')))).toBe('etchautotag-20261120-0800');
    expect(startOf(floorHour(Date.parse('2026-11-20T08:59:59.999Z')))).toBe(Date.parse('2026-11-20T08:00:00Z'));
    expect(floorHour(-1)).toBe(-1);
  });

  it('may come with one leading tags/, as nodetaggers print it', () => {
    expect(parseTagName('tags/etchautotag-20261120-0800')).toBe('etchautotag-20261120-0800');
    expect(parseTagName('tags/tags/etchautotag-20261120-0800')).toBeUndefined();
    expect(parseTagName('/tags/etchautotag-20261120-0800')).toBeUndefined();
  });

  it('is a real hour of a real day', () => {
    expect(parseTagName('etchautotag-20240229-2300')).toBe('etchautotag-20240229-2300');
  });

  it.each([
    'etchautotag-20230229-0800',
    'etchautotag-20261301-0800',
    'etchautotag-20260001-0800',
    'etchautotag-20261100-0800',
    'etchautotag-20261131-0800',
    'etchautotag-20261120-2400',
    'etchautotag-20261120-0830',
    'etchautotag-2026112-0800',
    'etchautotag-19691231-2300',
    'etchautotag-00500101-0000',
    'etchautotag-20261120-0800\n',
    ' etchautotag-20261120-0800',
    'etchautotag-20261120-0800 ',
    'Etchautotag-20261120-0800',
    'etchautotag-２0261120-0800',
    'trunk',
    'tags/',
    '',
    '../etchautotag-20261120-0800',
  ])('is not %j', (text) => {
    expect(parseTagName(text)).toBeUndefined();
  });
});

describe('a host name', () => {
  it.each([
    ['web1.example.com', 'web1.example.com'],
    ['WEB1.Example.COM', 'web1.example.com'],
    ['web1.example.com.', 'web1.example.com'],
    ['localhost', 'localhost'],
    ['0.a-b.1', '0.a-b.1'],
    ['a'.repeat(63), 'a'.repeat(63)],
    [`${'a.'.repeat(126)}a`, `${'a.'.repeat(126)}a`],
    [`${'a.'.repeat(126)}a.`, `${'a.'.repeat(126)}a`],
  ])('%j is %j', (text, name) => {
    expect(parseHostname(text)).toBe(name);
  });

  it.each([
    '',
    '.',
    '..',
    'a..b',
    '.a',
    'a..',
    '-a',
    'a-',
    'a.-b',
    'a_b',
    'a b',
    'a/b',
    '../etc/passwd',
    'a;reboot',
    'a\0',
    'a\n',
    'a%00',
    'ä.example.com',
    '\u212A',
    'web\u0130',
    '10.0.0.1:80',
    'a'.repeat(64),
    `${'a.'.repeat(127)}a`,
    'a'.repeat(300),
  ])('%j is none', (text) => {
    expect(parseHostname(text)).toBeUndefined();
  });

  it('is lower-case ASCII that stays itself when parsed again, whatever it came from', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.domain()), (text) => {
        const name = parseHostname(text);
        if (name === undefined) return;
        expect(name).toMatch(/^[a-z0-9.-]{1,253}$/);
        expect(parseHostname(name)).toBe(name);
      }),
    );
  });
});

describe('a digest', () => {
  it('is sha256: and 64 lower-case hex digits, of which hexOf gives the digits', () => {
    const digest = parseDigest(`sha256:${HEX64}`);
    expect(digest && hexOf(digest)).toBe(HEX64);
  });

  it.each([
    HEX64,
    `sha256:${HEX64.toUpperCase()}`,
    `SHA256:${HEX64}`,
    `sha256:${HEX64}0`,
    `sha256:${HEX64}\n`,
    `sha1:${HEX64}`,
    '',
  ])('is not %j', (text) => {
    expect(parseDigest(text)).toBeUndefined();
  });
});

describe('an object id', () => {
  it('has 40 or 64 lower-case hex digits, and nothing between', () => {
    expect(parseObjectId(HEX64)).toBe(HEX64);
    expect(parseObjectId(HEX64.slice(0, 40))).toBe(HEX64.slice(0, 40));
    for (const text of [
      '',
      'HEAD',
      HEX64.slice(0, 39),
      HEX64.slice(0, 50),
      HEX64.slice(0, 40).toUpperCase(),
      `${HEX64}\n`,
      '-c',
    ])
      expect(parseObjectId(text)).toBeUndefined();
  });
});

describe('an environment', () => {
  it.each(['qa', 'prod-east', '1.2_3', 'a'.repeat(100)])('may be %j', (text) => {
    expect(parseEnvironment(text)).toBe(text);
  });

  it.each(['', '.d', '-a', 'QA', 'a/b', 'a b', 'a~', 'ä', 'a\n', 'a'.repeat(101)])('is not %j', (text) => {
    expect(parseEnvironment(text)).toBeUndefined();
  });
});

describe('a relative path', () => {
  it.each(['a', 'a/b', '...', '..a/b..', '.git', ' ', 'a\\b', 'ä/😀', 'line\nend'])('may be %j', (text) => {
    expect(parseRelativePath(text)).toBe(text);
  });

  it.each([
    '',
    '/',
    '/a',
    'a/',
    'a//b',
    '.',
    '..',
    './a',
    'a/.',
    '../a',
    'a/../b',
    'a/..',
    'a\0b',
    '\ud83d',
    'a/\ude00b',
  ])('is not %j', (text) => {
    expect(parseRelativePath(text)).toBeUndefined();
  });

  it('joined to a directory stays below it, whatever it is', async () => {
    const { resolve } = await import('node:path/posix');
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', '.', '/', '\\', '\0', ' ') }), (text) => {
        if (parseRelativePath(text) !== undefined) expect(resolve('/target', text).startsWith('/target/')).toBe(true);
      }),
    );
  });
});
