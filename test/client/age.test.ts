import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ago } from '../../client/core/age.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { pollArgs, runClient } from './run-client.ts';
import { serveView, TAG, viewOf } from './serve-view.ts';

describe('how long ago something was', () => {
  const at = '2026-11-20T08:00:00.000Z';
  test.each([
    [0, 'just now'],
    [1_500, '1 second ago'],
    [119_000, '119 seconds ago'],
    [120_000, '2 minutes ago'],
    [7_199_000, '119 minutes ago'],
    [7_200_000, '2 hours ago'],
    [47 * 3_600_000, '47 hours ago'],
    [48 * 3_600_000, '2 days ago'],
    [-1, 'in the future, by the clock of this host'],
  ])('%i ms is %j', (age, expected) => {
    expect(ago(at, Date.parse(at) + age)).toBe(expected);
  });
});

/** As if the last answer had come so long ago. */
function age(target: string, ms: number): void {
  const file = join(target, 'state.json');
  const state = JSON.parse(readFileSync(file, 'utf8')) as { answer: object };
  const at = new Date(Date.now() - ms).toISOString();
  writeFileSync(file, JSON.stringify({ ...state, answer: { ...state.answer, at } }));
}

test('a host that no server answers stays on what it has, says how old that is, and status too', async () => {
  const server = await serveView(await viewOf({ a: '1' }));
  const target = await disposableDirectory();
  const status = async (): Promise<string> => (await runClient(['status', '--target', target])).stdout;
  await runClient(pollArgs(server, target));
  expect(await status()).toMatch(/^last answer: serve etchautotag-.* at 20.*Z, (just now|\d+ seconds? ago)$/m);
  expect(await status()).toMatch(/^asked: +last (just now|\d+ seconds? ago)$/m);
  await server.stop();
  age(target, 3 * 3_600_000);
  const { code, stderr } = await runClient(pollArgs(server, target));
  expect(code).toBe(1);
  expect(stderr).toContain(
    `Nothing was changed; the next run tries again. It stays on ${TAG}; a server last answered 3 hours ago.`,
  );
  expect(await status()).toMatch(/^asked: .*; no server has answered since 20.*Z$/m);
  expect(await status()).toMatch(/^last answer: .*, 3 hours ago$/m);
});

test('a host that never had an answer says so', async () => {
  const server = await serveView(await viewOf({ a: '1' }));
  const target = await disposableDirectory();
  await server.stop();
  const { stderr } = await runClient(pollArgs(server, target));
  expect(stderr).toContain('Nothing was changed; the next run tries again. Look at the server');
  expect((await runClient(['status', '--target', target])).stdout).toMatch(/^asked: .*; no server has ever answered$/m);
});
