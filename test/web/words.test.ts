import { expect, test } from 'vitest';
import { hourOfTag, kindOf, shortTag } from '../../server/web/tag-name.ts';
import { absolute, bytes, compact, count, duration, personOf, relative, sentence } from '../../server/web/words.ts';

const NOW = Date.parse('2026-11-20T12:00:00Z');
const MINUTE = 60_000;

test.each([
  [0, 'just now'],
  [-30_000, 'just now'],
  [-5 * MINUTE, '5 min ago'],
  [-80 * MINUTE, '80 min ago'],
  [-3 * 60 * MINUTE, '3 h ago'],
  [-3 * 24 * 60 * MINUTE, '3 days ago'],
  [60 * MINUTE, 'in 60 min'],
])('%d ms from now is "%s"', (apart, words) => {
  expect(relative(NOW + apart, NOW)).toBe(words);
});

test('a time is said in UTC, and says so', () => {
  expect(absolute(NOW)).toBe('2026-11-20 12:00 UTC');
  expect(absolute(NOW, { seconds: true })).toBe('2026-11-20 12:00:00 UTC');
  expect(duration(38_000)).toBe('38 s');
});

test('numbers fit where there is little room', () => {
  expect([7, 999, 1200, 5000, 34_400].map(compact)).toEqual(['7', '999', '1.2k', '5k', '34k']);
  expect([512, 1234, 3_000_000].map(bytes)).toEqual(['512 B', '1.2 kB', '3 MB']);
  expect([count(1, 'node'), count(5000, 'node')]).toEqual(['1 node', '5,000 nodes']);
});

test('what a server says becomes a sentence', () => {
  expect([sentence('the tags cannot be read'), sentence('Really?')]).toEqual(['The tags cannot be read.', 'Really?']);
});

test('an author is said without the address', () => {
  expect([personOf('Ana Ruiz <ana@example.com>'), personOf('<ana@example.com>'), personOf('ana')]).toEqual([
    'Ana Ruiz',
    '<ana@example.com>',
    'ana',
  ]);
});

test('the name of a tag says its hour', () => {
  expect(hourOfTag('etchautotag-20261120-0900')).toBe(Date.parse('2026-11-20T09:00:00Z'));
  expect([hourOfTag('trunk'), hourOfTag('etchautotag-20261120-0930')]).toEqual([null, null]);
  expect([shortTag('etchautotag-20261101-0900'), shortTag('trunk')]).toEqual(['1 Nov 09:00', 'trunk']);
});

test('what somebody is given is a tag unless it says otherwise', () => {
  expect(
    ['etchautotag-20261120-0900', 'hold no-newer-tag', 'killswitch', 'trunk', 'nothing', 'unknown'].map(kindOf),
  ).toEqual(['tag', 'hold', 'killswitch', 'trunk', 'nothing', 'unknown']);
});
