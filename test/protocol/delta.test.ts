import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canBeDelta, deltaBytes, parseDelta, stepBetween } from '../../protocol/delta.ts';
import { comparePaths, type ManifestEntry } from '../../protocol/manifest.ts';
import type { Digest, RelativePath } from '../../protocol/names.ts';

const FROM = `sha256:${'a'.repeat(64)}` as Digest;
const TO = `sha256:${'b'.repeat(64)}` as Digest;

function entry(path: string, change: Partial<ManifestEntry> = {}): ManifestEntry {
  return { path: path as RelativePath, mode: '100644', size: 1, sha256: '0'.repeat(64), ...change };
}

test('a delta is read as it was written', () => {
  const delta = { from: FROM, to: TO, delete: ['a', 'ü/\n"'] as RelativePath[] };
  expect(parseDelta(deltaBytes(delta))).toEqual(delta);
  expect(deltaBytes(delta).toString()).toBe(`{"from":"${FROM}","to":"${TO}","delete":["a","ü/\\n\\""]}`);
});

test.each([
  ['nothing', ''],
  ['no JSON', '{'],
  ['no object', '[]'],
  ['a missing key', `{"from":"${FROM}","to":"${TO}"}`],
  ['an unknown key', `{"from":"${FROM}","to":"${TO}","delete":[],"more":1}`],
  ['no digest', `{"from":"abc","to":"${TO}","delete":[]}`],
  ['an absolute path', `{"from":"${FROM}","to":"${TO}","delete":["/etc/passwd"]}`],
  ['a path with ..', `{"from":"${FROM}","to":"${TO}","delete":["a/../../b"]}`],
  ['what is no path', `{"from":"${FROM}","to":"${TO}","delete":[1]}`],
])('a delta with %s is none', (_what, text) => {
  expect(parseDelta(Buffer.from(text))).toBeUndefined();
});

test('a delta that is not UTF-8 is none', () => {
  const bytes = deltaBytes({ from: FROM, to: TO, delete: ['aaa' as RelativePath] });
  bytes[bytes.indexOf('aaa')] = 0xff;
  expect(parseDelta(bytes)).toBeUndefined();
});

test.each<[string, Partial<ManifestEntry>]>([
  ['content', { sha256: '1'.repeat(64) }],
  ['size', { size: 2 }],
  ['mode', { mode: '100755' }],
  ['type', { mode: '120000' }],
  ['permissions', { perm: '0440' }],
  ['owner', { owner: 'root' }],
  ['group', { group: 'adm' }],
])('an entry whose %s is another is written, and any other is not', (_what, change) => {
  const step = stepBetween([entry('a'), entry('b'), entry('c')], [entry('b', change), entry('c'), entry('d')]);
  expect(step).toEqual({ written: [entry('b', change), entry('d')], unchanged: [entry('c')], deleted: ['a'] });
});

test('what is written and what is unchanged make up the new view, and what is deleted is the rest of the old one', () => {
  const view = fc
    .uniqueArray(fc.record({ path: fc.constantFrom(...'abcdefgh'), sha256: fc.constantFrom('0', '1') }), {
      selector: ({ path }) => path,
    })
    .map((parts) => parts.map(({ path, sha256 }) => entry(path, { sha256: sha256.repeat(64) })))
    .map((entries) => entries.sort((a, b) => comparePaths(a.path, b.path)));
  fc.assert(
    fc.property(view, view, (from, to) => {
      const { written, unchanged, deleted } = stepBetween(from, to);
      expect([...written, ...unchanged].sort((a, b) => comparePaths(a.path, b.path))).toEqual(to);
      expect(unchanged.every((same) => from.some((old) => JSON.stringify(old) === JSON.stringify(same)))).toBe(true);
      expect(deleted).toEqual(from.map(({ path }) => path).filter((path) => !to.some((other) => other.path === path)));
    }),
  );
});

test('a view that has a file by the name of the first entry of a delta is none to make a delta to', () => {
  expect(canBeDelta([entry('a')])).toBe(true);
  expect(canBeDelta([entry('.tagwave-delta.json')])).toBe(false);
});
