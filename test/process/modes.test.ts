import { chmod, lstat, mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { HOSTS, NEWEST, type TestBase, testBase, useBases } from '../cli/base.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { serverBundle } from '../rig/server-bundle.ts';
import { type RunOptions, runCommand, serve } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';

useBases();

const SERVER = 61_234;
const OTHERS = 0o007;
const root = process.getuid?.() === 0;

/** A server that runs as nobody special, whoever runs the tests. */
async function ordinaryBase(): Promise<{ given: TestBase; stateDir: string; as: RunOptions }> {
  const given = await testBase();
  const stateDir = join(given.base, 'var');
  const as = root && (await everybodyReads(await serverBundle())) ? { uid: SERVER } : {};
  await chmod(given.root, 0o755);
  if ('uid' in as) await execa('chown', ['-R', `${SERVER}:${SERVER}`, stateDir, given.source]);
  return { given, stateDir, as };
}

async function everybodyReads(script: string): Promise<boolean> {
  for (let path = dirname(script); path !== '/'; path = dirname(path))
    if (((await stat(path)).mode & 0o005) !== 0o005) return false;
  return true;
}

/** As most shells have it. */
function withUmask(umask: number): void {
  const before = process.umask(umask);
  onTestFinished(() => {
    process.umask(before);
  });
}

async function openToOthers(directory: string): Promise<string[]> {
  const names = ['.', ...(await readdir(directory, { recursive: true }))];
  const open = await Promise.all(
    names.map(async (name) => {
      const stats = await lstat(join(directory, name));
      return !stats.isSymbolicLink() && (stats.mode & OTHERS) !== 0;
    }),
  );
  return names.filter((_name, index) => open[index]);
}

async function workOf(url: string): Promise<void> {
  for (const host of Object.values(HOSTS)) {
    const assignment = (await (await fetch(`${url}/v1/nodes/${host}`)).json()) as { links?: { archive: string } };
    if (assignment.links === undefined) continue;
    expect((await fetch(new URL(assignment.links.archive, url))).status).toBe(200);
    const report = { runId: 'a', tag: NEWEST, outcome: 'applied', startedAt: new Date().toISOString(), durationMs: 1 };
    await fetch(`${url}/v1/nodes/${host}/reports`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(report),
    });
  }
}

describe('what a server writes', () => {
  test.each(['1', '2'])(
    'with %s worker(s) is for its user and group alone, with the databases, the archives, the repository and the sockets',
    async (workers) => {
      withUmask(0o022);
      const { given, stateDir, as } = await ordinaryBase();
      // Nothing from before: every file is one that the server made.
      const fresh = join(given.root, 'fresh');
      await mkdir(fresh, { mode: 0o755 });
      if (as.uid !== undefined) await execa('chown', [`${SERVER}:${SERVER}`, fresh]);
      const env = { TAGWAVE_STATE_DIR: join(fresh, 'state'), TAGWAVE_WORKERS: workers };
      const server = await serve(given.base, { ...as, env });
      const first = `${server.url}/v1/nodes/${HOSTS.dev}`;
      await until('the first tag', async () => (await fetch(first)).status === 200);
      await workOf(server.url);
      const made = await readdir(env.TAGWAVE_STATE_DIR, { recursive: true });
      for (const name of ['history.sqlite', 'history.sqlite-wal', 'repository.git', 'last-valid', 'fetches.ndjson'])
        expect(made).toContain(name);
      expect(made.some((name) => name.startsWith('views/'))).toBe(true);
      expect(await openToOthers(env.TAGWAVE_STATE_DIR)).toEqual([]);
      server.child.kill('SIGTERM');
      await server.ended;
      expect(await openToOthers(env.TAGWAVE_STATE_DIR)).toEqual([]);
      // That of the whole base is none of its business.
      expect((await stat(stateDir)).mode & 0o777).toBe(0o755);
    },
  );

  test('is closed to others also where the directory was open before', async () => {
    const { given, stateDir, as } = await ordinaryBase();
    await chmod(stateDir, 0o2775);
    const server = await serve(given.base, as);
    expect((await stat(stateDir)).mode & 0o7777).toBe(0o2770);
    const { problems } = (await (await fetch(`${server.url}/v1/status`)).json()) as { problems: { id: string }[] };
    expect(problems.map(({ id }) => id)).not.toContain('state:open');
  });

  test('leaves the mode of a directory that holds other things alone, and says what it is open to', async () => {
    const { given, stateDir, as } = await ordinaryBase();
    const shared = await disposableDirectory();
    await chmod(shared, 0o777);
    await mkdir(join(shared, 'something else'));
    await chmod(stateDir, 0o755);
    const server = await serve(given.base, { ...as, env: { TAGWAVE_STATE_DIR: shared } });
    expect((await stat(shared)).mode & 0o777).toBe(0o777);
    const { problems } = (await (await fetch(`${server.url}/v1/status`)).json()) as { problems: object[] };
    expect(problems).toContainEqual(
      expect.objectContaining({
        id: 'state:open',
        severity: 'warning',
        sentence: expect.stringContaining('holds other things than ours'),
        hint: expect.stringContaining(`chmod o= ${shared}`),
      }),
    );
  });

  test('never is stricter with control files: who reads the base may read what a command creates in it', async () => {
    withUmask(0o077);
    const { given } = await ordinaryBase();
    await chmod(join(given.base, 'tagstate'), 0o664);
    await execa('rm', [join(given.base, 'pins')]);
    expect(await given.run(['mark', NEWEST, 'bad'])).toMatchObject({ code: 0 });
    expect(await given.run(['pin', HOSTS.web, NEWEST])).toMatchObject({ code: 0 });
    expect(await given.run(['kill', 'production', '--message', 'x'])).toMatchObject({ code: 0 });
    const modes = async (...names: string[]) =>
      Promise.all(names.map(async (name) => (await stat(join(given.base, name))).mode & 0o777));
    expect(await modes('tagstate', 'pins', 'killswitch.d', 'killswitch.d/production')).toEqual([
      0o664, 0o644, 0o755, 0o644,
    ]);
  });

  test('begins, with init, with a base that everybody may read', async () => {
    withUmask(0o077);
    const { given } = await ordinaryBase();
    const base = join(await disposableDirectory(), 'base');
    await runCommand(['init', '--base', base, '--repo', given.source]);
    expect((await stat(base)).mode & 0o777).toBe(0o755);
    expect((await stat(join(base, 'tagstate'))).mode & 0o777).toBe(0o644);
    expect(await openToOthers(join(base, 'var'))).toEqual([]);
  });
});

test.skipIf(!root)('a server that runs as root says so in status and log, and what to do', async () => {
  const { given, as } = await ordinaryBase();
  const server = await serve(given.base);
  const { problems } = (await (await fetch(`${server.url}/v1/status`)).json()) as { problems: object[] };
  expect(problems).toContainEqual(
    expect.objectContaining({
      id: 'process:root',
      severity: 'warning',
      sentence: expect.stringMatching(/^the server runs as root, which it has no need of: .*could not replace$/),
      hint: `run it as uid ${SERVER}: User= in the systemd unit, --user of a container`,
    }),
  );
  expect(server.said.stderr).toContain('the server runs as root');
  if (as.uid === undefined) return;
  server.child.kill('SIGTERM');
  await server.ended;
  await execa('chown', ['-R', `${SERVER}:${SERVER}`, join(given.base, 'var')]);
  const ordinary = await serve(given.base, as);
  expect(await (await fetch(`${ordinary.url}/v1/status`)).text()).not.toContain('process:root');
});
