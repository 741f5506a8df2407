import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { disposableDirectory } from '../rig/disposable.ts';
import { writeFiles } from '../rig/git.ts';
import { runCommand } from '../rig/server-process.ts';
import { objectIn } from './base.ts';

const DECISIONS = join(import.meta.dirname, '../core/decisions.json');

const decision = (name: string, expected: object) => ({
  name,
  now: '2026-11-20T14:25:00Z',
  tags: ['etchautotag-20261120-0900', 'etchautotag-20261120-1000'],
  tagstate: 'etchautotag-20261120-1000 bad broke ntp\n',
  wave: { environment: 'production', hours: 4 },
  expect: expected,
});
const RIGHT = decision('steps back over a bad tag', { outcome: 'serve', tag: 'etchautotag-20261120-0900' });
const WRONG = decision('thinks that bad is served', { outcome: 'serve', tag: 'etchautotag-20261120-1000' });

async function files(given: Readonly<Record<string, string>>): Promise<string[]> {
  const directory = await disposableDirectory();
  await writeFiles(directory, given);
  return Object.keys(given).map((name) => join(directory, name));
}

describe('test', () => {
  test('passes every case of the decision, and exits 0', async () => {
    const { cases } = JSON.parse(await readFile(DECISIONS, 'utf8')) as { cases: unknown[] };
    expect(await runCommand(['test', DECISIONS])).toMatchObject({
      code: 0,
      stdout: `${cases.length} cases: ${cases.length} as expected, 0 not.\n`,
      stderr: '',
    });
  });

  test('prints each difference as expected and got, with the file and the reasons, and exits 1', async () => {
    const [json = '', yaml = ''] = await files({
      'cases.json': JSON.stringify({ cases: [RIGHT, WRONG] }),
      'cases.yml': stringify({ cases: [WRONG, RIGHT, decision('holds', { outcome: 'hold', code: 'no-trunk' })] }),
    });
    const { code, stdout, stderr } = await runCommand(['test', json, yaml]);
    expect([code, stderr]).toEqual([1, '']);
    const difference = (file: string, name: string, expected: string) => `${file}: ${name}
  expected  ${expected}
  got       serve etchautotag-20261120-0900
  · production lags 4 hours; due is etchautotag-20261120-1000
  · etchautotag-20261120-1000 is bad: "broke ntp" (tagstate line 1)
  · etchautotag-20261120-0900 is unmarked: serving it
`;
    expect(stdout).toBe(
      difference(json, WRONG.name, 'serve etchautotag-20261120-1000') +
        difference(yaml, WRONG.name, 'serve etchautotag-20261120-1000') +
        difference(yaml, 'holds', 'hold no-trunk') +
        '5 cases: 2 as expected, 3 not.\n',
    );
  });

  test('with --json prints one object with the differences', async () => {
    const [json = ''] = await files({ 'cases.json': JSON.stringify({ cases: [RIGHT, WRONG] }) });
    const { code, stdout } = await runCommand(['test', json, '--json']);
    expect(code).toBe(1);
    expect(objectIn(stdout)).toEqual({
      ok: false,
      passed: 1,
      failed: 1,
      differences: [
        {
          file: json,
          name: WRONG.name,
          expected: 'serve etchautotag-20261120-1000',
          got: 'serve etchautotag-20261120-0900',
          reasons: expect.any(Array),
        },
      ],
    });
  });

  test('tells what is wrong with all files at once, with line and case, and judges none', async () => {
    const [first = '', second = '', third = ''] = await files({
      'first.yml': stringify({ cases: [{ ...RIGHT, now: 'noon' }] }),
      'second.json': '{"cases": [',
      'third.json': JSON.stringify({ cases: [RIGHT] }),
    });
    const { code, stdout, stderr } = await runCommand(['test', first, second, third, '/nonexistent/cases.yml']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(`${first} line 3: case "${RIGHT.name}".now: expected an instant`);
    expect(stderr).toContain(`${second} line 1: expected valid YAML`);
    expect(stderr).toContain('/nonexistent/cases.yml cannot be read');
    expect(stderr).toContain('none was judged');
  });

  test('judges ten thousand cases in one run', async () => {
    const cases = Array.from({ length: 10_000 }, (_, index) => ({ ...RIGHT, name: `case ${index}` }));
    const [json = ''] = await files({ 'cases.json': JSON.stringify({ cases }) });
    expect(await runCommand(['test', json])).toMatchObject({
      code: 0,
      stdout: '10000 cases: 10000 as expected, 0 not.\n',
    });
  });
});
