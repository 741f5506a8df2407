import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { isMeant, MEANT, TEMPLATE_SECRET } from '../rig/secrets.ts';
import { PLANTED_KEY, PLANTED_TOKEN } from './plants.ts';

const ROOT = join(import.meta.dirname, '..', '..');

test('a secret in a log, a database, the body of an error or what a process prints fails the test, the run and its count, and is not repeated', async () => {
  const results = join(await disposableDirectory(), 'results.json');
  const config = join(await disposableDirectory(), 'vitest.config.ts');
  await writeFile(
    config,
    `import usual from ${JSON.stringify(join(ROOT, 'vitest.config.ts'))};
export default { ...usual, root: ${JSON.stringify(ROOT)}, test: { ...usual.test, include: ['test/search/planted.ts'] } };\n`,
  );
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const { TAGWAVE_TEST_FINDINGS: _findings, VITEST_WORKER_ID: _worker, ...env } = process.env;
  const ran = await execa(process.execPath, [vitest, 'run', '--config', config], {
    cwd: ROOT,
    env: { ...env, TAGWAVE_TEST_RESULTS: results },
    extendEnv: false,
    reject: false,
  });
  const said = ran.stdout + ran.stderr;
  expect(ran.exitCode).toBe(1);
  for (const [kind, place] of [
    ['token', 'server.log'],
    ['template', 'history.sqlite-wal'],
    ['key', 'the body of a 403'],
    ['token', 'the standard error of a process'],
    ['key', 'what is said after all tests'],
  ])
    expect(said).toContain(`a secret (${kind}) was found in ${place}`);
  expect(said).toContain('secrets were found where none may be');
  expect(said).toMatch(/4 failed.*1 passed/);
  for (const secret of [PLANTED_TOKEN, PLANTED_KEY, TEMPLATE_SECRET]) expect(said).not.toContain(secret);
});

test('files that are meant to hold a secret are named with the reason, and no database, log or state of a server is among them', () => {
  for (const { why } of MEANT) expect(why).not.toBe('');
  const never = [
    'credentials.sqlite',
    'credentials.sqlite-wal',
    'history.sqlite',
    'history.sqlite-wal',
    'fetches.ndjson',
  ];
  const places = ['', 'var/', 'base/var/', 'config/var/', 'state/'];
  for (const file of [...never, 'marks-in-effect.json', 'last-valid/server.yml', 'state.json', 'server.log'])
    for (const place of places)
      for (const kind of ['token', 'key', 'template'] as const)
        expect([place + file, kind, isMeant(place + file, kind)]).toEqual([place + file, kind, false]);
});
