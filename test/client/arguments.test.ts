import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseArguments } from '../../client/commands/arguments.ts';
import { parseUsual } from '../../client/commands/program.ts';

const LINES = [
  'poll',
  'poll --server http://a --server http://b --splay 300',
  'poll --server=http://a --json --verbose',
  'poll --dry-run --detailed-exitcode --tag trunk --config /etc/x.yml',
  'poll --fact site=berlin --fact rack=1 --retry --verify',
  'watch --server http://a',
  'status --target /srv --json',
];

test.each(LINES)('%j is understood the same way with the library and without', (line) => {
  const args = line.split(' ');
  const usual = parseUsual(args);
  expect(usual).toBeDefined();
  expect(parseArguments(args)).toEqual(usual);
});

test.each([
  '',
  'pol',
  'poll --help',
  'poll --sever x',
  'poll x',
  'poll --server',
  'poll --json=yes',
  'poll -s x',
  '--version',
  'diff trunk',
])('%j is left to the library', (line) => {
  expect(parseUsual(line.split(' ').filter((word) => word !== ''))).toBeUndefined();
});

test('whatever is understood without the library is understood the same way with it', () => {
  const word = fc.constantFrom(
    '--server',
    '--json',
    '--json=x',
    '--no-json',
    '--tag',
    'x',
    '--splay=5',
    '--',
    '-v',
    '--retry',
    '',
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), (words) => {
      const usual = parseUsual(['poll', ...words]);
      if (usual !== undefined) expect(parseArguments(['poll', ...words])).toEqual(usual);
    }),
  );
});
