import * as fc from 'fast-check';

/** The most bytes of an input: what takes bounded time for these takes no more than that for all. */
const MOST_BYTES = 64 * 1024;

/** What is special to most that reads text. */
const NASTY = [
  ...['\0', '\r', '\n', '\r\n', '\t', ' ', '\u2028', '\u00a0', '\ufeff', '\u202e', '\u001b[31m', '\ud83d', 'K', 'ſ'],
  ...['..', '../', '/', '//', './', '%2e%2e%2f', '%00', '\\', '/etc/passwd', '~', '$(id)', '`id`', ';id', '|id'],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'null', 'true', 'NaN', '-0', '1e999', '-1', '0x10'],
  ...[
    '9007199254740993',
    '99999999999999999999',
    "'",
    '"',
    '#',
    ':',
    ',',
    '-',
    '*',
    '**',
    '&',
    '!',
    '{',
    '}',
    '[',
    ']',
  ],
  'a'.repeat(300),
];

/** Texts made of the words of a target, of what is nasty, and of anything. */
export function textsOf(words: readonly string[], between: readonly string[] = ['', ' ', '\n']): fc.Arbitrary<Buffer> {
  const word = fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...words) },
    { weight: 4, arbitrary: fc.constantFrom(...NASTY) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
  );
  const piece = fc.tuple(word, fc.constantFrom(...between)).map((parts) => parts.join(''));
  return fc.array(piece, { maxLength: 40 }).map((pieces) => Buffer.from(pieces.join('')));
}

export const anyBytes: fc.Arbitrary<Buffer> = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));

type Change =
  | { readonly kind: 'cut'; readonly at: number; readonly length: number }
  | { readonly kind: 'again'; readonly at: number; readonly length: number; readonly times: number }
  | { readonly kind: 'put'; readonly at: number; readonly bytes: Buffer }
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number };

/** What becomes of one input when it is changed in a few places. */
export function changed(start: fc.Arbitrary<Buffer>, words: readonly string[]): fc.Arbitrary<Buffer> {
  const at = fc.double({ min: 0, max: 1, noNaN: true });
  const length = fc.nat({ max: 40 });
  const put = fc.oneof(
    fc.constantFrom(...NASTY, ...words).map((text) => Buffer.from(text)),
    fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
  );
  const change: fc.Arbitrary<Change> = fc.oneof(
    fc.record({ kind: fc.constant('cut' as const), at, length }),
    fc.record({ kind: fc.constant('again' as const), at, length, times: fc.constantFrom(1, 2, 20, 500) }),
    fc.record({ kind: fc.constant('put' as const), at, bytes: put }),
    fc.record({ kind: fc.constant('flip' as const), at, bit: fc.nat({ max: 7 }) }),
  );
  return fc
    .tuple(start, fc.array(change, { maxLength: 6 }))
    .map(([bytes, changes]) => changes.reduce(changedBy, bytes).subarray(0, MOST_BYTES));
}

function changedBy(bytes: Buffer, change: Change): Buffer {
  const at = Math.floor(change.at * bytes.length);
  switch (change.kind) {
    case 'cut':
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + change.length)]);
    case 'again': {
      const piece = bytes.subarray(at, at + change.length);
      return Buffer.concat([bytes.subarray(0, at), ...Array<Buffer>(change.times).fill(piece), bytes.subarray(at)]);
    }
    case 'put':
      return Buffer.concat([bytes.subarray(0, at), change.bytes, bytes.subarray(at)]);
    case 'flip': {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) copy[at] = (copy[at] ?? 0) ^ (1 << change.bit);
      return copy;
    }
    default:
      return change satisfies never;
  }
}
