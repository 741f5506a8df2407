import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { accessTo } from '../../server/adapters/git/access.ts';
import { HOSTS, NEWEST, type TestBase, testBase, useBases } from '../cli/base.ts';
import { unwrap } from '../rig/records.ts';
import { kill9, type RunOptions, type Serving, serve } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';
import { type GitHost, gitHost } from './git-host.ts';

useBases();

const SENTINEL = 'Xs3nt1nel-of-a-pass/w:rd';
/** However it may be written: as it is, escaped in a URL, in the header of a login. */
const FORMS = [
  SENTINEL,
  encodeURIComponent(SENTINEL),
  Buffer.from(`deploy:${SENTINEL}`).toString('base64'),
  's3nt1nel',
];

function tells(text: string): boolean {
  return FORMS.some((form) => text.includes(form));
}

const NODETAGGER = `#!/bin/sh\nenv > "$(dirname "$0")/environment-of-nodetagger"\necho ${NEWEST}\n`;

/** Everything that anybody can ask a server, or a command, and the logs. */
async function saidOf(given: TestBase, server: Serving, options: RunOptions): Promise<Map<string, string>> {
  const said = new Map([['log', server.said.stderr]]);
  const paths = [
    'healthz',
    'readyz',
    'metrics',
    'v1/status',
    'v1/tags',
    'v1/nodes',
    'v1/events',
    'v1/forecast',
    'nowhere',
  ];
  for (const path of [...paths, `v1/nodes/${HOSTS.dev}`, `v1/nodes/${HOSTS.dev}/explain`])
    said.set(`GET /${path}`, await (await fetch(`${server.url}/${path}`)).text());
  for (const args of [['status'], ['check'], ['events'], ['explain', HOSTS.dev], ['tags'], ['nodes'], ['snapshot']])
    for (const more of [[], ['--json']]) {
      const { stdout, stderr } = await given.run([...args, ...more], options);
      said.set([...args, ...more].join(' '), `${stdout}\n${stderr}`);
    }
  return said;
}

async function filesThatTell(directory: string): Promise<string[]> {
  const names = await readdir(directory, { recursive: true });
  const telling = await Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      return (await stat(path)).isFile() && tells(await readFile(path, 'latin1'));
    }),
  );
  return names.filter((_name, index) => telling[index]).sort();
}

const tellingIn = (said: ReadonlyMap<string, string>) =>
  [...said].filter(([, text]) => tells(text)).map(([name]) => name);

const problemsOf = async (server: Serving) =>
  ((await (await fetch(`${server.url}/v1/status`)).json()) as { problems: { id: string; sentence: string }[] })
    .problems;

const asked = (host: GitHost) => until('the repository to be asked for', () => host.shown.size > 0);

/** What is said of it. */
const fetchFailed = (server: Serving) =>
  until('a fetch to fail', async () => (await problemsOf(server)).find(({ id }) => id === 'repository:fetch-failed'));

test('a password in a file opens the repository, and is in nothing that anybody can see, read or ask for, even where it is refused', async () => {
  const given = await testBase({ nodetagger: NODETAGGER });
  await chmod(join(given.base, 'nodetagger'), 0o755);
  const host = await gitHost(given.source, `deploy:${SENTINEL}`);
  const token = join(given.root, 'token');
  await writeFile(token, `deploy:${SENTINEL}\n`, { mode: 0o600 });
  await given.write({ 'server.yml': `repo: {url: "${host.url}", branch: main, token_file: ../token}\n` });
  const env = { GIT_SSL_CAINFO: host.ca, TAGWAVE_REPO_POLL_SECONDS: '1', TAGWAVE_LOG_LEVEL: 'debug' };
  const server = await serve(given.base, { env });
  await asked(host);
  expect((await problemsOf(server)).map(({ id }) => id)).not.toContain('repository:fetch-failed');
  expect([...host.shown]).toEqual([`Basic ${Buffer.from(`deploy:${SENTINEL}`).toString('base64')}`]);
  await until('nodetagger to be asked', async () => {
    await fetch(`${server.url}/v1/nodes/${HOSTS.dev}`);
    return readFile(join(given.base, 'environment-of-nodetagger'), 'utf8').catch(() => undefined);
  });

  host.login = 'deploy:another';
  expect((await fetchFailed(server)).sentence).toMatch(/refuses us: .*Authentication failed/);

  expect(tellingIn(await saidOf(given, server, { env }))).toEqual([]);
  // What was looked at did hold the commands in question.
  expect([...host.commandLines].some((line) => line.includes('git-remote-https'))).toBe(true);
  expect([...host.commandLines].filter(tells)).toEqual([]);
  expect(await filesThatTell(given.base)).toEqual([]);
  server.child.kill('SIGTERM');
  await server.ended;
  expect(await filesThatTell(given.base)).toEqual([]);
  expect(tells(server.said.stderr + server.said.stdout)).toBe(false);
}, 60_000);

test('a password in repo.url works, stands nowhere but in the file and its last valid text, and a warning recommends a file', async () => {
  const given = await testBase();
  const host = await gitHost(given.source, `deploy:${SENTINEL}`);
  const secretUrl = host.url.replace('https://', `https://deploy:${encodeURIComponent(SENTINEL)}@`);
  const env = { GIT_SSL_CAINFO: host.ca, TAGWAVE_REPO_POLL_SECONDS: '1', TAGWAVE_LOG_LEVEL: 'debug' };
  await given.write({ 'server.yml': `repo: {url: "${secretUrl}", branch: main}\n` });
  const server = await serve(given.base, { env });
  await asked(host);
  expect([...host.shown]).toEqual([`Basic ${Buffer.from(`deploy:${SENTINEL}`).toString('base64')}`]);
  const warned = { id: 'secret:in-url:repo.url', hint: expect.stringContaining('repo.token_file') };
  expect(await problemsOf(server)).toContainEqual(expect.objectContaining(warned));
  expect((await given.run(['check'])).stderr).toContain('repo.token_file');

  // A change is recorded with its difference, and an invalid text is told with what was found.
  await given.write({
    'server.yml': `repo: {url: "${secretUrl}", branch: main}\nlisten: "${secretUrl}"\nx: "${secretUrl}"\n`,
  });
  await until('the mistakes to be told', async () =>
    (await problemsOf(server)).some(({ sentence }) => /listen/.test(sentence)),
  );
  await given.write({ 'server.yml': `repo: {url: "${secretUrl}#", branch: main}\n` });
  host.login = 'deploy:another';
  await fetchFailed(server);
  expect(tellingIn(await saidOf(given, server, { env }))).toEqual([]);
  expect([...host.commandLines].filter(tells)).toEqual([]);
  expect(await filesThatTell(given.base)).toEqual(['server.yml', 'var/last-valid/server.yml']);
  expect((await stat(join(given.base, 'var/last-valid/server.yml'))).mode & 0o007).toBe(0);
  await kill9(server);
  expect(tells(server.said.stderr + server.said.stdout)).toBe(false);
}, 60_000);

test('a host that leads git elsewhere does not lead the password there', async () => {
  const given = await testBase();
  const host = await gitHost(given.source, `deploy:${SENTINEL}`);
  const stranger = await gitHost(given.source, `deploy:${SENTINEL}`);
  host.redirect = new URL(stranger.url).origin;
  const token = join(given.root, 'token');
  await writeFile(token, `deploy:${SENTINEL}\n`, { mode: 0o600 });
  await given.write({ 'server.yml': `repo: {url: "${host.url}", branch: main, token_file: ../token}\n` });
  const server = await serve(given.base, {
    env: { GIT_SSL_NO_VERIFY: '1', TAGWAVE_REPO_POLL_SECONDS: '1' },
  });
  await fetchFailed(server);
  expect(stranger.commandLines.size).toBeGreaterThan(0);
  expect([...stranger.shown]).toEqual([]);
}, 60_000);

test('ssh gets the key and the known hosts of the settings as words that no shell takes apart, and trusts no other', async () => {
  const given = await testBase({ known_hosts: 'h' });
  const key = join(given.base, "it's a key; touch x");
  await writeFile(key, 'k');
  const access = { tokenFile: null, sshKeyFile: key, sshKnownHostsFile: join(given.base, 'known_hosts') };
  const { env } = unwrap(accessTo('git@example.com:config.git', access));
  const { stdout } = await execa('sh', ['-c', (env['GIT_SSH_COMMAND'] ?? '').replace(/^'ssh'/, 'printf "%s\\n"')]);
  expect(stdout.split('\n')).toEqual([
    '-oBatchMode=yes',
    '-oIdentitiesOnly=yes',
    '-oIdentityAgent=none',
    `-oIdentityFile="${key}"`,
    '-oStrictHostKeyChecking=yes',
    '-oUpdateHostKeys=no',
    '-oGlobalKnownHostsFile=/dev/null',
    `-oUserKnownHostsFile="${join(given.base, 'known_hosts')}"`,
  ]);
  // Ssh itself takes it as meant.
  const words = stdout.split('\n');
  const { stdout: asked } = await execa('ssh', ['-F', '/dev/null', ...words, '-G', 'example.com']);
  expect(asked).toContain(`identityfile ${key}\n`);
  expect(asked).toMatch(/^stricthostkeychecking (true|yes)$/m);
  expect(accessTo('git@example.com:x', { ...access, sshKeyFile: '/nonexistent/key' })).toMatchObject({
    ok: false,
    sentence: 'repo.ssh_key_file: /nonexistent/key cannot be used: no such file',
  });
});
