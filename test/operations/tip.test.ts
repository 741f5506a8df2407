import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseHostname } from '../../protocol/names.ts';
import { assign } from '../../server/operations/assign.ts';
import { fetchSource } from '../../server/operations/fetch.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { sourceRepository } from '../rig/git.ts';
import { testServer } from '../rig/server.ts';

const HOST = parseHostname('web1.example.com') ?? ('' as never);
const TAG = 'etchautotag-20261120-0900';

async function serving(files: Readonly<Record<string, string>> = {}, base?: string) {
  const source = await sourceRepository();
  await source.commit(
    { 'etc/motd': 'hello\n', tagstate: `${TAG} bad committed by mistake\n` },
    { at: '2026-11-20T07:30:00Z' },
  );
  const env = { TAGWAVE_REPO_URL: source.directory };
  const server = await testServer({ now: '2026-11-20T08:00:05Z', files, env, ...(base === undefined ? {} : { base }) });
  await server.passTo('2026-11-20T08:00:10Z');
  return { source, server, env };
}

test('a committed tagstate that is too large keeps the marks before it, is a problem, and neither tags nor answers stop', async () => {
  const schedule = 'waves: [{environment: production, default: true, hours: 0}]\n';
  const base = await disposableDirectory();
  const { source, server, env } = await serving({ 'schedule.yml': schedule }, base);
  const { context } = server.app;
  await source.commit({ tagstate: `# ${'x'.repeat(2 * 1024 * 1024)}\n` }, { at: '2026-11-20T08:30:00Z' });
  await server.passTo('2026-11-20T09:00:10Z');

  expect(context.shelf.current().byName.get(TAG)).toMatchObject({ broken: null });
  const answer = await assign(context, { hostname: HOST });
  expect(answer).toMatchObject({ kind: 'serve', tag: 'etchautotag-20261120-0800' });
  expect(context.problems.standing().map((problem) => problem.id)).toContain('repository-tagstate:unreadable');

  await server.stop();
  const again = await testServer({ now: '2026-11-20T09:00:30Z', base, env });
  const after = await assign(again.app.context, { hostname: HOST });
  expect(after).toMatchObject({ kind: 'serve', tag: 'etchautotag-20261120-0800' });

  await source.commit({ tagstate: '# in order again\n' }, { at: '2026-11-20T09:10:00Z' });
  await fetchSource(again.app.context);
  expect(again.app.context.problems.standing().map((problem) => problem.id)).not.toContain(
    'repository-tagstate:unreadable',
  );
});

test('what is pulled or marked while the nodetagger takes its time counts for the answer', async () => {
  const base = await disposableDirectory();
  await mkdir(base, { recursive: true });
  await writeFile(
    join(base, 'nodetagger'),
    `#!/bin/sh\n: > ${base}/asked\nsleep 1\necho tags/etchautotag-20261120-0800\n`,
    { mode: 0o755 },
  );
  const { server } = await serving({}, base);
  const answer = assign(server.app.context, { hostname: HOST });
  await expect.poll(() => server.app.context.desk.look().kind).toBe('ready');
  await writeFile(join(base, 'killswitch'), 'stop\n');
  expect(await answer).toMatchObject({ kind: 'killswitch' });
});
