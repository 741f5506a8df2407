import { execFile } from 'node:child_process';
import { promisify, stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { isColoured } from '../../server/cli/ink.ts';
import { briefTags, shortened, table, wrapped } from '../../server/cli/table.ts';
import { widthOf } from '../../server/cli/terminal.ts';
import { serverBundle } from '../rig/server-bundle.ts';
import { HOSTS, NEWEST, type TestBase, testBase, useBases } from './base.ts';

useBases();

const COLUMNS = [
  'tag',
  { name: 'commit', drop: 2 },
  { name: 'nodes', drop: 1, isNumber: true },
  { name: 'what', least: 8 },
] as const;
const ROWS = [
  ['etchautotag-20261120-0800', 'abcdef012345', '12', 'a long subject with 漢字 and 👍🏽 in it'],
  ['etchautotag-20261120-0900', '0123456789ab', '3', 'short'],
];

describe('a table', () => {
  const drawn = (width: number) => table(COLUMNS, ROWS, width).ink.split('\n');

  test('is whole where there is no width to fit, with numbers to the right', () => {
    expect(drawn(Number.POSITIVE_INFINITY)).toEqual([
      'TAG                        COMMIT        NODES  WHAT',
      'etchautotag-20261120-0800  abcdef012345     12  a long subject with 漢字 and 👍🏽 in it',
      'etchautotag-20261120-0900  0123456789ab      3  short',
    ]);
  });

  test('is shortened where it may be, then loses what matters least, and never more than has to go', () => {
    expect(drawn(72)[1]).toBe('etchautotag-20261120-0800  abcdef012345     12  a long subject with 漢…');
    expect(drawn(56)[1]).toBe('etchautotag-20261120-0800  abcdef012345     12  a long …');
    expect(drawn(55)).toEqual([
      'TAG                        NODES  WHAT',
      'etchautotag-20261120-0800     12  a long subject with …',
      'etchautotag-20261120-0900      3  short',
    ]);
    expect(drawn(40)[1]).toBe('etchautotag-20261120-0800  a long subje…');
    expect(drawn(10)[1]).toBe('etchautotag-20261120-0800  a long …');
  });

  test('names tags by their day and hour before anything gives way', () => {
    const brief = [{ name: 'host' }, { name: 'wave', drop: 1 }, { name: 'runs', brief: briefTags }] as const;
    const rows = [['web1.example.com', 'production+4h', 'etchautotag-20261120-0800']];
    expect(table(brief, rows, 58).ink.split('\n')[1]).toBe(
      'web1.example.com  production+4h  etchautotag-20261120-0800',
    );
    expect(table(brief, rows, 57).ink.split('\n')[1]).toBe('web1.example.com  production+4h  …20261120-0800');
    expect(table(brief, rows, 40).ink.split('\n')[1]).toBe('web1.example.com  …20261120-0800');
  });

  test('shows what others have written without what would steer a terminal', () => {
    expect(table(['what'], [['\u001b[2Jgone\u202e\u0007\nnext']]).ink).toBe('WHAT\n[2Jgone next');
  });
});

test('text is shortened between the characters that people see, by the width that they take', () => {
  expect(shortened('漢字漢字', 8)).toBe('漢字漢字');
  expect(shortened('漢字漢字', 7)).toBe('漢字漢…');
  expect(shortened('漢字漢字', 6)).toBe('漢字…');
  expect(shortened('👩‍👩‍👧👩‍👩‍👧', 3)).toBe('👩‍👩‍👧…');
  expect(shortened('abc', 1)).toBe('…');
});

test('long text goes on below between its words', () => {
  expect(wrapped('one two three', 7)).toEqual(['one two', 'three']);
  expect(wrapped('one 漢字漢字 x', 8)).toEqual(['one', '漢字漢字', 'x']);
  expect(wrapped('', 7)).toEqual(['']);
});

test('text is painted on a terminal alone, unless the environment says otherwise', () => {
  const painted = (env: NodeJS.ProcessEnv, isTTY?: boolean) => isColoured({ isTTY }, env);
  expect([painted({}, true), painted({}, false), painted({})]).toEqual([true, false, false]);
  expect([painted({ NO_COLOR: '1' }, true), painted({ NO_COLOR: '' }, true)]).toEqual([false, true]);
  expect([painted({ TERM: 'dumb' }, true), painted({ FORCE_COLOR: '1' })]).toEqual([false, true]);
  expect([painted({ FORCE_COLOR: '' }), painted({ FORCE_COLOR: '0' }, true)]).toEqual([true, false]);
  expect(painted({ FORCE_COLOR: '1', NO_COLOR: '1' }, true)).toBe(false);
});

test('the width is that of the terminal, COLUMNS before what it says; elsewhere there is none', () => {
  expect(widthOf({ isTTY: true, columns: 132 }, {})).toBe(132);
  expect(widthOf({ isTTY: true, columns: 132 }, { COLUMNS: '100' })).toBe(100);
  expect(widthOf({ isTTY: true, columns: 0 }, { COLUMNS: 'wide' })).toBe(80);
  expect(widthOf({ columns: 132 }, { COLUMNS: '100' })).toBe(Number.POSITIVE_INFINITY);
});

describe('on a real terminal', () => {
  /** What is drawn on a pseudo terminal that is so wide. */
  async function onTerminal(
    { base }: TestBase,
    args: readonly string[],
    width: number,
    env: NodeJS.ProcessEnv = {},
  ): Promise<string> {
    const words = [process.execPath, await serverBundle(), ...args, '--base', base].map((word) => `'${word}'`);
    const { stdout } = await promisify(execFile)(
      'script',
      ['--quiet', '--return', '--command', `stty cols ${width} rows 50; ${words.join(' ')}`, '/dev/null'],
      { env: { PATH: process.env['PATH'], TERM: 'xterm', TAGWAVE_SETTLE_SECONDS: '0.1', ...env } },
    );
    return stdout.replaceAll('\r\n', '\n');
  }

  test('tables fit its width and are painted; piped they are whole and plain, and JSON is never cut', async () => {
    const base = await testBase({ tagstate: `${NEWEST} bad ${'a long reason '.repeat(10)}\n` });
    const narrow = await onTerminal(base, ['tags'], 60);
    for (const line of stripVTControlCharacters(narrow).split('\n')) expect(line.length).toBeLessThanOrEqual(60);
    expect(narrow).toContain(NEWEST);
    expect(narrow).toContain('\u001b[31mbad');
    expect(await onTerminal(base, ['tags'], 60, { NO_COLOR: '1' })).toBe(stripVTControlCharacters(narrow));
    const piped = await base.run(['tags'], { env: { COLUMNS: '60' } });
    expect(piped.stdout).toContain('cron, Change number 4');
    expect(piped.stdout).not.toContain('\u001b');
    expect((await base.run(['tags'], { env: { FORCE_COLOR: '1' } })).stdout).toContain('\u001b[31mbad');
    const [wide, json] = [await onTerminal(base, ['nodes'], 200), await onTerminal(base, ['nodes', '--json'], 60)];
    expect(stripVTControlCharacters(wide)).toMatch(new RegExp(`^${HOSTS.silent} +production\\+4h `, 'm'));
    expect(JSON.parse(json)).toMatchObject({ nodes: [{}, {}, {}, { hostname: HOSTS.web }] });
  });
});
