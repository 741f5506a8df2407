import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hookHost, MODES } from './hook-host.ts';

describe.each(MODES)('a hook that writes into the release (%s)', (mode) => {
  test.each([
    ['adds a file', 'stage', 'echo x > made', 'made (extra)'],
    ['changes one', 'test', 'echo changed > a', 'a (content)'],
    ['changes a mode', 'test', 'chmod 600 a', 'a (mode)'],
  ])('and %s has it refused, told once, until it writes elsewhere', async (_what, kind, command, drift) => {
    const host = await hookHost(mode);
    await host.serve({ a: 'content' }, { hooks: [{ [kind]: command }] });
    const refused = await host.poll();
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain(`its stage and test hooks changed the release itself: ${drift}`);
    expect(await host.poll()).toMatchObject({ code: 1, stdout: '', stderr: '' });
    expect(await host.tree()).toEqual(mode === 'root' ? {} : undefined);
    expect(host.server.reports).toMatchObject([{ outcome: 'refused' }]);
    await host.serve({ a: 'content' }, { hooks: [{ [kind]: `echo x > ${host.beside}/made` }] });
    expect((await host.poll()).code).toBe(0);
    expect(await host.poll()).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(await host.tree()).toEqual({ a: 'content' });
  });
});

test('what drifted while a release was in use is repaired although its hooks were there before', async () => {
  const host = await hookHost();
  await host.serve({ a: 'content' }, { hooks: [{ test: 'true' }] });
  await host.poll();
  writeFileSync(join(host.target, 'current/a'), 'edited');
  expect((await host.poll()).stdout).toContain('repaired 1 path that had drifted: a (content)');
  expect(await host.tree()).toEqual({ a: 'content' });
});
