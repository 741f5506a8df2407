import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { HOOKS_PATH, parseHooks } from '../../protocol/hooks.ts';
import { type ManifestEntry, parseManifest } from '../../protocol/manifest.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { gitEnvironment } from '../rig/git.ts';
import { type TestServer, testServer } from '../rig/server.ts';
import { runCommand } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';

const SAMPLES = join(import.meta.dirname, '../../samples');
/** What each host is to get, as text. After a change of the sample: `npx vitest run test/samples/layered-repo -u`, and read the difference. */
const EXPECTED = join(import.meta.dirname, 'layered-views');
const HOSTS = ['web1.example.com', 'web9.dev.example.com', 'db2.example.com', 'new.example.com'];
const WEB_IN_DEVELOPMENT = '"web*.dev.example.com": [web]\n';

/** The server on the sample base, with the layered repository for its own. */
async function sample(): Promise<TestServer> {
  const base = await disposableDirectory();
  const trunk = join(base, 'trunk');
  await cp(join(SAMPLES, 'layered-repo'), trunk, { recursive: true, verbatimSymlinks: true });
  const git = (...args: string[]) => execa('git', args, { cwd: trunk, env: gitEnvironment() });
  await git('init', '--quiet', '--initial-branch=main');
  await git('add', '--all');
  await git('commit', '--quiet', '--message=Begin with layers');
  const read = (file: string) => readFile(join(SAMPLES, 'base', file), 'utf8');
  const server = await testServer({
    base,
    now: '2026-11-20T10:30:00Z',
    files: {
      'schedule.yml': await read('schedule.yml'),
      'nodegroups.yml': await read('nodegroups.yml'),
      'nodes.yml': `${await read('nodes.yml')}${WEB_IN_DEVELOPMENT}`,
    },
  });
  await until('the first tag', () => (server.app.context.shelf.current().tags.length > 0 ? true : undefined));
  return server;
}

/** What a host gets, unpacked, and its manifest. */
async function unpacked({ url }: TestServer, host: string) {
  const get = async (what: string) => {
    const answer = await fetch(`${url}/v1/nodes/${host}/${what}?tag=trunk`);
    expect([host, answer.status]).toEqual([host, 200]);
    return Buffer.from(await answer.arrayBuffer());
  };
  const directory = await disposableDirectory();
  await execa('tar', ['-xzf', '-', '-C', directory], { input: await get('archive') });
  return { directory, entries: parseManifest(await get('manifest')) };
}

/** All of it as text: what the manifest says of each file, and the content as the archive has it. */
async function viewOf(server: TestServer, host: string): Promise<string> {
  const { directory, entries } = await unpacked(server, host);
  return (await Promise.all(entries.map((entry) => textOf(directory, entry)))).join('\n');
}

async function textOf(directory: string, { path, mode, perm, owner, group }: ManifestEntry): Promise<string> {
  const attributes = [mode, perm, owner, group].filter((word) => word !== undefined).join(' ');
  const content =
    mode === '120000'
      ? `→ ${(await execa('readlink', [join(directory, path)])).stdout}\n`
      : await readFile(join(directory, path), 'utf8');
  return `── ${path} (${attributes})\n${content.endsWith('\n') ? content : `${content}\n`}`;
}

describe('of the layered sample repository', () => {
  test('hosts of every kind get what is written down for them, and nothing of each other', async () => {
    const server = await sample();
    for (const host of HOSTS)
      await expect(await viewOf(server, host)).toMatchFileSnapshot(join(EXPECTED, `${host}.txt`));
  });

  test('a host that says that it runs Debian gets what Debian hosts get besides', async () => {
    const server = await sample();
    const body = {
      runId: 'run-of-a-debian-host',
      tag: null,
      digest: null,
      outcome: 'unchanged',
      startedAt: '2026-11-20T10:30:00Z',
      durationMs: 0,
      changed: 0,
      facts: { os: 'debian' },
    };
    const answer = await fetch(`${server.url}/v1/nodes/db2.example.com/reports`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(201);
    const before = await readFile(join(EXPECTED, 'db2.example.com.txt'), 'utf8');
    const added = '── etc/apt/apt.conf.d/20auto-upgrades (100644)\nAPT::Periodic::Unattended-Upgrade "1";\n\n';
    const [hooks = '', ...rest] = before.split(/^(?=── etc\/)/m);
    expect(await viewOf(server, 'db2.example.com')).toBe([hooks, added, ...rest].join(''));
  });

  test('a change can be looked at before it is committed: view --worktree shows exactly what the host would get', async () => {
    const server = await sample();
    const view = async (host: string, ...more: string[]) => {
      const args = ['view', host, '--worktree', join(server.base, 'trunk'), '--base', server.base, ...more];
      const run = await runCommand(args);
      expect(run).toMatchObject({ code: 0, stderr: '' });
      return run.stdout;
    };
    for (const host of HOSTS.slice(0, 2)) {
      const { digest, entries } = JSON.parse(await view(host, '--json')) as { digest: string; entries: unknown[] };
      const answer = await fetch(`${server.url}/v1/nodes/${host}?tag=trunk`);
      expect([answer.headers.get('tagwave-digest'), ((await answer.json()) as { files: number }).files]).toEqual([
        digest,
        entries.length,
      ]);
    }
    const ntp = 'vars/host/web1.example.com.yml';
    await writeFile(join(server.base, 'trunk', ntp), 'ntp: {servers: [time.west.example.com]}\n');
    expect(await view('web1.example.com', '--cat', 'etc/chrony/chrony.conf')).toMatch(
      /^server time\.west\.example\.com iburst\nmakestep 1\.0 3\n/,
    );
  });

  test('the test of its hook has nginx read what is staged, accepts it, and refuses it where it is wrong', async (context) => {
    if ((await execa('nginx', ['-v'], { reject: false })).exitCode !== 0)
      return context.skip('nginx is not installed here');
    const { directory } = await unpacked(await sample(), 'web1.example.com');
    const hooks = parseHooks(await readFile(join(directory, HOOKS_PATH)))?.hooks ?? [];
    const command = hooks.find(({ when }) => when?.includes('etc/nginx/**'))?.test;
    if (typeof command !== 'string') throw new Error('the sample has no test for nginx');
    const check = () => execa('/bin/sh', ['-c', command], { env: { TAGWAVE_RELEASE: directory }, reject: false });
    expect((await check()).stderr).toContain('test is successful');
    const site = join(directory, 'etc/nginx/sites-available/www.conf');
    await writeFile(site, (await readFile(site, 'utf8')).replace('listen', 'listn'));
    const refused = await check();
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining('unknown directive "listn"')]);
  });

  test('the tag is sound: no kind of host makes it broken', async () => {
    const { app } = await sample();
    expect(app.context.shelf.current().tags.map(({ broken }) => broken)).toEqual([null]);
  });
});
