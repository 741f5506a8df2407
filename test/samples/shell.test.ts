import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';

const SAMPLES = join(import.meta.dirname, '../../samples');

async function scripts(): Promise<string[]> {
  const files = await readdir(SAMPLES, { recursive: true, withFileTypes: true });
  const paths = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name));
  const texts = await Promise.all(paths.map((path) => readFile(path, 'utf8')));
  return paths.filter((_, index) => texts[index]?.startsWith('#!/bin/sh\n'));
}

test('every shell script of the samples is executable, plain sh to dash and bash alike, and free of tabs', async () => {
  const found = await scripts();
  expect(found.map((path) => relative(SAMPLES, path)).sort()).toEqual([
    'config-repo/usr/local/bin/disk-report',
    'hooks/pre-receive',
    'layered-repo/common/usr/local/bin/disk-report',
    'nodegrouper',
    'nodetaggers/nodetagger.sh',
    'poll.sh',
  ]);
  for (const path of found) {
    expect((await stat(path)).mode & 0o111).toBe(0o111);
    await execa('dash', ['-n', path]);
    await execa('bash', ['--posix', '-n', path]);
    expect(await readFile(path, 'utf8')).not.toContain('\t');
  }
});

test('the report of the sample repository runs, and says which file systems are too full', async () => {
  const script = join(SAMPLES, 'config-repo/usr/local/bin/disk-report');
  const none = await execa(script, ['100']);
  expect(none.stdout).toBe('');
  const all = await execa(script, ['-1'], { reject: false });
  expect(all.exitCode).toBe(1);
  expect(all.stdout).toMatch(/ is \d+% full/);
});
