import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  BadManifest,
  comparePaths,
  digestHash,
  digestOf,
  type ManifestEntry,
  manifestLine,
  parseManifest,
} from '../../protocol/manifest.ts';
import type { RelativePath } from '../../protocol/names.ts';

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

function entry(path: string, more: Partial<ManifestEntry> = {}): ManifestEntry {
  return { path: path as RelativePath, mode: '100644', size: 0, sha256: EMPTY_SHA256, ...more };
}

function manifestOf(...entries: ManifestEntry[]): Buffer {
  return Buffer.from(entries.map(manifestLine).join(''));
}

/** A line with any keys, as a hostile server could send it. */
function line(value: Record<string, unknown>): Buffer {
  return Buffer.from(`${JSON.stringify({ ...entry('a'), ...value })}\n`);
}

const segment = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 12 })
  .filter((text) => !/[/\0]/.test(text) && text !== '.' && text !== '..' && text !== '.tagwave');
const anEntry = fc.record({
  path: fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/') as RelativePath),
  mode: fc.constantFrom('100644' as const, '100755' as const, '120000' as const),
  size: fc.nat(),
  sha256: fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 64, maxLength: 64 }),
});
/** What a view can hold: no path twice, none below another, in order. */
const aView = fc.array(anEntry, { maxLength: 30 }).map((entries) => {
  const taken = new Map<string, ManifestEntry>();
  for (const candidate of entries) {
    const nested = [...taken.keys()].some(
      (path) => `${candidate.path}/`.startsWith(`${path}/`) || path.startsWith(`${candidate.path}/`),
    );
    if (!nested) taken.set(candidate.path, candidate);
  }
  return [...taken.values()].sort((a, b) => comparePaths(a.path, b.path));
});

describe('a manifest', () => {
  it('is read back as it was written, whatever the paths', () => {
    fc.assert(fc.property(aView, (entries) => void expect(parseManifest(manifestOf(...entries))).toEqual(entries)));
  });

  it('of a view cannot be put into another order', () => {
    const shuffled = aView
      .filter((entries) => entries.length > 1)
      .chain((entries) => fc.tuple(fc.constant(entries), fc.shuffledSubarray(entries, { minLength: entries.length })))
      .filter(([entries, other]) => entries.some((one, index) => one !== other[index]));
    fc.assert(
      fc.property(shuffled, ([, other]) => void expect(() => parseManifest(manifestOf(...other))).toThrow(BadManifest)),
    );
  });

  it('that is cut off anywhere is refused, or is a shorter one with another digest', () => {
    const whole = manifestOf(entry('a'), entry('ä'), entry('😀/b', { mode: '120000' }));
    for (let length = 0; length < whole.length; length++) {
      const part = whole.subarray(0, length);
      if (length === 0 || part.at(-1) === 10) expect(digestOf(part)).not.toBe(digestOf(whole));
      else expect(() => parseManifest(part)).toThrow(BadManifest);
    }
  });

  it('of nothing has no bytes', () => {
    expect(parseManifest(new Uint8Array())).toEqual([]);
    expect(digestOf('')).toBe(`sha256:${EMPTY_SHA256}`);
  });

  it('writes the keys in the order that the digest depends on', () => {
    const shuffledKeys = { sha256: EMPTY_SHA256, size: 3, mode: '100755', path: 'a "b"\n' as RelativePath } as const;
    expect(manifestLine(shuffledKeys)).toBe(
      `{"path":"a \\"b\\"\\n","mode":"100755","size":3,"sha256":"${EMPTY_SHA256}"}\n`,
    );
  });

  it('has paths in the order of their UTF-8 bytes, which above U+FFFF is not the order of UTF-16', () => {
    const paths = ['\u{1F600}', '\uFF5E', 'a/b', 'a.b', 'a', 'Z', ''].sort(comparePaths);
    expect(paths).toEqual(['', 'Z', 'a', 'a.b', 'a/b', '\uFF5E', '\u{1F600}']);
    const bytes = (text: string) => Buffer.from(text).toString('hex');
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.string({ unit: 'binary' }),
        (a, b) =>
          void expect(Math.sign(comparePaths(a, b))).toBe(bytes(a) < bytes(b) ? -1 : bytes(a) > bytes(b) ? 1 : 0),
      ),
    );
  });

  it('has the SHA-256 of its bytes as digest, taken whole or in pieces', () => {
    const bytes = manifestOf(entry('a'), entry('b'));
    const hash = digestHash();
    hash.update(bytes.subarray(0, 7));
    hash.update(bytes.subarray(7));
    expect(hash.digest()).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
    expect(digestOf(bytes)).toBe(digestOf(bytes.toString()));
    expect(digestOf(bytes)).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`);
  });
});

describe('a hostile manifest is refused', () => {
  it.each([
    ['an absolute path', line({ path: '/etc/passwd' })],
    ['..', line({ path: '../x' })],
    ['.. in the middle', line({ path: 'a/../../x' })],
    ['.. at the end', line({ path: 'a/..' })],
    ['.', line({ path: './x' })],
    ['an empty segment', line({ path: 'a//b' })],
    ['a directory', line({ path: 'a/' })],
    ['an empty path', line({ path: '' })],
    ['a NUL in the path', line({ path: 'a\0b' })],
    ['half a character in the path', Buffer.from(`${JSON.stringify(entry('x')).replace('"x"', '"\\ud83d"')}\n`)],
    ['no path', line({ path: undefined })],
    ['a path that is no text', line({ path: ['a'] })],
    ['the reserved directory', line({ path: '.tagwave/state' })],
    ['a file of the reserved name', line({ path: '.tagwave' })],
    ['something below the one reserved file', line({ path: '.tagwave/hooks.json/x' })],
    ['a directory as mode', line({ mode: '040000' })],
    ['a submodule as mode', line({ mode: '160000' })],
    ['a set-uid mode', line({ mode: '104755' })],
    ['a mode that is a number', line({ mode: 100644 })],
    ['no mode', line({ mode: undefined })],
    ['a negative size', line({ size: -1 })],
    ['half a byte', line({ size: 1.5 })],
    ['a size that cannot be counted', line({ size: 2 ** 53 })],
    ['a size that is text', line({ size: '1' })],
    ['a sum that is too short', line({ sha256: 'abc' })],
    ['a sum in upper case', line({ sha256: EMPTY_SHA256.toUpperCase() })],
    ['a sum with something after it', line({ sha256: `${EMPTY_SHA256}\n` })],
    ['no sum', line({ sha256: null })],
    ['a path twice', manifestOf(entry('a'), entry('a'))],
    ['paths out of order', manifestOf(entry('b'), entry('a'))],
    ['paths in the order of UTF-16', manifestOf(entry('\u{1F600}'), entry('\uFF5E'))],
    ['an entry below a file', manifestOf(entry('a'), entry('a/b'))],
    ['an entry far below a link', manifestOf(entry('a', { mode: '120000' }), entry('a/b/c/d'))],
    ['an entry below a file that is not its neighbour', manifestOf(entry('a'), entry('a-b'), entry('a/b'))],
    ['an entry below a file within a directory', manifestOf(entry('d/a'), entry('d/a.x'), entry('d/a/b'))],
    ['no line end', manifestOf(entry('a')).subarray(0, -1)],
    ['a torn line', Buffer.concat([manifestOf(entry('a')).subarray(0, 30), Buffer.from('\n')])],
    ['an empty line', Buffer.from('\n')],
    ['an empty line in the middle', Buffer.concat([manifestOf(entry('a')), Buffer.from('\n'), manifestOf(entry('b'))])],
    [
      'bytes that are not UTF-8',
      Buffer.concat([Buffer.from('{"path":"'), Buffer.from([0xe9]), manifestOf(entry('a')).subarray(10)]),
    ],
    ['a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), manifestOf(entry('a'))])],
    ['null', Buffer.from('null\n')],
    ['a list', Buffer.from('[]\n')],
    ['text', Buffer.from('"a"\n')],
    ['anything else', Buffer.from('<html>\n')],
  ])('with %s', (_what, bytes) => {
    expect(() => parseManifest(bytes)).toThrow(BadManifest);
  });

  it('and the sentence names the line', () => {
    const bytes = Buffer.concat([manifestOf(entry('a')), line({ path: '../b' })]);
    expect(() => parseManifest(bytes)).toThrow('line 2 of the manifest has no relative path');
  });

  it('whatever its bytes: it is parsed or refused, and nothing else happens', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => Buffer.from(`${text}\n`)),
        ),
        (bytes) => {
          try {
            parseManifest(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(BadManifest);
          }
        },
      ),
    );
  });
});

describe('what looks hostile and is not', () => {
  it.each([
    '...',
    '..a',
    'a..',
    '.hidden',
    'a\\b',
    'C:',
    'a b',
    '-rf',
    '.git/config',
    '.tagwave/hooks.json',
    '.tagwaves',
    'sub/.tagwave/x',
  ])('the path %j is accepted', (path) => {
    expect(parseManifest(manifestOf(entry(path)))).toEqual([entry(path)]);
  });

  it('a file beside a directory that begins like it is accepted', () => {
    const entries = [entry('a-b'), entry('a.b'), entry('a/b'), entry('ab')];
    expect(parseManifest(manifestOf(...entries))).toEqual(entries);
  });

  it('keys of a newer server are passed over', () => {
    expect(parseManifest(line({ mtime: 0 }))).toEqual([entry('a')]);
  });
});

describe('permissions and owners', () => {
  it('come back as they were written, after the other keys', () => {
    const entries = [entry('a', { perm: '0440', owner: 'root', group: 'adm' }), entry('b', { owner: '1000' })];
    const manifest = manifestOf(...entries);
    expect(parseManifest(manifest)).toEqual(entries);
    expect(manifest.toString()).toContain('","perm":"0440","owner":"root","group":"adm"}\n');
  });

  it.each<Record<string, unknown>>([
    { perm: 440 },
    { perm: '440' },
    { perm: '0888' },
    { perm: '0440', mode: '120000' },
    { owner: '' },
    { owner: 'a b' },
    { owner: '-x' },
    { owner: 0 },
    { group: '../x' },
    { group: '007' },
  ])('%j is refused', (value) => {
    expect(() => parseManifest(line(value))).toThrow(BadManifest);
  });
});
