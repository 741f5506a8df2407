import { applyPatch } from 'diff';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Change, describeChange, type Side } from '../../client/core/unified.ts';

const ALL = { lines: Number.POSITIVE_INFINITY };

function file(
  content: string | Buffer | undefined,
  { mode = 0o644, size }: { mode?: number; size?: number } = {},
): Side {
  const bytes = content === undefined ? undefined : Buffer.from(content);
  return { kind: 'file', content: bytes, mode, size: size ?? bytes?.length ?? 0 };
}

const NOTHING: Side = { kind: 'absent' };

async function shown(change: Partial<Change>, lines = ALL.lines): Promise<string[]> {
  const whole = { path: 'etc/x', before: NOTHING, after: NOTHING, isSecret: false, notes: [], ...change };
  return (await describeChange(whole, { lines })).map(({ text }) => text);
}

describe('a change of text is shown as a unified diff', () => {
  test.each<[string, Side, Side, string[]]>([
    [
      'with three lines around it',
      file('1\n2\n3\n4\n5\n6\n7\n8\n9\n'),
      file('1\n2\n3\n4\nfive\n6\n7\n8\n9\n'),
      ['--- a/etc/x', '+++ b/etc/x', '@@ -2,7 +2,7 @@', ' 2', ' 3', ' 4', '-5', '+five', ' 6', ' 7', ' 8'],
    ],
    ['that was not there', NOTHING, file('hello\n'), ['--- /dev/null', '+++ b/etc/x', '@@ -0,0 +1 @@', '+hello']],
    ['that goes', file('a\nb\n'), NOTHING, ['--- a/etc/x', '+++ /dev/null', '@@ -1,2 +0,0 @@', '-a', '-b']],
    [
      'without a line end at its end',
      file('old'),
      file('old\n'),
      ['--- a/etc/x', '+++ b/etc/x', '@@ -1 +1 @@', '-old', '\\ No newline at end of file', '+old'],
    ],
    [
      'in which only the line ends are others',
      file('a\r\n'),
      file('a\n'),
      ['--- a/etc/x', '+++ b/etc/x', '@@ -1 +1 @@', '-a^M', '+a'],
    ],
    [
      'that is no UTF-8, as Latin-1, so that another encoding is a difference',
      file(Buffer.from('caf\xe9\n', 'latin1')),
      file('café\n'),
      ['etc/x: no UTF-8, shown as Latin-1', '--- a/etc/x', '+++ b/etc/x', '@@ -1 +1 @@', '-café', '+cafÃ©'],
    ],
    [
      'with what a terminal would act on or hide made visible',
      file('a\n'),
      file('\u001b[31ma\u009b\u202e\u{feff}\tb\n'),
      ['--- a/etc/x', '+++ b/etc/x', '@@ -1 +1 @@', '-a', '+^[[31ma<U+009B><U+202E><U+FEFF>\tb'],
    ],
  ])('%s', async (_what, before, after, expected) => {
    expect(await shown({ before, after })).toEqual(expected);
  });

  test('that leads from the one text to the other', async () => {
    const text = fc.array(fc.constantFrom('a\n', 'b\n', 'c\n', '\n', 'd')).map((lines) => lines.join(''));
    await fc.assert(
      fc.asyncProperty(text, text, async (before, after) => {
        fc.pre(before !== after);
        const lines = await shown({ before: file(before), after: file(after) });
        expect(applyPatch(before, `${lines.join('\n')}\n`)).toBe(after);
      }),
    );
  });

  test('that is cut where it is long, and says by how much', async () => {
    const after = file(Array.from({ length: 100 }, (_, index) => `${index}\n`).join(''));
    const lines = await shown({ after }, 10);
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toBe('… 93 more lines; --verbose shows them');
    expect(await shown({ after })).toHaveLength(103);
  });
});

describe('what is no text, or not for everybody, is told in words:', () => {
  test.each<[string, Partial<Change>, string]>([
    [
      'a binary file',
      { before: file('a\0b'), after: file('a\0bc') },
      'a binary file of 3 bytes → a binary file of 4 bytes',
    ],
    [
      'a text that becomes binary',
      { before: file('a'), after: file('\0') },
      'a file of 1 byte → a binary file of 1 byte',
    ],
    [
      'a file that is too large to compare',
      { before: file('a'), after: file(undefined, { size: 5_000_000 }) },
      'a file of 1 byte → a file of 5000000 bytes',
    ],
    ['an empty file that was not there', { after: file('') }, 'nothing → a file of 0 bytes'],
    ['a mode', { before: file('a'), after: file('a', { mode: 0o755 }) }, 'mode 0644 → 0755'],
    [
      'an unusual mode of a new file',
      { after: file('\0', { mode: 0o4755 }) },
      'nothing → a binary file of 1 byte, mode 4755',
    ],
    ['an owner', { before: file('a'), after: file('a'), notes: ['owner 1000 → www-data'] }, 'owner 1000 → www-data'],
    [
      'a link',
      { before: { kind: 'link', target: 'a' }, after: { kind: 'link', target: 'b' } },
      'a link to a → a link to b',
    ],
    ['a new link', { after: { kind: 'link', target: '../b' } }, 'nothing → a link to ../b'],
    [
      'a file that becomes a link',
      { before: file('x'), after: { kind: 'link', target: 'b' } },
      'a file of 1 byte → a link to b',
    ],
    [
      'a directory that becomes a file',
      { before: { kind: 'other', what: 'a directory' }, after: file('x') },
      'a directory → a file of 1 byte',
    ],
    [
      'a secret, by its name',
      { before: file('old secret'), after: file('new secret', { mode: 0o600 }), isSecret: true },
      'changed; not shown, as not everybody may read it, mode 0644 → 0600',
    ],
    ['a new secret', { after: file('secret'), isSecret: true }, 'added; not shown, as not everybody may read it'],
    [
      'a secret that goes',
      { before: file('secret'), isSecret: true },
      'removed; not shown, as not everybody may read it',
    ],
  ])('%s', async (_what, change, expected) => {
    expect(await shown(change)).toEqual([`etc/x: ${expected}`]);
  });

  test('texts that have next to nothing in common', async () => {
    const text = (offset: number): string =>
      Array.from({ length: 60_000 }, (_, index) => `${index * 2 + offset}\n`).join('');
    const [line, ...more] = await shown({ before: file(text(0)), after: file(text(1)) });
    expect(line).toMatch(/^etc\/x: too different to show, a file of \d+ bytes → a file of \d+ bytes$/);
    expect(more).toEqual([]);
  });
});

test('a name with a line end or an escape cannot paint', async () => {
  expect(await shown({ path: 'a\n\u001b[31m', after: file('x\n') })).toContain('+++ b/a^J^[[31m');
});

test('where nothing is different nothing is shown', async () => {
  expect(await shown({ before: file('a'), after: file('a') })).toEqual([]);
});
