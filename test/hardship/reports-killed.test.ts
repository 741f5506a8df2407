import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../server/adapters/sqlite/store.ts';
import { host, report } from '../adapters/store-samples.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { sourceRepository } from '../rig/git.ts';
import { kill9, serve } from '../rig/server-process.ts';
import { SCHEDULE } from '../stories/train.ts';

const HOSTS = 20;
const ENOUGH = 400;

test('of reports that come all at once, none that was answered is lost with the server, and none counts twice after it', async () => {
  const source = await sourceRepository();
  await source.commit({ motd: 'hello\n' });
  const base = await disposableDirectory();
  await writeFile(join(base, 'server.yml'), JSON.stringify({ repo: { url: source.directory, branch: 'main' } }));
  await writeFile(join(base, 'schedule.yml'), SCHEDULE);
  const first = await serve(base);
  const answered: { name: string; runId: string }[] = [];

  const send = async (url: string, name: string, runId: string) => {
    const body = JSON.stringify(report(runId, { outcome: 'unchanged' }));
    const headers = { 'Content-Type': 'application/json' };
    return (await fetch(`${url}/v1/nodes/${host(name)}/reports`, { method: 'POST', headers, body })).status;
  };
  const sendAll = async (name: string) => {
    for (let run = 0; ; run += 1) {
      const runId = `run-${name}-${String(run).padStart(8, '0')}`;
      const status = await send(first.url, name, runId).catch(() => undefined);
      if (status === undefined) return;
      expect(status).toBe(201);
      answered.push({ name, runId });
      if (answered.length === ENOUGH) void kill9(first);
    }
  };
  await Promise.all(Array.from({ length: HOSTS }, (_, index) => sendAll(`web${index}`)));

  const second = await serve(base);
  for (const { name, runId } of answered.slice(-HOSTS)) expect(await send(second.url, name, runId)).toBe(200);
  await kill9(second);
  const store = await openStore(join(base, 'var', 'history.sqlite'));
  onTestFinished(() => store.close());
  const stored = new Set<string>();
  for (const name of new Set(answered.map((one) => one.name)))
    for (const { runId } of await store.reports(host(name), 1_000_000)) {
      expect(stored.has(runId)).toBe(false);
      stored.add(runId);
    }
  expect(answered.length).toBeGreaterThanOrEqual(ENOUGH);
  expect(answered.filter(({ runId }) => !stored.has(runId))).toEqual([]);
}, 60_000);
