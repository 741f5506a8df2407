import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { copyTree } from '../../bench/copy.ts';
import { openCpuTime } from '../../bench/cpu-time.ts';
import { diskUse } from '../../bench/disk-use.ts';
import { figureOf, shown } from '../../bench/figure.ts';
import { GIT_ENVIRONMENT, makeSource } from '../../bench/source.ts';
import { timed } from '../../bench/timed.ts';
import { disposableDirectory } from '../rig/disposable.ts';

describe('a figure', () => {
  test('of an odd number of rounds is the one in the middle, of an even number what lies between the two', () => {
    expect(figureOf([5, 1, 9])).toMatchObject({ n: 3, median: 5, min: 1, max: 9, values: [5, 1, 9] });
    expect(figureOf([4, 1, 9, 2])).toMatchObject({ n: 4, median: 3, min: 1, max: 9 });
  });

  test('of nothing is refused', () => {
    expect(() => figureOf([])).toThrow('nothing was measured');
  });

  test('is shown with its range, in as many digits as say something', () => {
    expect(shown(figureOf([1.31, 1.224, 1.4]))).toBe('1.31 (1.22–1.40)');
    expect(shown(figureOf([12_345.6, 9_999, 20_000]), ' ms')).toBe('12,346 ms (9,999–20,000)');
    expect(shown(figureOf([0.0123]), ' %')).toBe('0.0123 %');
    expect(shown(figureOf([0]))).toBe('0');
    expect(shown(figureOf([-0.52]))).toBe('-0.520');
  });
});

const TIMES = [Date.UTC(2026, 10, 20, 7, 30), Date.UTC(2026, 10, 20, 8, 30), Date.UTC(2026, 10, 20, 9, 30)] as const;

describe('what is measured', () => {
  test('is a repository of as many files as it says, of which each further commit changes ten', async () => {
    const directory = join(await disposableDirectory(), 'source');
    const [first, second, third] = TIMES;
    const source = await makeSource(directory, { files: 120, committedAt: first });
    await source.commit(second);
    await source.commit(third);
    const git = async (...args: string[]) =>
      (await execa('git', ['-C', directory, ...args], { env: GIT_ENVIRONMENT })).stdout.split('\n');
    expect(await git('ls-tree', '-r', '--name-only', 'main')).toHaveLength(120);
    expect(await git('diff', '--name-only', 'main~2', 'main~1')).toHaveLength(10);
    expect(await git('diff', '--name-only', 'main~1', 'main')).toHaveLength(10);
    const instants = (await git('log', '--format=%ct', 'main')).map((seconds) => Number(seconds) * 1000);
    expect(instants).toEqual(TIMES.toReversed());
  });

  test('is compared with a copy that has every file, in a directory of its own', async () => {
    const work = await disposableDirectory();
    const gitDir = join(work, 'source');
    await makeSource(gitDir, { files: 60, committedAt: Date.now() });
    const directory = join(work, 'copy');
    await copyTree({ gitDir, commit: 'main', directory });
    const files = (await readdir(directory, { recursive: true })).filter((name) => name.endsWith('.conf'));
    expect(files).toHaveLength(60);
    expect(await readFile(join(directory, 'site0/service1/0.conf'), 'utf8')).toContain('# file 50, version 0\n');
    expect(await readdir(work)).toEqual(['copy', 'source']);
    const { apparent, allocated } = await diskUse(directory);
    expect(apparent).toBeGreaterThan(60 * 200);
    expect(allocated).toBeGreaterThan(0);
  });

  test('of a process is the time that it used the processor for, which only grows', async () => {
    const cpuTime = await openCpuTime();
    const before = await cpuTime(process.pid);
    const until = process.cpuUsage().user + 50_000;
    while (process.cpuUsage().user < until);
    expect(await cpuTime(process.pid)).toBeGreaterThan(before);
  });
});

describe('a command that is timed', () => {
  test('tells its time and the processor time of everything that it started', async () => {
    const busy = 'const until = performance.now() + 150; while (performance.now() < until);';
    const { wallMs, cpuMs } = await timed(['sh', '-c', `"${process.execPath}" -e "${busy}"; :`]);
    expect(wallMs).toBeGreaterThanOrEqual(150);
    expect(cpuMs).toBeGreaterThan(50);
  });

  test('that fails is an error with its words', async () => {
    await expect(timed(['sh', '-c', 'echo no such thing >&2; exit 3'])).rejects.toThrow(/ended with 3: no such thing/);
  });
});
