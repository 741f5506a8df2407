import { applyPatch } from 'diff';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lineCounts, textPatch } from '../../server/core/text-patch.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const patch = (before: string | undefined, after: string | undefined) =>
  textPatch({
    path: 'etc/new',
    oldPath: 'etc/old',
    before: before === undefined ? undefined : bytes(before),
    after: after === undefined ? undefined : bytes(after),
  });

describe('the patch of a text', () => {
  test('names both places, or that there is none', () => {
    expect(patch('a\n', 'b\n')).toBe('--- a/etc/old\n+++ b/etc/new\n@@ -1,1 +1,1 @@\n-a\n+b\n');
    expect(patch(undefined, 'b\n')).toBe('--- /dev/null\n+++ b/etc/new\n@@ -0,0 +1,1 @@\n+b\n');
    expect(patch('a', undefined)).toBe(
      '--- a/etc/old\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n\\ No newline at end of file\n',
    );
  });

  test('leads from one text to the other, however much they differ', () => {
    const line = fc.constantFrom('a', 'b', 'c', '', '\r', '-x', '+y', '\\ No newline at end of file');
    const text = fc
      .tuple(fc.array(line, { maxLength: 12 }), fc.boolean())
      .map(([lines, isEnded]) => lines.map((one) => `${one}\n`).join('') + (isEnded ? '' : 'end'));
    fc.assert(
      fc.property(text, text, (before, after) => {
        expect(applyPatch(before, patch(before, after) ?? '', { autoConvertLineEndings: false })).toBe(after);
      }),
    );
    const many = (word: string) => Array.from({ length: 1000 }, (_, index) => `${word} ${index}\n`).join('');
    expect(applyPatch(many('old'), patch(many('old'), many('new')) ?? '')).toBe(many('new'));
  });

  test('is none of what is no text', () => {
    expect(patch('a\0', 'b\n')).toBeNull();
    expect(textPatch({ path: 'x', oldPath: null, before: Uint8Array.of(0xff), after: bytes('b') })).toBeNull();
  });
});

describe('the lines that came and went', () => {
  test('are counted as the patch shows them', () => {
    expect(lineCounts({ before: bytes('a\nb\nc\n'), after: bytes('a\nB\nc\nd\n') })).toEqual({
      insertions: 2,
      deletions: 1,
    });
    expect(lineCounts({ before: undefined, after: bytes('a\nb') })).toEqual({ insertions: 2, deletions: 0 });
    expect(lineCounts({ before: bytes(''), after: undefined })).toEqual({ insertions: 0, deletions: 0 });
  });

  test('are not counted of what is no text, or differs in too much', () => {
    expect(lineCounts({ before: bytes('a\0'), after: bytes('b') })).toBeNull();
    const many = (word: string) => bytes(Array.from({ length: 1000 }, (_, index) => `${word} ${index}\n`).join(''));
    expect(lineCounts({ before: many('old'), after: many('new') })).toBeNull();
  });
});
