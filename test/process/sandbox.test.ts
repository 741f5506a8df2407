import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { HOSTS, testBase, useBases } from '../cli/base.ts';
import { serverBundle } from '../rig/server-bundle.ts';
import { until } from '../rig/until.ts';

useBases();

const UNIT = join(import.meta.dirname, '../../samples/systemd/tagwave-server.service');
/** Of ten, as systemd counts: more would mean that something was taken out of the sandbox. */
const MOST_EXPOSED = 1.6;
const SERVER = 61_234;

const works = async (command: string, ...args: string[]) => !(await execa(command, args, { reject: false })).failed;

test(`the unit of the server is exposed by at most ${MOST_EXPOSED} of 10, as systemd counts`, async (context) => {
  if (!(await works('systemd-analyze', '--version'))) return context.skip('systemd-analyze is not installed');
  const { stdout } = await execa('systemd-analyze', ['security', '--offline=true', '--no-pager', UNIT]);
  const exposed = Number(/exposure level for \S+ (\d+\.\d+)/.exec(stdout)?.[1]);
  console.log(`exposure of tagwave-server.service: ${exposed} of 10`);
  expect(exposed).toBeLessThanOrEqual(MOST_EXPOSED);
});

const IN_A_READ_ONLY_SYSTEM = `
mount --bind "$STATE" "$STATE" && mount -o remount,bind,ro / &&
exec setpriv --reuid ${SERVER} --regid ${SERVER} --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all "$@"`;

test('a server with two workers runs, fetches and answers with no privilege, and with nothing writable but its state', async (context) => {
  if (process.getuid?.() !== 0) return context.skip('the tests do not run as root');
  if (!(await works('unshare', '--mount', 'mount', '-o', 'remount,bind,ro', '/')))
    return context.skip('no file system may be mounted here');
  const script = await serverBundle();
  for (let path = dirname(script); path !== '/'; path = dirname(path))
    if (((await stat(path)).mode & 0o005) !== 0o005) return context.skip(`${path} is closed to other users`);
  const given = await testBase({ nodetagger: '#!/bin/sh\ntouch "$(dirname "$0")/x" || echo read-only >&2\nexit 3\n' });
  await chmod(given.root, 0o755);
  await chmod(join(given.base, 'nodetagger'), 0o777);
  await chmod(given.base, 0o777);
  const state = join(given.root, 'state');
  await mkdir(state);
  await writeFile(
    join(given.base, 'server.yml'),
    `{workers: 2, state_dir: ${state}, repo: {url: ../config, branch: main}}\n`,
  );
  await execa('chown', ['-R', `${SERVER}:${SERVER}`, state, given.source]);
  const serve = [process.execPath, script, 'serve', '--base', given.base, '--listen', '127.0.0.1:0'];
  const running = execa('unshare', ['--mount', 'sh', '-c', IN_A_READ_ONLY_SYSTEM, 'sh', ...serve], {
    env: { STATE: state, HOME: state, TMPDIR: state, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null' },
    reject: false,
  });
  onTestFinished(async () => {
    running.kill('SIGTERM');
    await running;
  });
  let said = '';
  running.stdout.on('data', (chunk) => (said += chunk));
  const url = await until('the server to be ready', () => /^(http:\S+)\n/.exec(said)?.[1]);
  // The hour's tag was made: git, flock and the databases do what they should. The site's program ran, and could write nothing.
  const { reasons } = await until('the first tag', async () => {
    const body = (await (await fetch(`${url}/v1/nodes/${HOSTS.dev}/explain`)).json()) as { reasons?: string[] };
    return JSON.stringify(body).includes('nodetagger') ? { reasons: JSON.stringify(body) } : undefined;
  });
  expect(reasons).toMatch(/exited with 3: read-only/);
  const { tags } = (await (await fetch(`${url}/v1/tags`)).json()) as { tags: unknown[] };
  await until(
    'a tag',
    async () =>
      tags.length > 0 || ((await (await fetch(`${url}/v1/tags`)).json()) as { tags: unknown[] }).tags.length > 0,
  );
  running.kill('SIGHUP');
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});
