import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type HookHost, hookHost, MODES, type Mode, nameOf, say } from './hook-host.ts';
import { runClient } from './run-client.ts';
import { NEXT_TAG, TAG, type TestView } from './serve-view.ts';

/** A host that was on one release and is on the next. */
async function hostOnTwo(mode: Mode): Promise<HookHost & { readonly old: TestView; readonly now: TestView }> {
  const at = await hookHost(mode);
  const old = await at.serve({ a: 'old' }, { hooks: [{ run: say(at.beside, 'old') }] }, TAG);
  expect((await at.poll()).code).toBe(0);
  const now = await at.serve({ a: 'now' }, { hooks: [{ run: say(at.beside, 'now') }] }, NEXT_TAG);
  expect((await at.poll()).code).toBe(0);
  return { ...at, old, now };
}

describe.each(MODES)('tagwave rollback with %s', (mode) => {
  test('goes to the release before without a server, runs its hooks, and stays there', async () => {
    const at = await hostOnTwo(mode);
    const run = await at.command('rollback', '--reason', 'ntp is broken');
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(run.stdout).toMatch(
      new RegExp(
        `^web1: went back: held at ${TAG} \\(sha256:${nameOf(at.old)}\\) by tagwave rollback since .*: ntp is broken\n$`,
      ),
    );
    expect(await at.tree()).toEqual({ a: 'old' });
    expect(at.lines()).toEqual(['old', 'now', 'old']);
    await at.serve({ a: 'newest' });
    const questions = at.server.count('question');
    const still = await at.poll();
    expect(still).toMatchObject({ code: 4, stdout: '', stderr: '' });
    expect(at.server.count('question')).toBe(questions);
    expect(await at.tree()).toEqual({ a: 'old' });
    expect((await at.command('status')).stdout).toMatch(
      /disabled: {4}held at .* by tagwave rollback since .*: ntp is broken/,
    );
  });

  test('is reported by the next run that may, once, and then daily', async () => {
    const at = await hostOnTwo(mode);
    await at.command('rollback', '--reason', 'ntp is broken');
    await at.poll();
    expect(at.server.reports.at(-1)).toMatchObject({
      outcome: 'disabled',
      tag: TAG,
      digest: at.old.digest,
      error: expect.stringMatching(/^disabled: held at .* by tagwave rollback since .*: ntp is broken$/),
    });
    const reports = at.server.reports.length;
    await at.poll();
    expect(at.server.reports).toHaveLength(reports);
    await at.age(25);
    const told = await at.poll();
    expect(told.stderr).toContain("Nothing was done. 'tagwave resume' goes on to what the server says.");
    expect(at.server.reports).toHaveLength(reports + 1);
  });

  test('ends with resume, which the next report shows though nothing changed', async () => {
    const at = await hostOnTwo(mode);
    await at.command('rollback', '--to', at.now.digest, '--reason', 'stay');
    expect(await at.poll()).toMatchObject({ code: 4 });
    const resumed = await at.command('resume');
    expect(resumed).toMatchObject({ code: 0, stderr: '' });
    expect(resumed.stdout).toContain('web1: no longer held at');
    expect((await at.poll()).code).toBe(0);
    expect(at.server.reports.at(-1)).toMatchObject({ outcome: 'unchanged', digest: at.now.digest });
    expect(await at.command('resume')).toMatchObject({ code: 0, stdout: 'web1: was not held\n' });
  });

  test('to a digest, or the beginning of one, takes that; where it is in use nothing moves', async () => {
    const at = await hostOnTwo(mode);
    expect((await at.command('rollback', '--to', nameOf(at.old))).code).toBe(0);
    expect(await at.tree()).toEqual({ a: 'old' });
    const back = await at.command('rollback', '--to', at.now.digest);
    expect(back).toMatchObject({ code: 0, stdout: expect.stringContaining(NEXT_TAG) });
    expect(await at.tree()).toEqual({ a: 'now' });
    const lines = at.lines().length;
    const stays = await at.command('rollback', '--to', at.now.digest.slice(0, 15));
    expect(stays.stdout).toContain(`stays: held at ${NEXT_TAG}`);
    expect(at.lines()).toHaveLength(lines);
  });

  test('to nothing that is kept fails, and names what is', async () => {
    const at = await hostOnTwo(mode);
    for (const [to, sentence] of [
      ['0'.repeat(16), 'names no release that is kept here'],
      [nameOf(at.old).slice(0, 4), 'too little'],
    ] as const) {
      const run = await at.command('rollback', '--to', to);
      expect(run).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(sentence) });
      expect(run.stderr).toContain(at.old.digest);
    }
    expect(await at.tree()).toEqual({ a: 'now' });
    expect((await at.poll()).code).toBe(0);
  });

  test('twice without a digest does not go forth again, but asks for one', async () => {
    const at = await hostOnTwo(mode);
    await at.command('rollback');
    const again = await at.command('rollback');
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('Give one with --to. Kept here: ') });
    expect(await at.tree()).toEqual({ a: 'old' });
  });

  test('to a release whose test fails changes nothing; one whose run fails stays, and exits 1', async () => {
    const at = await hookHost(mode);
    const flag = join(at.beside, 'broken');
    await at.serve({ a: 'old' }, { hooks: [{ test: `test ! -e ${flag}` }] });
    await at.poll();
    await at.serve(
      { a: 'now' },
      { hooks: [{ run: `test ! -e ${flag}` }], verify: [{ command: `test ! -e ${flag}`, retries: 0 }] },
    );
    await at.poll();
    await writeFile(flag, '');
    const refused = await at.command('rollback');
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('test hook 1') });
    expect(await at.tree()).toEqual({ a: 'now' });
    expect((await at.poll()).code).toBe(0);
    await rm(flag);
    expect((await at.command('rollback')).code).toBe(0);
    await writeFile(flag, '');
    const now = (await at.state()) as { previous: { digest: string } };
    const run = await at.command('rollback', '--to', now.previous.digest);
    expect(run).toMatchObject({ code: 1, stdout: expect.stringContaining('went back: held at') });
    expect(run.stderr).toContain('on the way back, run hook 1');
    expect(run.stderr).toContain('verify (');
    expect(await at.tree()).toEqual({ a: 'now' });
    expect((await at.poll()).code).toBe(4);
  });
});

test('a release that is damaged is not gone back to', async () => {
  const at = await hostOnTwo('releases');
  await writeFile(join(at.target, 'releases', nameOf(at.old), 'a'), 'by hand');
  const run = await at.command('rollback');
  expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining(`releases/${nameOf(at.old)} is damaged: "a"`) });
  expect(await at.tree()).toEqual({ a: 'now' });
});

test('rollback on a host without releases says that there are none', async () => {
  const at = await hookHost();
  expect(await at.command('rollback')).toMatchObject({ code: 1, stderr: expect.stringContaining('Kept here: none') });
});

test('rollback reports at once where servers are given, and prints one object with --json', async () => {
  const at = await hostOnTwo('releases');
  const run = await at.command('rollback', '--server', at.server.url, '--json', '--reason', 'why');
  expect(JSON.parse(run.stdout)).toMatchObject({ outcome: 'held', exitCode: 0, tag: TAG, reason: 'why', troubles: [] });
  expect(at.server.reports.at(-1)).toMatchObject({ outcome: 'disabled', tag: TAG });
  const resumed = await at.command('resume', '--json');
  expect(JSON.parse(resumed.stdout)).toMatchObject({ outcome: 'resumed', wasHeld: true });
});

test('a release that was put into use by hand is not pruned while it is held', async () => {
  const at = await hostOnTwo('releases');
  await at.command('rollback');
  for (let count = 0; count < 3; count++) await at.poll();
  expect(readdirSync(join(at.target, 'releases')).sort()).toEqual([nameOf(at.old), nameOf(at.now)].sort());
});

describe('the stop file', () => {
  const REASON = 'moving the database, ask alice\n';

  test('keeps a run from asking and doing anything; told and reported with its reason once, then daily', async () => {
    const at = await hostOnTwo('releases');
    await at.serve({ a: 'newest' });
    await writeFile(join(at.beside, 'disable'), REASON);
    const questions = at.server.count('question');
    const run = await at.poll();
    expect(run).toMatchObject({ code: 4, stdout: '' });
    expect(run.stderr).toBe(
      `web1: disabled: ${at.beside}/disable exists: moving the database, ask alice\n  Nothing was done. Remove ${at.beside}/disable to go on.\n`,
    );
    expect(at.server.count('question')).toBe(questions);
    expect(at.server.reports.at(-1)).toMatchObject({
      outcome: 'disabled',
      tag: NEXT_TAG,
      error: expect.stringContaining('ask alice'),
    });
    expect(await at.poll()).toMatchObject({ code: 4, stdout: '', stderr: '' });
    expect((await at.command('status')).stdout).toContain('moving the database, ask alice');
    const reports = at.server.reports.length;
    await at.age(25);
    expect((await at.poll()).stderr).toContain('ask alice');
    expect(at.server.reports).toHaveLength(reports + 1);
    await rm(join(at.beside, 'disable'));
    expect((await at.poll()).code).toBe(0);
    expect(await at.tree()).toEqual({ a: 'newest' });
  });

  test.each<[string, (path: string) => void]>([
    ['an empty file', (path) => symlinkSync('/dev/null', path)],
    ['a directory', (path) => mkdirSync(path)],
    ['a link that leads nowhere', (path) => symlinkSync('/nowhere', path)],
  ])('counts as %s too', async (_what, make) => {
    const at = await hookHost();
    await at.serve({ a: '1' });
    make(join(at.beside, 'disable'));
    expect((await at.poll()).code).toBe(4);
    expect(existsSync(join(at.target, 'current'))).toBe(false);
  });

  test('is one JSON object with --json', async () => {
    const at = await hookHost();
    await writeFile(join(at.beside, 'disable'), 'why');
    const { code, stdout, stderr } = await at.poll('--json');
    expect([code, stderr]).toEqual([4, '']);
    expect(Object.keys(JSON.parse(stdout) as object)).toEqual([
      'hostname',
      'server',
      'outcome',
      'exitCode',
      'sentence',
      'hint',
      'message',
    ]);
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'disabled',
      exitCode: 4,
      message: `${at.beside}/disable exists: why`,
    });
  });

  test('that nobody wrote to gives no reason, and another reason is told at once', async () => {
    const at = await hookHost();
    await writeFile(join(at.beside, 'disable'), ' \n');
    expect((await at.poll()).stderr).toContain('(it gives no reason)');
    await writeFile(join(at.beside, 'disable'), 'because');
    expect((await at.poll()).stderr).toContain('because');
  });

  test('is named by the setting disable-file, and needs an absolute path', async () => {
    const at = await hookHost();
    const run = await runClient(['poll', '--server', at.server.url, '--disable-file', 'disable']);
    expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining('expected an absolute path') });
  });
});
