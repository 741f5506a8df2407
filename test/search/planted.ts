// Run by `secrets.test.ts` alone: tests that leave secrets where none may be.
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { execa } from 'execa';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { discard, searchText, TEMPLATE_SECRET } from '../rig/secrets.ts';
import { PLANTED_KEY, PLANTED_TOKEN } from './plants.ts';

test('a token in a log', async () => {
  await writeFile(
    join(await disposableDirectory(), 'server.log'),
    `${'x'.repeat(1024 * 1024 - 20)} ${PLANTED_TOKEN}\n`,
  );
});

test('a template secret in the log of a database', async () => {
  const database = new Database(join(await disposableDirectory(), 'history.sqlite'));
  onTestFinished(() => void database.close());
  database.pragma('journal_mode = WAL');
  database.pragma('wal_autocheckpoint = 0');
  database.exec(`CREATE TABLE events (text); INSERT INTO events VALUES ('vars say ${TEMPLATE_SECRET}')`);
  // As after a power cut: what is only in the log stays there.
  const copy = await disposableDirectory();
  await execa('cp', [`${database.name}-wal`, join(copy, 'history.sqlite-wal')]);
});

test('a key in the body of an error', async () => {
  const server = createServer((_request, response) => void response.writeHead(403).end(`why: ${PLANTED_KEY}`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  expect((await response.text()).length).toBeGreaterThan(0);
});

test('a token in what a process prints', async () => {
  await execa(process.execPath, ['-e', `console.error(${JSON.stringify(PLANTED_TOKEN)})`]);
});

test('nothing', async () => {
  await writeFile(join(await disposableDirectory(), 'token'), PLANTED_TOKEN);
});

afterAll(() => {
  searchText('what is said after all tests', PLANTED_KEY);
  discard('/nonexistent/tagwave');
});
