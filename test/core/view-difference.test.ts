import { describe, expect, test } from 'vitest';
import type { ManifestEntry, Mode } from '../../protocol/manifest.ts';
import type { RelativePath } from '../../protocol/names.ts';
import { attributes, viewDifferences } from '../../server/core/view-difference.ts';

const entry = (path: string, content: string, more: Partial<ManifestEntry> = {}): ManifestEntry => ({
  path: path as RelativePath,
  mode: '100644',
  size: content.length,
  sha256: content.padEnd(64, '0'),
  ...more,
});

function told(before: readonly ManifestEntry[], after: readonly ManifestEntry[]): string[] {
  return viewDifferences(before, after).map(
    ({ path, oldPath, status }) => `${status} ${oldPath === null ? '' : `${oldPath} → `}${path}`,
  );
}

describe('in what two views differ', () => {
  test('what came, went and changed is told in the order of the paths', () => {
    const before = [entry('a', '1'), entry('b', '2'), entry('c', '3')];
    const after = [entry('a', '1'), entry('aa', '4'), entry('c', '5')];
    expect(told(before, after)).toEqual(['added aa', 'deleted b', 'modified c']);
    expect(told(after, after)).toEqual([]);
  });

  test('another mode, permission, owner or group counts', () => {
    const file = entry('a', '1');
    for (const more of [{ mode: '100755' as Mode }, { perm: '0400' }, { owner: 'root' }, { group: 'adm' }])
      expect(told([file], [{ ...file, ...more }])).toEqual(['modified a']);
    expect(told([file], [{ ...file, mode: '120000' }])).toEqual(['type a']);
    expect(attributes({ ...file, perm: '0400', owner: 'root' })).toBe('0400 root -');
  });

  test('what went and came with the same content was renamed, each once', () => {
    const before = [entry('a', '1'), entry('b', '1'), entry('z', '9')];
    const after = [entry('c', '1'), entry('d', '1'), entry('e', '1'), entry('z', '9')];
    expect(told(before, after)).toEqual(['renamed a → c', 'renamed b → d', 'added e']);
  });

  test('empty files are not taken for one another', () => {
    expect(told([entry('a', '')], [entry('b', '')])).toEqual(['deleted a', 'added b']);
  });
});
