import { readdirSync, realpathSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { hookHost, MODES, nameOf, say, viewWith } from './hook-host.ts';
import { NEXT_TAG, TAG } from './serve-view.ts';

const ALL = ['stage', 'test', 'run', 'clean'] as const;

describe.each(MODES)('hooks with %s', (mode) => {
  test('run in the order stage, test, then run once each after the activation, each kind in the order of the file', async () => {
    const at = await hookHost(mode);
    const named = (name: string) =>
      Object.fromEntries(ALL.map((kind) => [kind, say(at.beside, `${kind} ${name}`)])) as Record<string, string>;
    await at.serve({ a: '1' }, { hooks: [named('one'), named('two')] });
    expect(await at.poll()).toMatchObject({ code: 0, stderr: '' });
    expect(at.lines()).toEqual(['stage one', 'stage two', 'test one', 'test two', 'run one', 'run two']);
    expect(await at.poll()).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect(at.lines()).toHaveLength(6);
  });

  test('see the new content only from the activation on', async () => {
    const at = await hookHost(mode);
    await at.serve({ a: 'old' });
    await at.poll();
    const seen = mode === 'root' ? '$TAGWAVE_ROOT/a' : `${at.target}/current/a`;
    const look = `echo "$TAGWAVE_HOOK $(cat ${seen}) $(cat a)" >> ${at.beside}/log`;
    await at.serve({ a: 'new' }, { hooks: [{ stage: look, test: look, run: look }], verify: [{ command: look }] });
    expect((await at.poll()).code).toBe(0);
    expect(at.lines()).toEqual(['stage old new', 'test old new', 'run new new', 'verify new new']);
  });

  test('know by their environment, which has nothing else in it, what changes from what to what', async () => {
    const at = await hookHost(mode);
    const old = await at.serve({ a: '1', gone: 'x', same: 'y' }, undefined, TAG);
    await at.poll();
    const note = [
      '/bin/sh',
      '-c',
      `env | sort > ${at.beside}/env; pwd > ${at.beside}/pwd; cp "$TAGWAVE_CHANGED" ${at.beside}/changed`,
    ];
    const view = await at.serve({ a: '2', same: 'y', fresh: 'z' }, { hooks: [{ run: note }] }, NEXT_TAG);
    expect((await at.poll()).code).toBe(0);
    const env = (await readFile(join(at.beside, 'env'), 'utf8')).trimEnd().split('\n');
    const variables = Object.fromEntries(env.map((line) => line.split(/=(.*)/s).slice(0, 2)));
    const { PATH, PWD, OLDPWD, SHLVL, _, ...ours } = variables;
    expect(PATH?.startsWith(process.env['PATH'] ?? '')).toBe(true);
    const release = join(at.target, 'releases', nameOf(view));
    expect(ours).toEqual({
      TAGWAVE_HOOK: 'run',
      TAGWAVE_TAG: NEXT_TAG,
      TAGWAVE_DIGEST: view.digest,
      TAGWAVE_RELEASE: release,
      TAGWAVE_PREVIOUS: join(at.target, 'releases', nameOf(old)),
      TAGWAVE_CHANGED: expect.stringContaining(at.target),
      TAGWAVE_HOSTNAME: 'web1',
      ...(mode === 'root' ? { TAGWAVE_ROOT: join(at.target, '..', 'root') } : {}),
    });
    expect((await readFile(join(at.beside, 'pwd'), 'utf8')).trim()).toBe(realpathSync(release));
    expect(await readFile(join(at.beside, 'changed'), 'utf8')).toBe('.tagwave/hooks.json\na\nfresh\ngone\n');
    expect(readdirSync(at.target).filter((name) => name.startsWith('.tmp-') || name === '.hook')).toEqual([]);
  });

  test('are for releases in which a path of theirs was added, changed or removed; without `when` for each', async () => {
    const at = await hookHost(mode);
    const hooks = [
      { when: ['etc/nginx/**'], run: say(at.beside, 'nginx') },
      { when: ['etc/ntp.conf', 'etc/*.d/ntp'], run: say(at.beside, 'ntp') },
      { run: say(at.beside, 'each') },
    ];
    const files = { 'etc/nginx/a': '1', 'etc/ntp.conf': '1', other: '1' };
    const step = async (change: Record<string, string>, without?: string) => {
      const all = Object.entries({ ...files, ...change }).filter(([path]) => path !== without);
      await at.serve(Object.fromEntries(all), { hooks });
      const before = at.lines().length;
      expect((await at.poll()).code).toBe(0);
      return at.lines().slice(before);
    };
    expect(await step({})).toEqual(['nginx', 'ntp', 'each']);
    expect(await step({ other: '2' })).toEqual(['each']);
    expect(await step({ 'etc/nginx/deep/b': '1' })).toEqual(['nginx', 'each']);
    expect(await step({}, 'etc/ntp.conf')).toEqual(['nginx', 'ntp', 'each']);
    expect(await step({ 'etc/cron.d/ntp': 'x' })).toEqual(['ntp', 'each']);
  });

  test('of the release before are run for its files that are removed, unless the new one has the same command', async () => {
    const at = await hookHost(mode);
    const reload = say(at.beside, 'reload');
    const nginx = { when: ['nginx/**'], run: say(at.beside, 'nginx') };
    await at.serve({ 'nginx/a': '1', b: '1', c: '1' }, { hooks: [nginx, { when: ['b'], run: reload }] });
    await at.poll();
    const before = at.lines().length;
    await at.serve({ c: '2' }, { hooks: [{ when: ['c'], run: reload }] });
    expect((await at.poll()).code).toBe(0);
    expect(at.lines().slice(before)).toEqual(['reload', 'nginx']);
  });

  test('that several globs lead to run once', async () => {
    const at = await hookHost(mode);
    const run = say(at.beside, 'reload');
    await at.serve(
      { a: '1', b: '1' },
      {
        hooks: [
          { when: ['a'], run },
          { when: ['b'], run },
        ],
      },
    );
    await at.poll();
    expect(at.lines()).toEqual(['reload']);
  });

  test('find system commands also where cron runs them', async () => {
    const at = await hookHost(mode);
    await at.serve({ a: '1' }, { hooks: [{ run: `echo $PATH >> ${at.beside}/log` }] });
    const started = await at.startWith({ PATH: '/opt/x/bin:/usr/bin:/bin' });
    expect(await started.ended).toMatchObject({ code: 0, stderr: '' });
    const folders = at.lines().join().split(':');
    expect(folders.slice(0, 3)).toEqual(['/opt/x/bin', '/usr/bin', '/bin']);
    expect(folders).toContain('/usr/sbin');
    expect(new Set(folders).size).toBe(folders.length);
  });

  test('without the shell take a list as it is', async () => {
    const at = await hookHost(mode);
    await at.serve({ a: '1' }, { hooks: [{ run: ['/usr/bin/touch', `${at.beside}/$HOME;x "y"`] }] });
    expect((await at.poll()).code).toBe(0);
    expect(readdirSync(at.beside)).toEqual(['$HOME;x "y"']);
  });

  test('that fail to stage fail the run, and are tried again with the next one', async () => {
    const at = await hookHost(mode);
    await at.serve({ a: 'old' });
    await at.poll();
    const fetch = `echo fetching; test -e ${at.beside}/artifact`;
    await at.serve({ a: 'new' }, { hooks: [{ stage: fetch, test: say(at.beside, 'test') }] });
    const run = await at.poll();
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toContain(
      `web1: ${TAG} is not put into use: stage hook 1 (${fetch}) failed with exit 1\n    fetching\n`,
    );
    expect(await at.tree()).toEqual({ a: 'old' });
    expect(at.server.reports.at(-1)).toMatchObject({ outcome: 'failed', error: expect.stringContaining('fetching') });
    expect(await at.poll()).toMatchObject({ code: 1, stderr: '' });
    await writeFile(join(at.beside, 'artifact'), '');
    expect((await at.poll()).code).toBe(0);
    expect(await at.tree()).toEqual({ a: 'new' });
    expect(at.server.count('archive')).toBe(2);
    expect(at.lines()).toEqual(['test']);
  });

  test('that fail to test refuse the release before anything is activated; the next run tries again', async () => {
    const at = await hookHost(mode);
    await at.serve({ a: 'old' });
    await at.poll();
    const test = `date +%N; cat a; test -e ${at.beside}/good`;
    await at.serve({ a: 'new' }, { hooks: [{ test, run: say(at.beside, 'run') }] });
    const run = await at.poll();
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('is not put into use: test hook 1');
    expect(await at.tree()).toEqual({ a: 'old' });
    expect(at.server.reports.at(-1)).toMatchObject({
      outcome: 'refused',
      tag: TAG,
      error: expect.stringMatching(/new$/),
    });
    const reports = at.server.reports.length;
    expect(await at.poll()).toMatchObject({ code: 1, stdout: '', stderr: '' });
    expect(at.server.reports).toHaveLength(reports);
    await at.age(25);
    expect((await at.poll()).stderr).toContain('test hook 1');
    expect((await at.command('status')).stdout).toContain('refused (exit 1)');
    await writeFile(join(at.beside, 'good'), '');
    expect((await at.poll()).code).toBe(0);
    expect(at.lines()).toEqual(['run']);
  });

  test.each<[string, string | Buffer]>([
    ['no JSON', '{"hooks":'],
    ['keys of a later version', '{"hooks":[{"run":"true","sandbox":"yes"}],"verify":[]}'],
    ['a shape of its own', '[]'],
  ])('that are %s fail the run instead of being none', async (_what, bytes) => {
    const at = await hookHost(mode);
    await at.serve({ a: 'old' });
    await at.poll();
    await at.serve({ a: 'new', '.tagwave/hooks.json': bytes });
    const run = await at.poll();
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('cannot understand the hooks of the release');
    expect(await at.tree()).toEqual({ a: 'old' });
  });

  test('are told what drifted when it is repaired', async () => {
    const at = await hookHost(mode);
    const run = `echo "$(tr '\\n' ' ' < $TAGWAVE_CHANGED)" >> ${at.beside}/log`;
    const hooks = [
      { when: ['a'], run },
      { when: ['b'], run: say(at.beside, 'b') },
    ];
    await at.serve({ a: '1', b: '1' }, { hooks });
    await at.poll();
    const before = at.lines().length;
    const file = mode === 'root' ? join(at.target, '../root/a') : join(at.target, 'current/a');
    await writeFile(file, 'by hand');
    expect((await at.poll()).code).toBe(0);
    expect(await at.tree()).toEqual({ a: '1', b: '1' });
    expect(at.lines().slice(before)).toEqual(['a']);
  });

  test('are all told what was repaired, although one of them fails', async () => {
    const at = await hookHost(mode);
    const fails = `[ ! -e ${at.beside}/broken ]`;
    const hooks = [{ run: fails }, { run: say(at.beside, 'second') }, { run: `true; ${fails}` }];
    await at.serve({ a: '1' }, { hooks });
    expect((await at.poll()).code).toBe(0);
    await writeFile(join(at.beside, 'broken'), '');
    await writeFile(mode === 'root' ? join(at.target, '../root/a') : join(at.target, 'current/a'), 'by hand');
    const run = await at.poll();
    expect(run.code).toBe(1);
    expect(run.stderr).toContain('but run hook 1');
    expect(run.stderr).toContain('run hook 3');
    expect(at.lines()).toEqual(['second', 'second']);
    expect(await at.poll()).toMatchObject({ code: 0, stderr: '' });
  });

  test('run while a dry run does not', async () => {
    const at = await hookHost(mode);
    const hook = Object.fromEntries(ALL.map((kind) => [kind, say(at.beside, kind)]));
    await at.serve({ a: '1' }, { hooks: [hook] });
    expect((await at.poll('--dry-run')).code).toBe(0);
    expect(at.lines()).toEqual([]);
  });
});

test('hooks that drifted themselves are put right before any of them is run', async () => {
  const at = await hookHost();
  await at.serve({ a: '1' }, { hooks: [{ run: say(at.beside, 'run') }] });
  await at.poll();
  const file = join(at.target, 'current', '.tagwave/hooks.json');
  const hooks = await readFile(file, 'utf8');
  await writeFile(file, hooks.replace('run', 'evil'));
  expect((await at.poll()).code).toBe(0);
  expect(await readFile(file, 'utf8')).toBe(hooks);
  expect(at.lines()).toEqual(['run', 'run']);
});

describe('clean hooks', () => {
  const step = async (at: Awaited<ReturnType<typeof hookHost>>, number: number, clean: string) => {
    const view = await viewWith(
      { a: String(number) },
      { hooks: [{ clean }, { when: ['other'], clean: say(at.beside, 'other') }] },
    );
    at.server.answer = () => ({ serve: view });
    return { view, run: await at.poll() };
  };

  test('run before a release is deleted, in it, with all of its paths as changed', async () => {
    const at = await hookHost();
    const clean = `echo "$TAGWAVE_HOOK $(cat a) $(tr '\\n' ' ' < $TAGWAVE_CHANGED)-" >> ${at.beside}/log`;
    for (let number = 1; number <= 5; number++) expect((await step(at, number, clean)).run.code).toBe(0);
    expect(at.lines()).toEqual(['clean 1 .tagwave/hooks.json a -', 'clean 2 .tagwave/hooks.json a -']);
    expect(readdirSync(join(at.target, 'releases'))).toHaveLength(3);
  });

  test('that fail are told and keep the release for three tries, no longer', async () => {
    const at = await hookHost();
    const first = (await step(at, 1, `echo stuck; ${say(at.beside, 'try')}; false`)).view;
    for (let number = 2; number <= 3; number++) await step(at, number, 'true');
    const { run } = await step(at, 4, 'true');
    expect(run).toMatchObject({ code: 0, stderr: expect.stringContaining('clean hook 1') });
    expect(run.stderr).toContain('stuck');
    expect(run.stderr).toContain('this was try 1 of 3');
    expect(readdirSync(join(at.target, 'releases'))).toContain(nameOf(first));
    expect((await at.poll()).stderr).toContain('this was try 2 of 3');
    expect((await at.poll()).stderr).toContain('is removed all the same, after 3 tries');
    expect(readdirSync(join(at.target, 'releases'))).not.toContain(nameOf(first));
    expect(at.lines()).toEqual(['try', 'try', 'try']);
    expect(await at.poll()).toMatchObject({ code: 0, stderr: '' });
  });
});
