import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Hostname } from '../../protocol/names.ts';
import { matchesGlob, parseGlob, parseHostPattern } from '../../server/core/globs.ts';

function matches(pattern: string, host: string): boolean {
  const glob = parseGlob(pattern);
  if (!glob) throw new Error(`no glob: ${pattern}`);
  return matchesGlob(glob, host as Hostname);
}

/** The same by definition: a star takes some characters, or none. */
function matchesNaively(pattern: string, host: string): boolean {
  if (pattern === '') return host === '';
  const stars = /^\*+/.exec(pattern)?.[0] ?? '';
  if (stars === '') return host.startsWith(pattern.charAt(0)) && matchesNaively(pattern.slice(1), host.slice(1));
  for (let taken = 0; taken <= host.length; taken++) {
    if (stars.length === 1 && host.slice(0, taken).includes('.')) return false;
    if (matchesNaively(pattern.slice(stars.length), host.slice(taken))) return true;
  }
  return false;
}

describe('a host glob', () => {
  test.each([
    ['*.example.com', 'web1.example.com', true],
    ['*.example.com', 'web1.eu.example.com', false],
    ['*.example.com', 'example.com', false],
    ['**.example.com', 'web1.eu.example.com', true],
    ['**.example.com', 'web1.example.com', true],
    ['**.example.com', 'example.com', false],
    ['web*.example.com', 'web.example.com', true],
    ['web*.example.com', 'web12.example.com', true],
    ['web*.example.com', 'dev-web12.example.com', false],
    ['web*', 'web1', true],
    ['web*', 'web1.example.com', false],
    ['web**', 'web1.example.com', true],
    ['*', 'web1', true],
    ['*', 'web1.example.com', false],
    ['**', 'web1.example.com', true],
    ['*-db*.*.example.com', 'eu-db3.prod.example.com', true],
    ['*-db*.*.example.com', 'eu-db3.prod.eu.example.com', false],
    ['**db**.com', 'a.b.mydb1.c.com', true],
    ['a*a', 'a', false],
    ['WEB*.Example.COM.', 'web1.example.com', true],
  ])('%s and %s: %s', (pattern, host, expected) => {
    expect(matches(pattern, host)).toBe(expected);
  });

  test('is no exact name and nothing that no host name could match', () => {
    const texts = [
      'web1.example.com',
      '',
      '.',
      '*.',
      'a..*',
      '.*',
      '-*',
      '*-',
      '*_x',
      '*/x',
      'web[12]*',
      'web?*',
      '*.a b',
      `*${'a'.repeat(260)}`,
    ];
    expect(texts.filter((text) => parseGlob(text) !== undefined)).toEqual(['*.']);
  });

  test('stands beside exact names as what a control file can name', () => {
    expect(parseHostPattern('Web1.Example.com.')).toEqual({ kind: 'exact', hostname: 'web1.example.com' });
    expect(parseHostPattern('WEB*')).toMatchObject({ kind: 'glob', glob: { text: 'web*' } });
    expect(parseHostPattern('../etc')).toBeUndefined();
  });

  test('matches as its definition says, whatever the pattern', () => {
    const letter = fc.constantFrom('a', 'b', '.');
    const pattern = fc
      .array(fc.constantFrom('a', 'b', '.', '*', '**'), { maxLength: 8 })
      .map((parts) => `${parts.join('')}*`);
    const host = fc.array(letter, { maxLength: 10 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(pattern, host, (pattern, host) => {
        fc.pre(parseGlob(pattern) !== undefined && !pattern.endsWith('.'));
        expect(matches(pattern, host)).toBe(matchesNaively(pattern, host));
      }),
      { numRuns: 3000 },
    );
  });

  test('costs no more than length times length, where backtracking would take for ever', () => {
    const pattern = `${'*a'.repeat(60)}.${'**a'.repeat(40)}**b`;
    expect(matches(pattern, `${'a'.repeat(63)}.${'a'.repeat(63)}.${'a'.repeat(63)}.${'a'.repeat(60)}`)).toBe(false);
  });
});
