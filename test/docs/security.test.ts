import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

const ROOT = new URL('../../', import.meta.url);
const text = await readFile(new URL('SECURITY.md', ROOT), 'utf8');

/** `test/http/guard.test.ts`: "a title" · "another title" */
const CITED = /`(test\/[\w/.-]+\.test\.ts)`: ((?:"[^"]+"(?: · )?)+)/g;

const cited = [...text.matchAll(CITED)].flatMap(([, file = '', titles = '']) =>
  [...titles.matchAll(/"([^"]+)"/g)].map(([, title = '']) => ({ file, title })),
);

test('every line of what somebody may try names a test', () => {
  const tables = text.split('\n\n').filter((block) => block.startsWith('| what somebody tries |'));
  const rows = tables.flatMap((table) => table.trimEnd().split('\n').slice(2));
  expect(rows.length).toBeGreaterThan(30);
  expect(rows.filter((row) => !row.includes('`test/'))).toEqual([]);
});

test('every test that SECURITY.md names is there, under that title', async () => {
  expect(cited.length).toBeGreaterThan(40);
  const missing: string[] = [];
  for (const { file, title } of cited) {
    const source = await readFile(new URL(file, ROOT), 'utf8').catch(() => '');
    if (!source.replaceAll(/\\(['"])/g, '$1').includes(title)) missing.push(`${file}: ${title}`);
  }
  expect(missing).toEqual([]);
});
