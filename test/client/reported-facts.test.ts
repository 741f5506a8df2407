import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { machineFacts } from '../../client/adapters/machine-facts.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { pollArgs, runClient } from './run-client.ts';
import { HOLD, NEXT_TAG, serveView, TAG, viewOf } from './serve-view.ts';

describe('facts', () => {
  test('are sent with every report, and nothing is sent while they stay the same', async () => {
    const server = await serveView(await viewOf({ a: '1' }));
    const target = await disposableDirectory();
    const poll = (...flags: string[]) => runClient(pollArgs(server, target, '--fact', 'site=berlin', ...flags));
    await poll();
    await poll();
    const next = await viewOf({ a: '2' });
    server.answer = () => ({ serve: next, tag: NEXT_TAG });
    await poll();
    expect(server.reports.map(({ outcome, facts }) => [outcome, facts])).toEqual([
      ['applied', { ...machineFacts(), site: 'berlin' }],
      ['applied', { ...machineFacts(), site: 'berlin' }],
    ]);
  });

  test('that changed are a report by themselves, once', async () => {
    const view = await viewOf({ a: '1' });
    const server = await serveView(view);
    const target = await disposableDirectory();
    await runClient(pollArgs(server, target));
    for (const site of ['berlin', 'berlin', 'oslo'])
      expect(await runClient(pollArgs(server, target, '--fact', `site=${site}`))).toMatchObject({
        code: 0,
        stdout: '',
      });
    expect(server.reports.map(({ outcome, facts }) => [outcome, facts?.['site']])).toEqual([
      ['applied', undefined],
      ['unchanged', 'berlin'],
      ['unchanged', 'oslo'],
    ]);
    expect(server.reports[2]).toMatchObject({ tag: TAG, digest: view.digest, changed: 0 });
  });

  test('that no server took are handed in later, the last ones', async () => {
    const server = await serveView(await viewOf({ a: '1' }));
    const target = await disposableDirectory();
    await runClient(pollArgs(server, target));
    server.instead.report = () => ({ status: 503 });
    for (const site of ['berlin', 'oslo']) await runClient(pollArgs(server, target, '--fact', `site=${site}`));
    server.instead = {};
    await runClient(pollArgs(server, target, '--fact', 'site=oslo'));
    expect(server.reports.map(({ facts }) => facts?.['site'])).toEqual([undefined, 'oslo']);
  });

  test('reach the server also while it holds the host, as it may hold it because it does not know them', async () => {
    const server = await serveView(undefined);
    server.answer = () => HOLD('broken-tag', 'facts.os is not known');
    const target = await disposableDirectory();
    for (const _round of [1, 2]) expect((await runClient(pollArgs(server, target))).code).toBe(4);
    expect(server.reports).toMatchObject([{ outcome: 'unchanged', tag: null, digest: null, facts: machineFacts() }]);
  });

  test('are told by status as they were last sent', async () => {
    const server = await serveView(await viewOf({ a: '1' }));
    const target = await disposableDirectory();
    await runClient(pollArgs(server, target, '--fact', 'site=berlin'));
    const { stdout } = await runClient(['status', '--target', target]);
    expect(stdout).toMatch(/^facts: +arch=.*, kernel=.*, site=berlin$/m);
    const json = JSON.parse((await runClient(['status', '--target', target, '--json'])).stdout) as { facts: object };
    expect(json.facts).toMatchObject({ site: 'berlin' });
  });
});

test('a state that an older version wrote, without drift and facts, is understood', async () => {
  const server = await serveView(await viewOf({ a: '1' }));
  const target = await disposableDirectory();
  await runClient(pollArgs(server, target));
  const file = join(target, 'state.json');
  const { drift: _drift, facts: _facts, ...older } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  writeFileSync(file, JSON.stringify(older));
  expect(await runClient(pollArgs(server, target))).toMatchObject({ code: 0, stdout: '', stderr: '' });
});
