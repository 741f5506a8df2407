import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { repositoryWith, writeFiles } from '../rig/repository.ts';
import { testServer } from '../rig/server.ts';
import { until } from '../rig/until.ts';

it('a tag that was made has its archive, and what leads there from the tag before, made without anybody asking', async () => {
  const source = await repositoryWith({ 'etc/motd': 'one\n' });
  const base = join(await disposableDirectory(), 'base');
  const { app, passTo } = await testServer({
    now: '2026-11-20T07:00:10Z',
    base,
    files: { 'server.yml': `repo: {url: ${source.work}}\nauth: {nodes: none}\n` },
  });
  const views = join(app.settings.stateDir, 'views');
  const kept = () => readdirSync(views, { recursive: true, encoding: 'utf8' });
  const count = (name: RegExp) => kept().filter((path) => name.test(path)).length;
  await passTo('2026-11-20T07:00:20Z');
  await until('the first archive', () => count(/archive\.tar\.gz$/) === 1 || undefined);
  await writeFiles(source.work, { 'etc/motd': 'two\n' });
  await source.commit();
  await passTo('2026-11-20T08:00:10Z');
  await until('the second archive', () => count(/archive\.tar\.gz$/) === 2 || undefined);
  await until('the delta', () => count(/^deltas\/[0-9a-f]{64}-[0-9a-f]{64}\.tar\.gz$/) === 1 || undefined);
});
