import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { gitEnvironment, writeFiles } from '../rig/git.ts';
import { TEMPLATE_SECRET } from '../rig/secrets.ts';
import { runCommand } from '../rig/server-process.ts';
import { HOSTS, NEWEST, type TestBase, testBase, useBases } from './base.ts';

useBases();

const LAYERED = {
  'deploy.yml': `layers: [common, "env/{environment}", "group/{group}", "host/{hostname}", "os/{os}"]
vars: [vars.yml]
facts: [os]
files: {"etc/secret": {perm: "0400", owner: root}}
`,
  'vars.yml': `greeting: hello\npassword: ${TEMPLATE_SECRET}\n`,
  'common/etc/motd.liquid': '{{ greeting }} {{ hostname }} in {{ environment }}\n',
  'common/etc/secret': 'common secret\n',
  'common/etc/old': 'one\ntwo\n',
  'group/dev/etc/dev': 'for developers\n',
  [`host/${HOSTS.web}/etc/secret`]: 'secret of web1\n',
  'os/debian/etc/debian': 'debian\n',
};

async function git(directory: string, ...args: string[]): Promise<string> {
  return (await execa('git', args, { cwd: directory, env: gitEnvironment() })).stdout;
}

/** A base whose newest tag, of this hour, has layers. */
async function layeredBase(): Promise<TestBase> {
  const base = await testBase();
  await writeFiles(base.source, LAYERED);
  await git(base.source, 'add', '--all');
  await git(base.source, 'commit', '--quiet', '--message=Layers');
  const made = await base.run(['snapshot', '--commit', await git(base.source, 'rev-parse', 'HEAD')]);
  expect(made).toMatchObject({ code: 0 });
  return base;
}

async function filesBelow(directory: string): Promise<string> {
  return (await execa('find', [directory, '-type', 'f', '-exec', 'sha256sum', '{}', '+'])).stdout;
}

describe('view', () => {
  test('lists what a host would get, with permissions, owner, size and the layer it comes from', async () => {
    const { run, json } = await layeredBase();
    const { code, stdout, stderr } = await run(['view', HOSTS.web, '--tag', 'trunk']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^MODE +OWNER +GROUP +SIZE +PATH +FROM$/m);
    expect(stdout).toMatch(/^0644 +- +- +\d+ +etc\/motd +common\/etc\/motd\.liquid$/m);
    expect(stdout).toMatch(/^0400 +root +- +15 +etc\/secret +host\/web1\.example\.com\/etc\/secret$/m);
    expect(stdout).toMatch(
      /^3 files of trunk for web1\.example\.com \(production; groups: none\), sha256:[0-9a-f]{64}$/m,
    );

    const own = await json(['view', HOSTS.web]);
    expect(own.value).toMatchObject({ of: NEWEST, environment: 'production', entries: [{ path: 'etc/motd' }] });
    const supposed = await json([
      'view',
      HOSTS.web,
      '--tag',
      'trunk',
      '--group',
      'dev',
      '--environment',
      'qa',
      '--fact',
      'os=debian',
    ]);
    expect(supposed.value).toMatchObject({ environment: 'qa', groups: ['dev'] });
    expect((supposed.value['entries'] as { path: string }[]).map(({ path }) => path)).toEqual([
      'etc/debian',
      'etc/dev',
      'etc/motd',
      'etc/old',
      'etc/secret',
    ]);
  });

  test('prints a file as the host would have it', async () => {
    const { run } = await layeredBase();
    expect(await run(['view', HOSTS.dev, '--tag', 'trunk', '--cat', 'etc/motd'])).toMatchObject({
      code: 0,
      stdout: `hello ${HOSTS.dev} in development\n`,
    });
    expect(await run(['view', HOSTS.dev, '--tag', 'trunk', '--cat', 'etc/nosuch'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('trunk has no etc/nosuch for dev1.example.com'),
    });
  });

  test('shows what differs from another tag and from another host', async () => {
    const { run } = await layeredBase();
    const older = await run(['view', HOSTS.web, '--tag', 'trunk', '--diff', NEWEST]);
    expect(older.code).toBe(0);
    expect(older.stdout).toContain('changed etc/motd\n--- a/etc/motd\n+++ b/etc/motd\n');
    expect(older.stdout).toContain('-hello 4\n+hello web1.example.com in production\n');
    expect(older.stdout).toContain('added etc/secret (0400 root -)\n--- /dev/null\n+++ b/etc/secret\n');
    const host = await run(['view', HOSTS.dev, '--tag', 'trunk', '--diff', HOSTS.web]);
    expect(host.stdout).toContain('added etc/dev (0644 - -)');
    expect(host.stdout).toContain('-secret of web1\n+common secret\n');
    const same = await run(['view', HOSTS.web, '--diff', HOSTS.silent]);
    expect(same.stdout).toMatch(/are the same\.\n$/);
  });

  test('of a checkout shows what is not committed yet, and leaves the checkout as it is', async () => {
    const { run, source } = await layeredBase();
    await writeFiles(source, {
      'vars.yml': 'greeting: welcome\n',
      'common/etc/new': 'new\n',
      '.gitignore': 'ignored\n',
    });
    await writeFiles(source, { 'common/ignored': 'x' });
    await git(source, 'add', 'vars.yml');
    const before = await filesBelow(source);
    const { code, stdout } = await run(['view', HOSTS.web, '--worktree', source, '--diff', 'trunk']);
    expect(code).toBe(0);
    expect(stdout).toContain('-hello web1.example.com in production\n+welcome web1.example.com in production\n');
    expect(stdout).toContain('added etc/new');
    expect(stdout).not.toContain('ignored');
    expect(await filesBelow(source)).toBe(before);
  });

  test('of a checkout needs no base where the environment is said, and tells what a template lacks', async () => {
    const { source } = await layeredBase();
    const args = [
      'view',
      'new.example.com',
      '--worktree',
      source,
      '--base',
      '/nonexistent/base',
      '--environment',
      'qa',
    ];
    expect(await runCommand([...args, '--cat', 'etc/motd'])).toMatchObject({
      code: 0,
      stdout: 'hello new.example.com in qa\n',
    });
    await writeFiles(source, { 'common/etc/motd.liquid': 'one {{ password }}\ntwo {{ greting }}\n' });
    const failed = await runCommand([...args, '--json']);
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.stdout)).toMatchObject({
      ok: false,
      errors: [`${source} has no view for new.example.com: common/etc/motd.liquid line 2: undefined variable greting`],
    });
  });

  test('is called wrongly with exit 2', async () => {
    for (const args of [
      ['view', 'no_host!'],
      ['view', HOSTS.web, '--tag', 'x'],
      ['view', HOSTS.web, '--tag', 'trunk', '--at', '2026-11-20T14:00Z'],
      ['view', HOSTS.web, '--fact', 'os'],
    ])
      expect((await runCommand([...args, '--base', '/nonexistent/base'])).code).toBe(2);
  });
});
