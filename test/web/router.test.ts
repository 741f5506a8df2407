import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { hrefOf, hrefWith, parsePlace } from '../../server/web/router.ts';

test('a place says its path and its query', () => {
  expect(parsePlace('#/nodes/web1.example.com?at=2026-11-20T09:00:00Z&wave=qa')).toEqual({
    path: ['nodes', 'web1.example.com'],
    query: { at: '2026-11-20T09:00:00Z', wave: 'qa' },
  });
});

test.each(['', '#', '#/', '/'])('%j is the train map', (hash) => {
  expect(parsePlace(hash)).toEqual({ path: [], query: {} });
});

test('names of tags, times and lists stay legible in a URL', () => {
  const href = hrefOf([], { mark: 'etchautotag-20261120-0800,etchautotag-20261120-0900', at: '2026-11-20T09:00:00Z' });
  expect(href).toBe('#/?mark=etchautotag-20261120-0800,etchautotag-20261120-0900&at=2026-11-20T09:00:00Z');
});

test('whatever is in a path and a query comes back as it was', () => {
  const part = fc.string({ minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 3 }),
      fc.dictionary(part, part, { noNullPrototype: true }),
      (path, query) => {
        expect(parsePlace(hrefOf(path, query))).toEqual({ path, query });
      },
    ),
  );
});

test('a place with some of its query changed keeps the rest', () => {
  const place = parsePlace('#/nodes?wave=qa&sort=name');
  expect(hrefWith(place, { wave: undefined, kill: 'all' })).toBe('#/nodes?sort=name&kill=all');
});

test('a URL that somebody has cut off leads somewhere', () => {
  expect(parsePlace('#/nodes/%E0%A4%A?x=%')).toEqual({ path: ['nodes', '%E0%A4%A'], query: { x: '%' } });
});
