import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { enrol } from '../../server/core/enrolment.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { writeFiles } from '../rig/git.ts';
import { runCommand, serve } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';
import { digest, host, newToken, openTestCredentials } from './samples.ts';

async function base(serverYml = 'auth: {nodes: tokens}\n') {
  const directory = await disposableDirectory();
  await writeFiles(directory, { 'server.yml': serverYml, 'var/.keep': '' });
  const run = (...args: string[]) => runCommand([...args, '--base', directory]);
  return { directory, run, stateDir: join(directory, 'var') };
}

const ID = /[0-9a-f]{16}/;

test('token create prints the token alone on stdout and what it is on stderr; list shows it without; revoke ends it', async () => {
  const { run } = await base();
  const made = await run('token', 'create', '--role', 'operator', '--name', 'ci', '--expires', '30d');
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^twa_[\w-]{43}\n$/) });
  const id = digest(made.stdout.trim()).slice(0, 16);
  expect(made.stderr).toMatch(
    new RegExp(`^This is a token of ci as operator, until 2\\S+Z; its id is ${id}\\. It is shown this once\\.\n$`),
  );
  const listed = await run('token', 'list');
  expect(listed.stdout).toMatch(new RegExp(`${id} .*person.*ci, operator.*\\(command line\\).*never`));
  expect(listed.stdout).not.toContain(made.stdout.trim());
  const asJson = JSON.parse((await run('token', 'list', '--json')).stdout) as { tokens: object[] };
  expect(asJson.tokens).toEqual([
    expect.objectContaining({ id, kind: 'person', name: 'ci', role: 'operator', lastUse: null }),
  ]);
  expect(await run('token', 'revoke', id, '--reason', 'left')).toMatchObject({
    code: 0,
    stdout: `Revoked: a token of ci as operator (${id}).\n`,
  });
  expect(await run('token', 'revoke', id)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`there is no token ${id}`),
  });
  const events = await run('events', '--json');
  expect(events.stdout).toContain(id);
  expect(events.stdout).toContain('left');
  expect(events.stdout).not.toContain(made.stdout.trim());
});

test('token create --out writes a new file that its owner alone can read, and never takes over one that is there', async () => {
  const { run, directory } = await base();
  const out = join(directory, 'ci.token');
  const made = await run('token', 'create', '--role', 'viewer', '--name', 'ci', '--out', out);
  expect(made).toMatchObject({ code: 0, stdout: '' });
  expect(await readFile(out, 'utf8')).toMatch(/^twa_[\w-]{43}\n$/);
  expect((await stat(out)).mode & 0o777).toBe(0o600);
  const again = await run('token', 'create', '--role', 'viewer', '--name', 'two', '--out', out);
  expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('cannot be made') });
  expect((await run('token', 'list')).stdout).not.toContain('two');
});

test('a token of a host is revoked by its name, which stays taken until it is forgotten', async () => {
  const { run } = await base();
  await run('token', 'create', '--node', 'web1.example.com');
  expect((await run('token', 'revoke', 'web1.example.com')).stdout).toMatch(
    /^Revoked: a token of web1\.example\.com \([0-9a-f]{16}\)\.\nweb1\.example\.com keeps what it has, and its name stays taken\. .*token forget web1/,
  );
  expect((await run('token', 'list')).stdout).toMatch(
    /There are no tokens\.\nWithout a token, .*: web1\.example\.com\n/,
  );
  expect(await run('token', 'forget', 'web1.example.com')).toMatchObject({ code: 0 });
  expect((await run('token', 'list')).stdout).toBe('There are no tokens.\n');
});

test('a join token says whom it lets in, ends after a day unless something else is said, and warns where it counts for nothing', async () => {
  const { run } = await base('auth: {nodes: tokens, joining: approve}\n');
  const made = await run('token', 'create', '--join', 'web*.example.com', '--groups', 'web,db', '--uses', '20');
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^twj_/) });
  expect(made.stderr).toMatch(/a join token for 20 of web\*\.example\.com in web or db, until 2/);
  expect(made.stderr).toContain('it lets nobody in as long as auth.joining in server.yml is approve');
});

test.each([
  [['token', 'create'], 'it is not clear what the token is for'],
  [['token', 'create', '--role', 'root', '--name', 'x'], '"root" is no role'],
  [['token', 'create', '--role', 'admin'], 'the token has no name'],
  [['token', 'create', '--role', 'admin', '--name', 'a\u001b[31m'], 'is no name for a token'],
  [['token', 'create', '--node', 'web*'], 'is no host name'],
  [['token', 'create', '--node', 'web1', '--uses', '2'], 'go with --join'],
  [['token', 'create', '--role', 'admin', '--name', 'x', '--expires', '0d'], '"0d" is no time to come'],
  [['token', 'revoke', '*'], 'neither the id of a token nor a host name'],
  [['approve', '-_'], 'unknown option'],
])('%j is wrong usage: %s', async (args, sentence) => {
  const { run } = await base();
  expect(await run(...args)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(sentence) });
});

test('approve lets in who waits, deny turns down, and where two wait under one name the id has to be said', async () => {
  const { run, stateDir } = await base('auth: {nodes: tokens, joining: approve}\n');
  const credentials = openTestCredentials(stateDir);
  const tokens = [newToken(), newToken(), newToken()];
  const names = ['web1', 'web1', 'web2'];
  for (const [index, token] of tokens.entries()) {
    const hostname = host(names[index] ?? '');
    const request = {
      hostname,
      digest: digest(token),
      at: Date.now() + index,
      from: `192.0.2.${index}`,
      showedOther: false,
    };
    await credentials.change((kept) =>
      enrol(kept, request, { joining: 'approve', pendingMs: 3_600_000, mostNames: 9 }),
    );
  }
  const [one, two, three] = tokens.map((token) => digest(token).slice(0, 16));
  const listed = (await run('enrolments')).stdout;
  expect(listed).toMatch(new RegExp(`${one} .*web1\\.example\\.com.*192\\.0\\.2\\.0[^]*${two}[^]*${three}`));
  expect((await run('status')).stdout).toContain(`web2.example.com from 192.0.2.2 (${three})`);
  expect(await run('approve', 'web1.example.com')).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(
      /2 wait as web1\.example\.com: .* from 192\.0\.2\.0, .* from 192\.0\.2\.1\n→ .*by its id/,
    ),
  });
  expect((await run('approve', two ?? '')).stdout).toBe(
    `web1.example.com, which asked from 192.0.2.1 (${two}), is let in. No more: ${one}.\n`,
  );
  expect((await run('deny', 'web2.example.com')).stdout).toMatch(/is turned down\.\n$/);
  expect((await run('enrolments')).stdout).toBe('No host waits to be let in.\n');
  await until('the other process to know', () => credentials.ofNode(host('web1'))[0]?.state === 'active');
  expect(credentials.ofNode(host('web1')).map(({ id }) => id)).toEqual([two]);
  expect((await run('approve', 'web9.example.com')).stderr).toContain('no host waits to be let in as web9.example.com');
});

test('a running server lets in with a token that a command has just made, and no more when a command has revoked it', async () => {
  const { run, directory } = await base();
  const { url } = await serve(directory);
  const token = (await run('token', 'create', '--role', 'viewer', '--name', 'ci')).stdout.trim();
  const status = async () =>
    (await fetch(`${url}/v1/status`, { headers: { Authorization: `Bearer ${token}` } })).status;
  await until('it to be let in', async () => (await status()) === 200);
  const id = ID.exec(digest(token))?.[0] ?? '';
  await run('token', 'revoke', id);
  await until('it to be turned away', async () => (await status()) === 401);
});
